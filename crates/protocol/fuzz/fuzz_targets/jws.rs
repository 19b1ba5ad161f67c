//! Tokens: nothing verifies that was not signed, and what was signed does.
#![no_main]
use std::sync::LazyLock;

use latchkey_jose::{Claims, Compact, KeyRing, RingKey, SigningKey};
use latchkey_protocol::claims::{AccessToken, TokenClaims};
use libfuzzer_sys::fuzz_target;

/// Access tokens as the ring asks for them.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Access(AccessToken);

impl Claims for Access {
    const TYPES: &'static [&'static str] = AccessToken::TYPES;

    fn issuer(&self) -> &str {
        self.0.issuer()
    }
}

static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    let key = SigningKey::from_pem(include_str!("../key.pem")).expect("key");
    KeyRing::new(
        vec![RingKey {
            key,
            created_at: 0,
            activates_at: 0,
            retires_at: None,
        }],
        None,
    )
    .expect("ring")
});

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let text = text.as_ref();
    let _ = Compact::parse(text);
    assert!(RING.verify::<Access>("i", text, 0).is_err());

    let claims = serde_json::json!({
        "iss": "i", "sub": text, "aud": "i", "exp": 1, "iat": 0, "jti": "j", "client_id": "c",
    });
    let signer = RING.signer(0).expect("signer");
    let signed = signer.sign("at+jwt", &claims).expect("token");
    let Access(read) = RING
        .verify("i", &signed, 0)
        .expect("what was signed verifies");
    assert_eq!(read.sub.as_str(), text);
    assert!(RING.verify::<Access>("other", &signed, 0).is_err());

    // The same with another signature, or over another message.
    let (message, signature) = signed.rsplit_once('.').expect("parts");
    let changed = format!("{message}.{text}");
    assert!(RING.verify::<Access>("i", &changed, 0).is_err());
    let changed = format!("{message}A.{signature}");
    assert!(RING.verify::<Access>("i", &changed, 0).is_err());
});
