//! `AuthorizationRequest::destination` and `check`: what an authorization request must keep to.

use latchkey_protocol::{
    Reason, Subject,
    authorize::{AuthorizationRequest, Hint, RequestRules},
};
use serde_json::{Value, json};

use crate::{CHALLENGE, REDIRECT, client, params, shows_each};

/// All is well: the least that a request of this client must have.
struct World {
    metadata: Value,
    /// In the place of `response_type=code`.
    query: String,
    hint: Hint,
    rules: RequestRules,
}

impl World {
    fn new() -> Self {
        Self {
            metadata: json!({}),
            query: "response_type=code&scope=openid".into(),
            hint: Hint::None,
            rules: RequestRules::default(),
        }
    }

    fn with(&mut self, more: &str) {
        self.query = format!("{}&{more}", self.query);
    }

    fn public(&mut self) {
        self.metadata = json!({ "token_endpoint_auth_method": "none" });
    }

    /// The request, or why not.
    fn check(&self) -> Result<AuthorizationRequest, Reason> {
        let (client, params) = (client(self.metadata.clone()), params(&self.query));
        let to = AuthorizationRequest::destination(&params, &client).map_err(|r| r.reason)?;
        assert_eq!(to.redirect_uri(), REDIRECT);
        let checked =
            AuthorizationRequest::check(&params, &client, &to, self.hint.clone(), self.rules);
        checked.map_err(|refused| refused.reason)
    }
}

