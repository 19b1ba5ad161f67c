//! `docs/clients.md`: what each member of a client's metadata does.

/// Who may write a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// Client metadata (RFC 7591, OpenID Connect Registration).
    Standard,
    /// Our own: an administrator.
    Administrator,
    /// Only in answers; ignored where it comes in.
    Answer,
}

/// One member of client metadata.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// As JSON writes it.
    pub name: &'static str,
    /// Whose it is: a specification's, or ours.
    pub writer: Writer,
    /// What it may be.
    pub value: &'static str,
    /// What holds without it.
    pub absent: &'static str,
    /// What it says, in Markdown.
    pub what: &'static str,
}

const fn standard(
    name: &'static str,
    value: &'static str,
    absent: &'static str,
    what: &'static str,
) -> Member {
    Member {
        name,
        writer: Writer::Standard,
        value,
        absent,
        what,
    }
}

const fn ours(
    name: &'static str,
    value: &'static str,
    absent: &'static str,
    what: &'static str,
) -> Member {
    Member {
        name,
        writer: Writer::Administrator,
        value,
        absent,
        what,
    }
}

const fn answered(name: &'static str, value: &'static str, what: &'static str) -> Member {
    Member {
        name,
        writer: Writer::Answer,
        value,
        absent: "",
        what,
    }
}

