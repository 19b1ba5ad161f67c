//! What holds of the keys of every algorithm, checked with the examples of the RFCs and with a library of relying
//! parties as well.
#![allow(clippy::unwrap_used)]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use latchkey_jose::{
    Algorithm, Claims, Compact, JoseError, Jwk, KeyRing, KeyState, PublicKey, RingKey, Signer,
    SigningKey, Verifier,
};
use openidconnect::{
    JsonWebKey,
    core::{CoreJsonWebKey, CoreJwsSigningAlgorithm},
};
use rand::{SeedableRng, rngs::StdRng};
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, Deserialize)]
struct Token {
    iss: String,
}

impl Claims for Token {
    const TYPES: &'static [&'static str] = &["JWT"];

    fn issuer(&self) -> &str {
        &self.iss
    }
}

fn key(algorithm: Algorithm, seed: u64) -> SigningKey {
    SigningKey::generate_for(algorithm, &mut StdRng::seed_from_u64(seed)).unwrap()
}

fn entry(key: &SigningKey, activates_at: i64, retires_at: Option<i64>) -> RingKey {
    RingKey {
        key: key.clone(),
        created_at: activates_at,
        activates_at,
        retires_at,
    }
}

fn ring_of(keys: &[SigningKey]) -> KeyRing {
    let keys = keys.iter().map(|key| entry(key, 0, None)).collect();
    KeyRing::new(keys, None).unwrap()
}

fn all() -> Vec<SigningKey> {
    // Of one seed the two RSA keys would be the same.
    let seeds = 1..=4;
    let keys = Algorithm::ALL.into_iter().zip(seeds);
    keys.map(|(algorithm, seed)| key(algorithm, seed)).collect()
}

/// `token` with the header of another algorithm.
fn with_alg(token: &str, kid: &str, alg: &str) -> String {
    let header = json!({ "alg": alg, "typ": "JWT", "kid": kid }).to_string();
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
}

#[test]
fn a_token_of_each_algorithm_verifies_and_a_changed_one_does_not() {
    let ring = ring_of(&all());
    for algorithm in Algorithm::ALL {
        let signer = ring.signer_for(algorithm, 0).unwrap();
        assert_eq!(signer.algorithm(), algorithm);
        let token = signer.sign("JWT", &json!({ "iss": "i" })).unwrap();
        let header = Compact::parse(&token).unwrap().unverified_header;
        assert_eq!(header.alg, algorithm.name());
        assert_eq!(header.kid.as_deref(), Some(signer.kid()));
        ring.verify::<Token>("i", &token, 0).unwrap();
        for at in (0..token.len()).step_by(3) {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            if changed != token.as_bytes() {
                let changed = String::from_utf8(changed).unwrap();
                assert!(
                    ring.verify::<Token>("i", &changed, 0).is_err(),
                    "{algorithm:?}, byte {at}"
                );
            }
        }
    }
}

/// RFC 8725 3.1: the key says the algorithm, never the header alone.
#[test]
fn a_header_that_names_another_algorithm_than_the_keys_is_refused() {
    let keys = all();
    let ring = ring_of(&keys);
    for key in &keys {
        let signer = ring.signer_for(key.algorithm(), 0).unwrap();
        let token = signer.sign("JWT", &json!({ "iss": "i" })).unwrap();
        let others = ["RS256", "PS256", "ES256", "EdDSA", "HS256", "RS512", "none"];
        for other in others.iter().filter(|o| **o != key.algorithm().name()) {
            let forged = with_alg(&token, key.kid(), other);
            assert!(
                matches!(
                    ring.verify::<Token>("i", &forged, 0),
                    Err(JoseError::Algorithm(_))
                ),
                "{} as {other}",
                key.algorithm().name()
            );
        }
        // A signature of one key under the name of another.
        for other in keys.iter().filter(|o| o.kid() != key.kid()) {
            let forged = with_alg(&token, other.kid(), other.algorithm().name());
            assert!(matches!(
                ring.verify::<Token>("i", &forged, 0),
                Err(JoseError::Signature)
            ));
        }
    }
}

#[test]
fn an_unsigned_token_is_refused_under_every_key() {
    let keys = all();
    let ring = ring_of(&keys);
    let payload = URL_SAFE_NO_PAD.encode(json!({ "iss": "i" }).to_string());
    for key in &keys {
        for alg in ["none", "None", "", key.algorithm().name()] {
            let header = json!({ "alg": alg, "typ": "JWT", "kid": key.kid() }).to_string();
            let token = format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(header));
            assert!(ring.verify::<Token>("i", &token, 0).is_err(), "{alg}");
        }
    }
}

#[test]
fn only_deterministic_algorithms_make_a_deterministic_signer() {
    for key in all() {
        let signer = Signer::new(&key).unwrap();
        let sign = || signer.sign("JWT", &json!({ "a": 1 })).unwrap();
        assert_eq!(sign() == sign(), key.algorithm().is_deterministic());
        let deterministic = signer.deterministic();
        assert_eq!(deterministic.is_some(), key.algorithm().is_deterministic());
        if let Some(deterministic) = deterministic {
            assert_eq!(
                deterministic.sign("JWT", &json!({ "a": 1 })).unwrap(),
                sign()
            );
        }
    }
    let keys = all();
    let ring = ring_of(&keys);
    for key in &keys {
        let found = ring.signer_by_id(key.kid(), 0).is_some();
        assert_eq!(found, key.algorithm().is_deterministic());
    }
    assert_eq!(ring.refresh_signer(0).unwrap().kid(), keys[0].kid());
}

