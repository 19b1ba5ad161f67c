//! Authorization requests: whatever comes, an answer leaves only for a registered address; and a good request is taken.
#![no_main]
use latchkey_protocol::{
    Issuer, Params,
    authorize::{AuthorizationRequest, Hint, RequestRules, answer_error},
    client::Client,
    registration::Registration,
    uri,
};
use libfuzzer_sys::fuzz_target;

const REDIRECT: &str = "https://app.example/cb?x=1";
/// What is read before the destination is proven.
const BEFORE: [&str; 4] = ["client_id", "redirect_uri", "response_mode", "state"];

fn client() -> Client {
    let json = serde_json::json!({ "redirect_uris": [REDIRECT], "grant_types": ["authorization_code", "refresh_token"] });
    Client {
        id: latchkey_protocol::ClientId::new("c"),
        secret: None,
        sealed_secret: None,
        secret_since: None,
        former_secret: None,
        disabled_at: None,
        metadata: Registration::parse(&json).expect("metadata").metadata,
        created_at: latchkey_protocol::Timestamp::EPOCH,
        version: 0,
    }
}

fuzz_target!(|data: &[u8]| {
    let client = client();
    whatever(&client, data);
    good(&client, data);
});

fn whatever(client: &Client, data: &[u8]) {
    let params = Params::parse(data);
    let to = AuthorizationRequest::destination(&params, client);
    let sent = params.optional("redirect_uri");
    let proven = params.sound_in(&BEFORE).is_ok() && sent.is_none_or(|sent| sent == REDIRECT);
    assert_eq!(to.is_ok(), proven);
    let Ok(to) = to else { return };
    assert_eq!(to.redirect_uri(), REDIRECT);
    match AuthorizationRequest::check(&params, client, &to, Hint::None, RequestRules::default()) {
        Ok(request) => assert!(request.route.redirect_uri == REDIRECT && params.sound().is_ok()),
        Err(refused) => {
            let refusal = refused.reason.refusal();
            let description = refusal.described("7K3M9Q2X");
            let issuer = Issuer::new("https://i.example");
            let answer = answer_error(&to, &issuer, refusal.code, &description);
            let sent = uri::with_query(to.redirect_uri(), &answer);
            assert!(sent.starts_with(REDIRECT) && !sent.contains(['\r', '\n', ' ']));
        }
    }
}

/// Bytes as the state and the nonce of a request that is good: they come back as they were sent, unless they cannot.
fn good(client: &Client, data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let query = format!("response_type=code&scope=openid&state={escaped}&nonce={escaped}");
    let params = Params::parse(query.as_bytes());
    let sound = params.sound().is_ok();
    let to = AuthorizationRequest::destination(&params, client);
    assert_eq!(to.is_ok(), sound);
    let Ok(to) = to else { return };
    let taken =
        AuthorizationRequest::check(&params, client, &to, Hint::None, RequestRules::default());
    assert_eq!(taken.is_ok(), text.len() <= 1024);
    if let Ok(request) = taken {
        let sent = Some(text.as_ref()).filter(|text| !text.is_empty());
        assert_eq!(
            (
                request.route.state.as_deref(),
                request.route.nonce.as_deref()
            ),
            (sent, sent)
        );
    }
    // Nothing but control characters is unsound in what is escaped well.
    assert!(sound || text.contains(char::is_control));
}
