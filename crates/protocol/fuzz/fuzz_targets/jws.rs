//! Tokens: nothing verifies that was not signed.
#![no_main]
use std::sync::LazyLock;

use latchkey_jose::{Compact, KeyRing, RingKey, SigningKey};
use latchkey_protocol::claims::AccessToken;
use libfuzzer_sys::fuzz_target;

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
    assert!(RING.verify::<AccessToken>("i", text, 0).is_err());
    // The same with a header that gets past the first checks.
    let kid = RING.jwks(0).keys[0].kid.clone();
    let signed = RING
        .signer(0)
        .expect("signer")
        .sign("at+jwt", &serde_json::json!({ "kid": kid }))
        .expect("token");
    let (message, _) = signed.rsplit_once('.').expect("parts");
    assert!(
        RING.verify::<AccessToken>("i", &format!("{message}.{text}"), 0)
            .is_err()
    );
});