type Row = (&'static str, fn(&mut World), Option<Reason>);

fn long(name: &str, bytes: usize) -> String {
    format!("{name}={}", "a".repeat(bytes))
}

const DESTINATION: [Row; 5] = [
    (
        "another address",
        |w| w.with("redirect_uri=https://evil.example/"),
        Some(Reason::RedirectUriUnregistered),
    ),
    (
        "the registered address",
        |w| w.with("redirect_uri=https://app.example/cb"),
        None,
    ),
    (
        "an address that is sent twice",
        |w| w.with("redirect_uri=https://app.example/cb&redirect_uri=https://app.example/cb"),
        Some(Reason::ParameterRepeated),
    ),
    (
        "no address, and the client has two",
        |w| w.metadata = json!({ "redirect_uris": [REDIRECT, "https://app.example/other"] }),
        Some(Reason::RedirectUriMissing),
    ),
    (
        "a state that is malformed",
        |w| w.with("state=%00"),
        Some(Reason::ParameterMalformed),
    ),
];

const REQUEST: [Row; 29] = [
    ("all is well", |_| {}, None),
    (
        "a parameter twice",
        |w| w.with("nonce=1&nonce=1"),
        Some(Reason::ParameterRepeated),
    ),
    (
        "a parameter that is malformed",
        |w| w.with("nonce=%00"),
        Some(Reason::ParameterMalformed),
    ),
    (
        "a request URI",
        |w| w.with("request_uri=https://app.example/r"),
        Some(Reason::RequestUriUnsupported),
    ),
    (
        "a registration",
        |w| w.with("registration={}"),
        Some(Reason::RegistrationUnsupported),
    ),
    ("the longest state", |w| w.with(&long("state", 4096)), None),
    (
        "a longer state",
        |w| w.with(&long("state", 4097)),
        Some(Reason::ParameterMalformed),
    ),
    ("the longest nonce", |w| w.with(&long("nonce", 1024)), None),
    (
        "a longer nonce",
        |w| w.with(&long("nonce", 1025)),
        Some(Reason::ParameterMalformed),
    ),
    (
        "a scope that is too long",
        |w| w.query = format!("response_type=code&scope=openid+{}", "a".repeat(4090)),
        Some(Reason::ParameterMalformed),
    ),
    (
        "no response type",
        |w| w.query = "scope=openid".into(),
        Some(Reason::ParameterMissing),
    ),
    (
        "another response type",
        |w| w.query = "response_type=token&scope=openid".into(),
        Some(Reason::ResponseTypeUnsupported),
    ),
    (
        "a code and more",
        |w| w.query = "response_type=id_token+code&scope=openid".into(),
        Some(Reason::ResponseTypeUnsupported),
    ),
    (
        "a code twice",
        |w| w.query = "response_type=code+code&scope=openid".into(),
        Some(Reason::ResponseTypeUnsupported),
    ),
    (
        "the response type none",
        |w| w.query = "response_type=none&scope=openid".into(),
        Some(Reason::ResponseTypeUnsupported),
    ),
    (
        "a client that registered no response type, which means code",
        |w| w.metadata = json!({ "response_types": [] }),
        None,
    ),
    (
        "a response mode",
        |w| w.with("response_mode=form_post"),
        None,
    ),
    (
        "another response mode",
        |w| w.with("response_mode=fragment"),
        Some(Reason::ResponseModeUnsupported),
    ),
    (
        "a client without the grant",
        |w| w.metadata = json!({ "grant_types": ["client_credentials"] }),
        Some(Reason::GrantNotAllowed),
    ),
    (
        "a scope that is none",
        |w| w.query = "response_type=code&scope=a%22b".into(),
        Some(Reason::ScopeUnknown),
    ),
    (
        "no scope that is known",
        |w| w.query = "response_type=code&scope=unknown".into(),
        Some(Reason::ScopeUnknown),
    ),
    ("no scope", |w| w.query = "response_type=code".into(), None),
    (
        "claims that are none",
        |w| w.with("claims=[]"),
        Some(Reason::ParameterMalformed),
    ),
    (
        "claims without openid",
        |w| w.query = "response_type=code&scope=email&claims=[]".into(),
        None,
    ),
    (
        "an authentication that is not had here",
        |w| w.with(r#"claims={"id_token":{"acr":{"essential":true,"value":"2"}}}"#),
        Some(Reason::AcrUnavailable),
    ),
    (
        "an unknown prompt",
        |w| w.with("prompt=ask"),
        Some(Reason::PromptMalformed),
    ),
    (
        "prompt=none and another",
        |w| w.with("prompt=none+login"),
        Some(Reason::PromptMalformed),
    ),
    (
        "a hint of ours",
        |w| w.hint = Hint::Subject(Subject::presented("alice")),
        None,
    ),
    (
        "a hint that is not ours",
        |w| w.hint = Hint::Unusable,
        Some(Reason::HintUnusable),
    ),
];

const AGE_AND_CHALLENGE: [Row; 14] = [
    ("no age at all", |w| w.with("max_age=0"), None),
    ("the greatest age", |w| w.with("max_age=4294967295"), None),
    (
        "a greater age",
        |w| w.with("max_age=4294967296"),
        Some(Reason::ParameterMalformed),
    ),
    (
        "a negative age",
        |w| w.with("max_age=-1"),
        Some(Reason::ParameterMalformed),
    ),
    (
        "an age that is no number",
        |w| w.with("max_age=x"),
        Some(Reason::ParameterMalformed),
    ),
    (
        "a challenge",
        |w| {
            w.with(&format!(
                "code_challenge={CHALLENGE}&code_challenge_method=S256"
            ))
        },
        None,
    ),
    (
        "a challenge of a public client",
        |w| {
            w.public();
            w.with(&format!(
                "code_challenge={CHALLENGE}&code_challenge_method=S256"
            ));
        },
        None,
    ),
    (
        "none, of a public client",
        |w| w.public(),
        Some(Reason::ChallengeMissing),
    ),
    (
        "none, where the client registered that it sends one",
        |w| w.metadata = json!({ "require_pkce": true }),
        Some(Reason::ChallengeMissing),
    ),
    (
        "none, where the installation asks all for one",
        |w| w.rules.require_pkce = true,
        Some(Reason::ChallengeMissing),
    ),
    (
        "a method without a challenge",
        |w| w.with("code_challenge_method=S256"),
        Some(Reason::ChallengeMissing),
    ),
    (
        "a challenge without a method, which means plain",
        |w| w.with(&format!("code_challenge={CHALLENGE}")),
        Some(Reason::ChallengeMethodUnsupported),
    ),
    (
        "a plain challenge",
        |w| {
            w.with(&format!(
                "code_challenge={CHALLENGE}&code_challenge_method=plain"
            ))
        },
        Some(Reason::ChallengeMethodUnsupported),
    ),
    (
        "a challenge that is no hash",
        |w| w.with("code_challenge=short&code_challenge_method=S256"),
        Some(Reason::ParameterMalformed),
    ),
];

#[test]
fn a_request_is_refused_for_the_first_thing_that_is_wrong() {
    let mut seen = Vec::new();
    let rows = DESTINATION.iter().chain(&REQUEST).chain(&AGE_AND_CHALLENGE);
    for (name, change, expected) in rows {
        let mut world = World::new();
        change(&mut world);
        assert_eq!(world.check().err(), *expected, "{name}");
        seen.extend(*expected);
    }
    shows_each(
        &seen,
        &[
            Reason::ParameterRepeated,
            Reason::ParameterMalformed,
            Reason::RedirectUriMissing,
            Reason::RedirectUriUnregistered,
            Reason::RequestUriUnsupported,
            Reason::RegistrationUnsupported,
            Reason::ParameterMissing,
            Reason::ResponseTypeUnsupported,
            Reason::ResponseModeUnsupported,
            Reason::GrantNotAllowed,
            Reason::ScopeUnknown,
            Reason::AcrUnavailable,
            Reason::PromptMalformed,
            Reason::HintUnusable,
            Reason::ChallengeMissing,
            Reason::ChallengeMethodUnsupported,
        ],
    );
}

/// OpenID Connect Core 3.1.2.1: scopes that are not understood are ignored.
#[test]
fn a_request_gets_the_scopes_that_the_client_can_have() {
    // The registration, what is asked for, what is given, what is ignored.
    let table = [
        (json!({}), "openid custom", "openid", "custom"),
        (
            json!({ "scope": "email" }),
            "openid email profile",
            "openid email",
            "profile",
        ),
        (json!({ "scope": "email custom" }), "custom", "custom", ""),
        (
            json!({ "implied_scope": "groups" }),
            "openid",
            "openid groups",
            "",
        ),
        (json!({ "implied_scope": "groups" }), "", "groups", ""),
        (
            json!({}),
            "openid offline_access",
            "openid offline_access",
            "",
        ),
        (
            json!({ "grant_types": ["authorization_code"] }),
            "openid offline_access",
            "openid",
            "offline_access",
        ),
    ];
    for (metadata, asked, given, ignored) in table {
        let told = format!("{metadata} {asked}");
        let mut world = World::new();
        world.metadata = metadata;
        world.query = format!("response_type=code&scope={}", asked.replace(' ', "+"));
        let request = world.check().unwrap();
        let found = (
            request.grant.scope.to_string(),
            request.grant.ignored_scope.to_string(),
        );
        assert_eq!(found, (given.into(), ignored.into()), "{told}");
    }
}

#[test]
fn a_request_is_kept_as_it_came_but_for_hints_which_are_cut() {
    let mut world = World::new();
    world.metadata = json!({ "default_max_age": 7 });
    world.hint = Hint::Subject(Subject::presented("alice"));
    world.with(&format!(
        "redirect_uri={REDIRECT}&state=s&nonce=n&prompt=login"
    ));
    world.with(&format!(
        "{}&{}",
        long("login_hint", 300),
        long("ui_locales", 300)
    ));
    let request = world.check().unwrap();
    assert!(request.route.redirect_uri_sent && request.grant.prompt.login);
    assert_eq!(
        (
            request.client_id.as_str(),
            request.route.redirect_uri.as_str()
        ),
        ("app", REDIRECT)
    );
    assert_eq!(
        (
            request.route.state.as_deref(),
            request.route.nonce.as_deref()
        ),
        (Some("s"), Some("n"))
    );
    assert_eq!(
        (
            request.grant.hint_subject.as_ref().map(Subject::as_str),
            request.grant.max_age
        ),
        (Some("alice"), Some(7)),
        "the client's own age where it sends none"
    );
    assert_eq!(request.grant.login_hint.map(|hint| hint.len()), Some(200));
    assert_eq!(
        request.grant.ui_locales.map(|locales| locales.len()),
        Some(100)
    );
    world.with("max_age=9");
    assert_eq!(world.check().unwrap().grant.max_age, Some(9));
}
