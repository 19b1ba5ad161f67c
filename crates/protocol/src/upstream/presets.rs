//! What is known of widely used providers, so that an administrator gives no more than an id and a secret.

/// A provider that is known: a data entry.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// As `--preset` names it.
    pub name: &'static str,
    /// The name of the provider, as it writes it.
    pub provider: &'static str,
    /// What its button says in English, in the words of its brand rules.
    pub button_en: &'static str,
    /// And in Korean.
    pub button_ko: &'static str,
    /// The name of its logo's file among the assets.
    pub logo: &'static str,
    /// [`UpstreamSettings`](super::UpstreamSettings) as JSON, without `title`, `client_id` and what `asks` names.
    pub settings: &'static str,
    /// What an administrator has to give besides: paths into the settings with a dot before each member, and what it is.
    pub asks: &'static [(&'static str, &'static str)],
    /// The page of the documentation.
    pub page: &'static str,
}

/// Every preset, by name.
pub const PRESETS: &[Preset] = &[
    // The name comes once, at the first sign-in, and not in the ID token. PKCE is not documented; what is not known is ignored.
    Preset {
        name: "apple",
        provider: "Apple",
        button_en: "Sign in with Apple",
        button_ko: "Apple로 로그인",
        logo: "upstream-apple.svg",
        settings: r#"{
            "protocol": {"kind": "oidc", "issuer": "https://appleid.apple.com"},
            "client_auth": {"method": "signed_secret", "audience": "https://appleid.apple.com"},
            "scopes": ["openid", "name", "email"],
            "response_mode": "form_post",
            "mapping": {"username": null, "picture": null},
            "trust": {"email": "all", "create": true, "link": "with_proof"}
        }"#,
        asks: &[
            (
                "client_auth.team_id",
                "the ten characters of the team, at the top right of Apple's developer pages",
            ),
            (
                "client_auth.key_id",
                "the ten characters of the key for Sign in with Apple",
            ),
        ],
        page: "docs/sign-in-through-others.md#apple",
    },
    // `login` can be given up and taken by somebody else: the number is who it is.
    Preset {
        name: "github",
        provider: "GitHub",
        button_en: "Sign in with GitHub",
        button_ko: "GitHub로 로그인",
        logo: "upstream-github.svg",
        settings: r#"{
            "protocol": {
                "kind": "oauth2", "issuer": "https://github.com/login/oauth", "pkce": true,
                "authorization_endpoint": "https://github.com/login/oauth/authorize",
                "token_endpoint": "https://github.com/login/oauth/access_token",
                "userinfo_endpoint": "https://api.github.com/user",
                "emails_endpoint": "https://api.github.com/user/emails"
            },
            "client_auth": {"method": "client_secret_post"},
            "scopes": ["read:user", "user:email"],
            "mapping": {"subject": "/id", "username": "/login", "name": ["/name", "/login"], "picture": "/avatar_url"},
            "trust": {"email": "all", "create": true, "link": "with_proof"}
        }"#,
        asks: &[],
        page: "docs/sign-in-through-others.md#github",
    },
    Preset {
        name: "gitlab",
        provider: "GitLab",
        button_en: "Sign in with GitLab",
        button_ko: "GitLab으로 로그인",
        logo: "upstream-gitlab.svg",
        settings: r#"{
            "protocol": {"kind": "oidc", "issuer": "https://gitlab.com"},
            "client_auth": {"method": "client_secret_basic"},
            "scopes": ["openid", "profile", "email"],
            "userinfo": true,
            "trust": {"email": "all", "create": true, "link": "with_proof"}
        }"#,
        asks: &[],
        page: "docs/sign-in-through-others.md#gitlab",
    },
    // Of other addresses than its own it says that they were verified once, not that they still are the user's.
    Preset {
        name: "google",
        provider: "Google",
        button_en: "Sign in with Google",
        button_ko: "Google 계정으로 로그인",
        logo: "upstream-google.svg",
        settings: r#"{
            "protocol": {"kind": "oidc", "issuer": "https://accounts.google.com", "says_auth_time": false},
            "client_auth": {"method": "client_secret_post"},
            "scopes": ["openid", "profile", "email"],
            "mapping": {"username": null},
            "trust": {"email": "domains", "create": true, "link": "with_proof"},
            "domains": ["gmail.com"]
        }"#,
        asks: &[],
        page: "docs/sign-in-through-others.md#google",
    },
    // The ID token does not say whether the address is verified; the UserInfo endpoint does. No address at all is normal.
    Preset {
        name: "kakao",
        provider: "Kakao",
        button_en: "Login with Kakao",
        button_ko: "카카오 로그인",
        logo: "upstream-kakao.svg",
        settings: r#"{
            "protocol": {"kind": "oidc", "issuer": "https://kauth.kakao.com"},
            "client_auth": {"method": "client_secret_post"},
            "scopes": ["openid", "profile_nickname", "profile_image", "account_email"],
            "userinfo": true,
            "mapping": {"username": null, "name": ["/nickname", "/name"]},
            "trust": {"email": "all", "create": true, "link": "with_proof"}
        }"#,
        asks: &[],
        page: "docs/sign-in-through-others.md#kakao",
    },
    // Whoever runs it can say any address: it is believed only where trust.email says so.
    Preset {
        name: "latchkey",
        provider: "Latchkey",
        button_en: "Sign in with Latchkey",
        button_ko: "Latchkey로 로그인",
        logo: "upstream-latchkey.svg",
        settings: r#"{
            "protocol": {"kind": "oidc"},
            "client_auth": {"method": "client_secret_basic"},
            "scopes": ["openid", "profile", "email"],
            "userinfo": true,
            "trust": {"email": "none", "create": true, "link": "with_proof"}
        }"#,
        asks: &[(
            "protocol.issuer",
            "the issuer of the other Latchkey, as its discovery document says it",
        )],
        page: "docs/sign-in-through-others.md#latchkey",
    },
    // The administrator of any tenant can write any address into it: none counts as verified.
    Preset {
        name: "microsoft",
        provider: "Microsoft",
        button_en: "Sign in with Microsoft",
        button_ko: "Microsoft 계정으로 로그인",
        logo: "upstream-microsoft.svg",
        settings: r#"{
            "protocol": {"kind": "oidc", "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"},
            "client_auth": {"method": "client_secret_post"},
            "scopes": ["openid", "profile", "email"],
            "mapping": {"email_verified": [], "picture": null},
            "trust": {"email": "none", "create": true, "link": "with_proof"}
        }"#,
        asks: &[(
            "protocol.tenants",
            "the ids of the tenants whose users may sign in, or * for all",
        )],
        page: "docs/sign-in-through-others.md#microsoft",
    },
    // The address is one that the user gave to be reached at: nothing says that it was verified.
    Preset {
        name: "naver",
        provider: "NAVER",
        button_en: "Log in with NAVER",
        button_ko: "네이버 로그인",
        logo: "upstream-naver.svg",
        settings: r#"{
            "protocol": {
                "kind": "oauth2", "issuer": "https://nid.naver.com",
                "authorization_endpoint": "https://nid.naver.com/oauth2.0/authorize",
                "token_endpoint": "https://nid.naver.com/oauth2.0/token",
                "userinfo_endpoint": "https://openapi.naver.com/v1/nid/me"
            },
            "client_auth": {"method": "client_secret_post"},
            "scopes": [],
            "mapping": {
                "subject": "/response/id", "username": null, "name": ["/response/name", "/response/nickname"],
                "email": "/response/email", "email_verified": [], "picture": "/response/profile_image"
            },
            "trust": {"email": "none", "create": true, "link": "with_proof"}
        }"#,
        asks: &[],
        page: "docs/sign-in-through-others.md#naver",
    },
    // Trusted with nothing: an administrator says what it is believed. What scopes ask for is at the UserInfo endpoint, and in
    // the ID token only where a provider puts it there too (Core 5.4).
    Preset {
        name: "oidc",
        provider: "OpenID Connect",
        button_en: "Single sign-on",
        button_ko: "통합 로그인",
        logo: "upstream-openid.svg",
        settings: r#"{
            "protocol": {"kind": "oidc"},
            "scopes": ["openid", "profile", "email"],
            "userinfo": true
        }"#,
        asks: &[(
            "protocol.issuer",
            "the issuer, as its discovery document says it",
        )],
        page: "docs/sign-in-through-others.md#oidc",
    },
];

/// The preset of this name.
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}
