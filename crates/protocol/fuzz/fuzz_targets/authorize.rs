//! Authorization requests: whatever comes, an answer leaves only for a registered address.
#![no_main]
use latchkey_protocol::{
    Params,
    authorize::{AuthorizationRequest, Hint, RequestRules, answer_error},
    client::Client,
    error::AuthorizationError,
    registration::Registration,
    uri,
};
use libfuzzer_sys::fuzz_target;

const REDIRECT: &str = "https://app.example/cb?x=1";

fuzz_target!(|data: &[u8]| {
    let json = serde_json::json!({ "redirect_uris": [REDIRECT], "grant_types": ["authorization_code", "refresh_token"] });
    let metadata = Registration::parse(&json).expect("metadata").metadata;
    let client = Client {
        id: "c".into(),
        secret: None,
        metadata,
        created_at: 0,
        version: 0,
    };
    let params = Params::parse(data);
    let Ok(to) = AuthorizationRequest::destination(&params, &client) else {
        return;
    };
    assert_eq!(to.redirect_uri(), REDIRECT);
    match AuthorizationRequest::check(&params, &client, to, Hint::None, RequestRules::default()) {
        Ok(request) => assert!(request.redirect_uri == REDIRECT && params.sound().is_ok()),
        Err(AuthorizationError::Back(to, refused)) => {
            let refusal = refused.reason.refusal();
            let description = refusal.described("7K3M9Q2X");
            let answer = answer_error(&to, "https://i.example", refusal.code, &description);
            let sent = uri::with_query(to.redirect_uri(), &answer);
            assert!(sent.starts_with(REDIRECT) && !sent.contains(['\r', '\n', ' ']));
        }
        Err(AuthorizationError::Page(_)) => {}
    }
});