/// Every member that is known, in the order of the reference.
pub const MEMBERS: &[Member] = &[
    ours(
        "client_id",
        "1 to 255 printable ASCII characters",
        "one is made",
        "The name of the client in every protocol message. It never changes.",
    ),
    ours(
        "client_secret",
        "printable ASCII characters",
        "one of 256 random bits is made, for clients that are not public",
        "Only its keyed digest is stored, and with `HS256` (`id_token_signed_response_alg`) the secret itself, sealed. Best left out: the answer shows the one that was made, this once.",
    ),
    standard(
        "client_name",
        "text",
        "the client_id",
        "What pages call the app.",
    ),
    standard(
        "client_uri",
        "http or https address",
        "none",
        "Home page of the app.",
    ),
    standard(
        "logo_uri",
        "http or https address",
        "none",
        "Logo of the app.",
    ),
    standard(
        "policy_uri",
        "http or https address",
        "none",
        "Linked on the consent page.",
    ),
    standard(
        "tos_uri",
        "http or https address",
        "none",
        "Linked on the consent page.",
    ),
    standard(
        "contacts",
        "list of texts",
        "none",
        "Whom to ask about the app.",
    ),
    standard(
        "redirect_uris",
        "list of addresses",
        "none; the grant `authorization_code` needs one",
        "Where the browser may return to after a sign-in: compared character by character.",
    ),
    standard(
        "post_logout_redirect_uris",
        "list of addresses",
        "none",
        "Where the browser may return to after a sign-out: compared character by character.",
    ),
    standard(
        "backchannel_logout_uri",
        "https address, or http on a loopback address; no fragment",
        "none",
        "Where the client takes logout tokens (Back-Channel Logout 1.0) when a session ends that it signed a user in within. See [sign out everywhere](sign-out-everywhere.md).",
    ),
    standard(
        "backchannel_logout_session_required",
        "true, false",
        "false",
        "Whether logout tokens must have `sid`; they always do.",
    ),
    standard(
        "frontchannel_logout_uri",
        "as `backchannel_logout_uri`, with scheme, host and port of one of the `redirect_uris`",
        "none",
        "What the signed-out page shows in a frame (Front-Channel Logout 1.0), where it is the browser that signs out. See [sign out everywhere](sign-out-everywhere.md).",
    ),
    standard(
        "frontchannel_logout_session_required",
        "true, false",
        "false",
        "Whether that address must get `iss` and `sid`; it always does.",
    ),
    standard(
        "token_endpoint_auth_method",
        "`client_secret_basic`, `client_secret_post`, `none`",
        "the secret may come in the `Authorization` header or in the form",
        "How the client authenticates. Named, it is the only way. `none` makes a public client: no secret, and PKCE on every sign-in.",
    ),
    standard(
        "grant_types",
        "list of `authorization_code`, `refresh_token`, `client_credentials`",
        "`authorization_code`",
        "What the client may do at the token endpoint.",
    ),
    standard(
        "response_types",
        "list of `code`",
        "`code`",
        "There is no other response type.",
    ),
    standard(
        "application_type",
        "`web`, `native`",
        "`web`",
        "`native` (RFC 8252) may return to loopback addresses on any port and to private schemes.",
    ),
    standard(
        "scope",
        "scopes, separated by spaces",
        "`openid profile email address phone groups roles offline_access`",
        "What the client may ask for, besides `openid`, `implied_scope` and the scopes of its own `custom_claims`. Other scopes in a request are ignored.",
    ),
    standard(
        "default_max_age",
        "seconds",
        "none",
        "Used for requests without `max_age`: users whose sign-in is older sign in again.",
    ),
    standard(
        "require_auth_time",
        "true, false",
        "false",
        "`auth_time` is in every ID token anyway.",
    ),
    standard(
        "id_token_signed_response_alg",
        "`RS256`, `PS256`, `ES256`, `EdDSA` (Ed25519), `HS256`",
        "`RS256`",
        "What the client's ID tokens are signed with. Access tokens are RS256 always. The first client that names another algorithm with keys gets the installation a key for it. `HS256` signs with the client's secret, which must be one that was made here: see below.",
    ),
    standard(
        "jwks",
        "JWK set of public keys: RSA, or EC on P-256; at most 10",
        "none: the client cannot sign requests",
        "The keys that verify the client's request objects. A `jwks_uri` is not fetched: register the keys themselves, the next ones before the client signs with them.",
    ),
    standard(
        "request_object_signing_alg",
        "`RS256`, `PS256`, `ES256`",
        "any of them",
        "The only algorithm that the client's request objects are taken with. Unsigned ones are never taken.",
    ),
    standard(
        "require_signed_request_object",
        "true, false",
        "false",
        "Every sign-in must be a signed request object (RFC 9101), and what stands outside of it counts for nothing.",
    ),
    ours(
        "require_pkce",
        "true, false",
        "the setting `require_pkce`; public clients always",
        "Every sign-in must carry a `code_challenge` (RFC 7636).",
    ),
    ours("trusted", "true, false", "false", "No consent page."),
    ours(
        "audience",
        "list of texts",
        "the issuer",
        "`aud` of the client's access tokens: the APIs they are for. Tokens with the scope `openid` have the issuer too, so that UserInfo takes them; without that scope they are for these APIs alone.",
    ),
    ours(
        "roles",
        "list of texts",
        "none",
        "`roles` of the tokens that the client gets for itself (`client_credentials`).",
    ),
    ours(
        "refresh",
        "`offline_access`, `always`",
        "`offline_access`",
        "When there is a refresh token: with the scope `offline_access`, or with every sign-in; it then ends with the session.",
    ),
    ours(
        "implied_scope",
        "scopes, separated by spaces",
        "none",
        "Scopes that are added to every sign-in of the client, for apps that cannot ask for them: `\"implied_scope\": \"groups\"`. The consent page shows them like the others.",
    ),
    ours(
        "id_token_claims",
        "`all`, `minimal`",
        "`all`",
        "`all`: name, e-mail address, groups and so on are in the ID token for the scopes that were granted; most apps look nowhere else. `minimal`: only at UserInfo (OpenID Connect Core 5.4).",
    ),
    ours(
        "access_token_typ",
        "`at+jwt`, `JWT`",
        "`JWT` where `aud` has one of the setting `tokens.jwt_typ_audiences`, else `at+jwt`",
        "Header `typ` of the client's access tokens. `JWT` is for APIs whose library refuses `at+jwt` (RFC 9068), as Spring Security and Nimbus do by default. Give no API the `client_id` of an app as its name then: the app may take such tokens for ID tokens of its own. The commands warn of it when either is registered or changed.",
    ),
    ours(
        "custom_claims",
        "object of mappings by claim name",
        "none",
        "Claims of this client alone, or in place of one for all (`latchkey claim`): see below.",
    ),
    ours(
        "access",
        "object of lists `groups`, `roles`, `users`",
        "everybody may use the client",
        "Limits the client to whoever is in one of the groups, has one of the roles or is named: see below.",
    ),
    answered(
        "token_endpoint_auth_methods",
        "list",
        "The ways in which the client may authenticate.",
    ),
    answered(
        "client_id_issued_at",
        "seconds since 1970",
        "When the client was registered.",
    ),
    answered(
        "client_secret_expires_at",
        "0",
        "Beside a new secret: it does not expire.",
    ),
    answered(
        "former_secret_expires_at",
        "seconds since 1970",
        "Until when the secret before the present one is taken (`latchkey client rotate-secret ID --keep-old 1h`).",
    ),
    answered(
        "disabled_at",
        "seconds since 1970",
        "Since when the client is disabled (`latchkey client disable`).",
    ),
];

