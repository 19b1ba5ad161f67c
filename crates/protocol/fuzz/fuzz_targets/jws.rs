//! Tokens: nothing verifies that was not signed.
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
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let _ = Compact::parse(text);
    assert!(RING.verify::<Access>("i", text, 0).is_err());
    // The same with a header that gets past the first checks.
    let kid = RING.jwks(0).keys[0].kid.clone();
    let signed = RING
        .signer(0)
        .expect("signer")
        .sign("at+jwt", &serde_json::json!({ "kid": kid }))
        .expect("token");
    let (message, _) = signed.rsplit_once('.').expect("parts");
    assert!(
        RING.verify::<Access>("i", &format!("{message}.{text}"), 0)
            .is_err()
    );
});
