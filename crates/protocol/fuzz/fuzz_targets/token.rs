//! Token parameters and the Authorization header: nothing but the secret authenticates, and the secret does.
#![no_main]
use base64::{Engine, engine::general_purpose::STANDARD};
use latchkey_protocol::{
    Params, Timestamp, client::Client, client_auth::Credentials, registration::Registration,
    secret::Pepper,
};
use libfuzzer_sys::fuzz_target;

const SECRET: &str = "a secret that the fuzzer does not know: 9f1c6d7e";

fn client(pepper: &Pepper, secret: &str) -> Client {
    let json = serde_json::json!({ "redirect_uris": ["https://a.example/"] });
    Client {
        id: latchkey_protocol::ClientId::new("c"),
        secret: Some(pepper.digest(&["c", secret])),
        sealed_secret: None,
        secret_since: None,
        former_secret: None,
        disabled_at: None,
        metadata: Registration::parse(&json).expect("metadata").metadata,
        created_at: Timestamp::EPOCH,
        version: 0,
    }
}

/// As RFC 6749 appendix B writes it: every byte that might mean something is escaped.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fuzz_target!(|data: &[u8]| {
    let pepper = Pepper::derive(&[1; 32], "fuzz");
    guess(&pepper, data);
    know(&pepper, data);
});

/// Bytes as header and form: they authenticate if they name the secret, and in no other case.
fn guess(pepper: &Pepper, data: &[u8]) {
    let at = data.iter().position(|b| *b == b'\n').unwrap_or(data.len());
    let header = std::str::from_utf8(&data[..at])
        .ok()
        .filter(|h| !h.is_empty());
    let params = Params::parse(data.get(at + 1..).unwrap_or_default());
    if let Ok(presented) = Credentials::parse(header, &params) {
        let proven = presented.authenticate(&client(pepper, SECRET), pepper, Timestamp::EPOCH);
        assert_eq!(proven.is_ok(), presented.secret() == SECRET);
    }
}

/// Bytes as the secret that was registered: sent either way it authenticates, and with another client it does not.
fn know(pepper: &Pepper, data: &[u8]) {
    let secret = String::from_utf8_lossy(data).replace(|c: char| c.is_control(), "");
    let secret = secret.replace(char::REPLACEMENT_CHARACTER, "");
    if secret.is_empty() {
        return;
    }
    let basic = STANDARD.encode(format!("c:{}", encoded(&secret)));
    let form = format!("client_id=c&client_secret={}", encoded(&secret));
    let (own, other) = (client(pepper, &secret), client(pepper, SECRET));
    for (header, form) in [(Some(format!("Basic {basic}")), ""), (None, form.as_str())] {
        let params = Params::parse(form.as_bytes());
        let presented = Credentials::parse(header.as_deref(), &params).expect("well formed");
        assert_eq!(presented.secret(), secret);
        assert!(
            presented
                .authenticate(&own, pepper, Timestamp::EPOCH)
                .is_ok()
        );
        assert_eq!(
            presented
                .authenticate(&other, pepper, Timestamp::EPOCH)
                .is_ok(),
            secret == SECRET
        );
    }
}