const HEAD: &str = "\
# Client metadata

Generated from the table in `crates/protocol/src/client_reference.rs` by `latchkey config reference --clients`.

An app is registered by a JSON object of these members, from a file or standard input:

```
echo '{\"client_name\":\"My app\",\"redirect_uris\":[\"https://app.example/callback\"]}' | latchkey client create --from -
```

`latchkey client show ID --json` prints them, `latchkey client update ID --from FILE` changes them. `null` is as good as absent.
";

const SHARED: &str = "
## ID tokens signed with the client's secret (HS256)

`\"id_token_signed_response_alg\": \"HS256\"` is for apps that know nothing else. It costs more than it seems:

- The secret has to be readable. It is stored sealed under the master key, beside the digest that the client authenticates against: whoever
  has the database **and** the master key can read it, authenticate as the client and make ID tokens for it. Of all other clients only a digest is stored.
- Whoever has the secret can make ID tokens that this client takes for ours; the signature proves nothing to anybody else.
- Only a secret that was made here (256 random bits) is taken, because whoever has an ID token can try secrets on it: leave `client_secret` out.
  Public clients cannot have it.
- A client that is registered already needs a new secret, because of the old one only the digest is there:
  `latchkey client update ID --from FILE --new-secret`. Another algorithm later removes the sealed secret.
- A new secret (`latchkey client rotate-secret ID`, `--new-secret`), and another algorithm, make the ID tokens that the old secret signed
  unusable as `id_token_hint` at once: a sign-in with such a hint is answered `invalid_request`, a sign-out asks the user first, and a sign-out
  by a back end is refused. Sessions and other tokens stay; the app's users have a good ID token again after their next sign-in or refresh.

The key is the UTF-8 of `client_secret` as it was printed, prefix included (OpenID Connect Core 10.1). Access and refresh tokens are RS256 always.
";

const ACCESS: &str = include_str!("client_reference/access.md");

const CUSTOM: &str = "
## Custom claims

`custom_claims` maps what is known of a user to claims of this client. Each member is the name of a claim: one of the
[registry](https://www.rfc-editor.org/rfc/rfc7519#section-10.1), a URI of your own, or a private name that the app expects.

```json
\"custom_claims\": {
  \"department\": { \"attribute\": \"department\" },
  \"upn\": { \"claim\": \"preferred_username\", \"in\": [\"access_token\"] },
  \"https://example.org/tenant\": { \"value\": \"acme\", \"in\": [\"id_token\", \"access_token\"], \"scope\": \"tenant\" }
}
```

| member | meaning |
|---|---|
| `attribute` | The user's attribute of this name (`latchkey user update NAME --attribute department=Sales`): any JSON. Without it there is no such claim. |
| `claim` | A claim that Latchkey has of every user: those of `profile`, `email`, `phone`, `address`, and `groups`, `roles`. |
| `value` | The same for all, and in tokens that the client gets for itself. |
| `in` | Where it is said: `id_token`, `userinfo`, `access_token`. Without it: `id_token` and `userinfo`. |
| `scope` | It is said only where this scope was granted. Without it: `openid`. The client may ask for the scopes of its own custom claims. |

`latchkey claim set NAME ...` makes such a mapping for all clients, `latchkey claim list` shows them, `latchkey claim remove NAME` ends one.
A new scope of such a mapping has to be in `scope` or `implied_scope` of the clients that may have it. Claims by which tokens are judged
(`iss`, `aud`, `exp`, `scope` and so on) cannot be mapped, and the claims that every user has keep their values.
";

/// `docs/clients.md`.
pub fn reference() -> String {
    let mut text = String::from(HEAD);
    for (title, writer, absent) in [
        ("Of the specifications", Writer::Standard, true),
        ("Our own, for administrators", Writer::Administrator, true),
        ("Only in answers", Writer::Answer, false),
    ] {
        text += &format!("\n## {title}\n\n");
        text += if absent {
            "| member | value | without it | what it does |\n|---|---|---|---|\n"
        } else {
            "| member | value | meaning |\n|---|---|---|\n"
        };
        for m in MEMBERS.iter().filter(|m| m.writer == writer) {
            let absent = if absent {
                format!("{} | ", m.absent)
            } else {
                String::new()
            };
            text += &format!("| `{}` | {} | {absent}{} |\n", m.name, m.value, m.what);
        }
    }
    text + SHARED + ACCESS + CUSTOM
}
