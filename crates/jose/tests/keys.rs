//! What keys, tokens and the ring promise to a verifier.
#![allow(clippy::unwrap_used)]

use latchkey_jose::{
    Claims, Compact, JoseError, KeyRing, KeyState, MasterKey, RingKey, Signer, SigningKey,
};
use rand::{SeedableRng, rngs::StdRng};
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, Deserialize)]
struct Access {
    iss: String,
    sub: String,
}

impl Claims for Access {
    const TYPES: &'static [&'static str] = &["at+jwt", "JWT"];

    fn issuer(&self) -> &str {
        &self.iss
    }

    fn is_of_kind(&self) -> bool {
        self.sub != "of another kind"
    }
}

#[derive(Debug, Deserialize)]
struct Refresh {
    iss: String,
}

impl Claims for Refresh {
    const TYPES: &'static [&'static str] = &["rt+jwt"];

    fn issuer(&self) -> &str {
        &self.iss
    }
}

fn key(seed: u64) -> SigningKey {
    SigningKey::generate(&mut StdRng::seed_from_u64(seed), 2048).unwrap()
}

fn entry(key: &SigningKey, activates_at: i64, retires_at: Option<i64>) -> RingKey {
    RingKey {
        key: key.clone(),
        created_at: activates_at,
        activates_at,
        retires_at,
    }
}

#[test]
fn a_token_verifies_under_its_type_issuer_and_key_only() {
    let (a, b) = (key(1), key(2));
    let ring = KeyRing::new(vec![entry(&a, 0, None)], None).unwrap();
    let token = ring
        .signer(10)
        .unwrap()
        .sign("at+jwt", &json!({"iss": "i", "sub": "x"}))
        .unwrap();
    let claims: Access = ring.verify("i", &token, 10).unwrap();
    assert_eq!(claims.sub, "x");
    assert!(matches!(
        ring.verify::<Refresh>("i", &token, 10),
        Err(JoseError::Type(_))
    ));
    for issuer in ["", "I", "i/", "other"] {
        assert!(
            matches!(
                ring.verify::<Access>(issuer, &token, 10),
                Err(JoseError::Issuer(_))
            ),
            "{issuer}"
        );
    }
    let kin = ring
        .signer(10)
        .unwrap()
        .sign("JWT", &json!({"iss": "i", "sub": "of another kind"}))
        .unwrap();
    assert!(matches!(
        ring.verify::<Access>("i", &kin, 10),
        Err(JoseError::Type(_))
    ));
    let other = KeyRing::new(vec![entry(&b, 0, None)], None).unwrap();
    assert!(matches!(
        other.verify::<Access>("i", &token, 10),
        Err(JoseError::UnknownKey(_))
    ));
}

#[test]
fn a_changed_token_is_refused_and_never_panics() {
    let ring = KeyRing::new(vec![entry(&key(1), 0, None)], None).unwrap();
    let token = ring
        .signer(0)
        .unwrap()
        .sign("JWT", &json!({"iss": "i", "sub": "x"}))
        .unwrap();
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(
            ring.verify::<Access>("i", &changed, 0).is_err(),
            "byte {at}"
        );
    }
}

#[test]
fn alg_none_and_hs256_and_crit_are_refused() {
    // {"alg":"none"} . {} and {"alg":"HS256"} . {}
    assert!(matches!(
        Compact::parse("eyJhbGciOiJub25lIn0.e30."),
        Err(JoseError::Algorithm(_))
    ));
    assert!(matches!(
        Compact::parse("eyJhbGciOiJIUzI1NiJ9.e30.AA"),
        Err(JoseError::Algorithm(_))
    ));
    // {"alg":"RS256","crit":["x"]}
    assert!(matches!(
        Compact::parse("eyJhbGciOiJSUzI1NiIsImNyaXQiOlsieCJdfQ.e30.AA"),
        Err(JoseError::Critical)
    ));
    for junk in ["", ".", "..", "...", "a.b.c", "e30.e30.e30.e30", "\u{0}"] {
        assert!(Compact::parse(junk).is_err(), "{junk:?}");
    }
}

#[test]
fn signing_is_deterministic() {
    let signer = Signer::new(&key(1)).unwrap();
    let claims = json!({"a": 1});
    assert_eq!(
        signer.sign("JWT", &claims).unwrap(),
        signer.sign("JWT", &claims).unwrap()
    );
}

