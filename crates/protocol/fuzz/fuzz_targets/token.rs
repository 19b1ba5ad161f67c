//! Token parameters and the Authorization header: nothing but the secret authenticates.
#![no_main]
use latchkey_protocol::{
    Params, client::Client, client_auth::Credentials, registration::Registration, secret::Pepper,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let at = data.iter().position(|b| *b == b'\n').unwrap_or(data.len());
    let header = std::str::from_utf8(&data[..at])
        .ok()
        .filter(|h| !h.is_empty());
    let params = Params::parse(data.get(at + 1..).unwrap_or_default());
    let Ok(presented) = Credentials::parse(header, &params) else {
        return;
    };
    let json = serde_json::json!({ "redirect_uris": ["https://a.example/"] });
    let metadata = Registration::parse(&json).expect("metadata").metadata;
    let pepper = Pepper::derive(&[1; 32], "fuzz");
    let secret = pepper.digest(&["c", "a secret that the fuzzer does not know: 9f1c6d7e"]);
    let client = Client {
        id: "c".into(),
        secret: Some(secret),
        metadata,
        created_at: 0,
        version: 0,
    };
    assert!(presented.authenticate(&client, &pepper).is_err());
});