#[test]
fn each_algorithm_has_its_own_key_that_signs() {
    let (rsa, old, new) = (
        key(Algorithm::Rs256, 1),
        key(Algorithm::Es256, 2),
        key(Algorithm::Es256, 3),
    );
    let ring = KeyRing::new(
        vec![
            entry(&rsa, 0, None),
            entry(&old, 50, Some(300)),
            entry(&new, 200, None),
        ],
        None,
    )
    .unwrap();
    let signs = |algorithm, now| ring.signer_for(algorithm, now).map(Signer::kid);
    for (now, kid) in [(50, &old), (199, &old), (200, &new), (500, &new)] {
        assert_eq!(signs(Algorithm::Rs256, now).unwrap(), rsa.kid(), "{now}");
        assert_eq!(signs(Algorithm::Es256, now).unwrap(), kid.kid(), "{now}");
        assert_eq!(
            signs(Algorithm::EdDsa, now),
            Err(JoseError::NoActiveKey),
            "{now}"
        );
    }
    let states: Vec<_> = ring.states(100).into_iter().map(|(_, s)| s).collect();
    assert_eq!(
        states,
        [KeyState::Active, KeyState::Active, KeyState::Announced]
    );
    assert!(ring.signs_early(49), "the ES256 key is before its time");
    assert!(!ring.signs_early(50));
}

#[test]
fn a_private_key_is_read_back_for_its_algorithm_alone() {
    let keys = all();
    for key in &keys {
        let again = SigningKey::read(key.algorithm(), key.pem()).unwrap();
        assert_eq!(again.public(), key.public());
        assert!(!format!("{again:?}").contains("PRIVATE"));
        for other in Algorithm::ALL {
            let is_rsa = |a| matches!(a, Algorithm::Rs256 | Algorithm::Ps256);
            let fits = other == key.algorithm() || (is_rsa(other) && is_rsa(key.algorithm()));
            assert_eq!(SigningKey::read(other, key.pem()).is_ok(), fits);
        }
    }
}

#[test]
fn the_published_set_has_the_public_members_of_each_kind_only() {
    let set = serde_json::to_value(ring_of(&all()).jwks(0)).unwrap();
    let mut kids = std::collections::HashSet::new();
    for jwk in set["keys"].as_array().unwrap() {
        let members = jwk.as_object().unwrap();
        let mut names: Vec<_> = members.keys().map(String::as_str).collect();
        names.sort_unstable();
        let expected: &[&str] = match jwk["alg"].as_str().unwrap() {
            "RS256" | "PS256" => &["alg", "e", "kid", "kty", "n", "use"],
            "ES256" => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            _ => &["alg", "crv", "kid", "kty", "use", "x"],
        };
        assert_eq!(names, expected);
        assert_eq!(jwk["use"], "sig");
        assert!(kids.insert(jwk["kid"].clone()));
        let back: Jwk = serde_json::from_value(jwk.clone()).unwrap();
        assert_eq!(back.kid, back.key.thumbprint());
    }
    assert_eq!(kids.len(), 4);
}

/// A library that relying parties use takes the published keys and the signatures.
#[test]
fn the_openidconnect_crate_verifies_what_each_key_signs() {
    let ring = ring_of(&all());
    let set = serde_json::to_value(ring.jwks(0)).unwrap();
    for (algorithm, theirs) in [
        (
            Algorithm::Rs256,
            CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        ),
        (Algorithm::Ps256, CoreJwsSigningAlgorithm::RsaSsaPssSha256),
        (Algorithm::Es256, CoreJwsSigningAlgorithm::EcdsaP256Sha256),
        (Algorithm::EdDsa, CoreJwsSigningAlgorithm::EdDsa),
    ] {
        let signer = ring.signer_for(algorithm, 0).unwrap();
        let published = set["keys"].as_array().unwrap().iter();
        let mut published = published.filter(|jwk| jwk["kid"] == signer.kid());
        let jwk: CoreJsonWebKey =
            serde_json::from_value(published.next().unwrap().clone()).unwrap();
        // ECDSA's numbers are now and then shorter than 32 bytes.
        for round in 0..if algorithm == Algorithm::Es256 {
            300
        } else {
            2
        } {
            let token = signer.sign("JWT", &json!({ "round": round })).unwrap();
            let (input, signature) = token.rsplit_once('.').unwrap();
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            jwk.verify_signature(&theirs, input.as_bytes(), &signature)
                .unwrap();
            let other = format!("{input}x");
            assert!(
                jwk.verify_signature(&theirs, other.as_bytes(), &signature)
                    .is_err()
            );
        }
    }
}

/// RFC 8037 A.2 to A.5.
#[test]
fn the_example_of_ed25519_has_its_thumbprint_and_verifies() {
    let key = PublicKey::Okp {
        crv: "Ed25519".into(),
        x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".into(),
    };
    let kid = key.thumbprint();
    assert_eq!(kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let jwk = Jwk {
        key_use: "sig".into(),
        alg: Algorithm::EdDsa,
        kid,
        key,
    };
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
                 hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let verifier = Verifier::new(&jwk).unwrap();
    verifier.verify(&Compact::parse(token).unwrap()).unwrap();
}

/// RFC 7515 A.3.
#[test]
fn the_example_of_es256_verifies() {
    let jwk: Jwk = serde_json::from_value(json!({
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "a3",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }))
    .unwrap();
    let token = "eyJhbGciOiJFUzI1NiJ9.\
                 eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
                 DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let verifier = Verifier::new(&jwk).unwrap();
    verifier.verify(&Compact::parse(token).unwrap()).unwrap();
}
