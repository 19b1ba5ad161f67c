//! What is wrong with a request, and what is said of it.

use super::*;

pub const DESTINATION: [Row; 5] = [
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

pub const REQUEST: [Row; 29] = [
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

pub const AGE_AND_CHALLENGE: [Row; 14] = [
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