#[test]
fn a_key_is_announced_then_active_then_retiring_then_gone() {
    let (old, new) = (key(1), key(2));
    let ring = KeyRing::new(
        vec![entry(&old, 0, Some(200)), entry(&new, 100, None)],
        None,
    )
    .unwrap();
    let states = |now| {
        ring.states(now)
            .into_iter()
            .map(|(_, s)| s)
            .collect::<Vec<_>>()
    };
    assert_eq!(states(50), [KeyState::Active, KeyState::Announced]);
    assert_eq!(states(150), [KeyState::Retiring, KeyState::Active]);
    assert_eq!(states(200), [KeyState::Retired, KeyState::Active]);
    assert_eq!(ring.signer(99).unwrap().kid(), old.kid());
    assert_eq!(ring.signer(100).unwrap().kid(), new.kid());
    assert_eq!(ring.jwks(50).keys.len(), 2);
    assert_eq!(ring.jwks(200).keys.len(), 1);
}

#[test]
fn with_the_clock_set_back_before_every_key_the_oldest_published_one_signs() {
    let (a, b, c) = (key(1), key(2), key(3));
    let both = [entry(&a, 100, Some(400)), entry(&b, 200, None)];
    let rotated = [
        entry(&a, 100, Some(150)),
        entry(&b, 200, None),
        entry(&c, 300, None),
    ];
    for (keys, now, signs, early) in [
        (&both[..], 99, Some(&a), true),
        (&both[..], -7200, Some(&a), true),
        (&both[..], 100, Some(&a), false),
        (&both[..], 200, Some(&b), false),
        (&both[1..], 0, Some(&b), true),
        // A key that has retired does not come back.
        (&rotated[..], 150, Some(&b), true),
        (&rotated[..], 500, Some(&c), false),
        (&both[..1], 400, None, false),
        (&[], 0, None, false),
    ] {
        let ring = KeyRing::new(keys.to_vec(), None).unwrap();
        assert_eq!(
            ring.signer(now).ok().map(|s| s.kid().to_owned()),
            signs.map(|k| k.kid().to_owned()),
            "{now}"
        );
        assert_eq!(ring.signs_early(now), early, "{now}");
        let active = ring
            .states(now)
            .into_iter()
            .filter(|(_, s)| *s == KeyState::Active)
            .count();
        assert_eq!(active, usize::from(signs.is_some()), "{now}");
        if let Some(key) = signs {
            assert!(ring.publishes(key.kid(), now), "what signs is published");
        }
    }
}

#[test]
fn the_published_set_has_only_public_members() {
    let ring = KeyRing::new(vec![entry(&key(1), 0, None)], None).unwrap();
    let set = serde_json::to_value(ring.jwks(0)).unwrap();
    let mut members: Vec<_> = set["keys"][0]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    members.sort();
    assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
}

#[test]
fn short_and_broken_keys_are_refused() {
    assert!(matches!(
        SigningKey::generate(&mut StdRng::seed_from_u64(1), 1024),
        Err(JoseError::TooSmall(1024))
    ));
    assert!(matches!(
        SigningKey::from_pem("nonsense"),
        Err(JoseError::Key(_))
    ));
    let round = key(3);
    assert_eq!(
        SigningKey::from_pem(round.pem()).unwrap().kid(),
        round.kid()
    );
    assert!(!format!("{round:?}").contains("PRIVATE"));
}

#[test]
fn a_sealed_key_opens_under_its_master_key_only() {
    let (master, other) = (
        MasterKey::from_bytes([7; 32]),
        MasterKey::from_bytes([8; 32]),
    );
    let sealed = master.seal("secret").unwrap();
    assert!(!sealed.contains("secret"));
    assert_eq!(master.open(&sealed).unwrap(), "secret");
    assert_eq!(other.open(&sealed), Err(JoseError::Sealed));
    assert_eq!(
        MasterKey::from_hex(&master.to_hex()).unwrap().bytes(),
        master.bytes()
    );
    assert!(MasterKey::from_hex("12").is_err());
    assert!(MasterKey::from_hex(&"zz".repeat(32)).is_err());
}
