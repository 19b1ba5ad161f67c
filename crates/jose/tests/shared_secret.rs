//! HS256: a secret signs and verifies, a key of the ring is never taken for one, checked with a library of relying parties too.
#![allow(clippy::unwrap_used)]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use latchkey_jose::{
    Algorithm, Claims, Compact, JoseError, KeyRing, RingKey, SharedSecret, SigningKey,
};
use openidconnect::{
    PrivateSigningKey,
    core::{CoreHmacKey, CoreJwsSigningAlgorithm},
};
use rand::{SeedableRng, rngs::StdRng};
use serde::Deserialize;
use serde_json::{Value, json};

const SECRET: &str = "lk_secret_0123456789012345678901234567890123456789012";

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

fn secret() -> SharedSecret {
    SharedSecret::new(SECRET).unwrap()
}

fn signed_by(secret: &SharedSecret) -> String {
    secret.sign("JWT", &json!({ "iss": "i" })).unwrap()
}

fn header(token: &str) -> Value {
    let header = token.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}

/// `token` with another header, its signature as it was.
fn with_header(token: &str, header: &Value) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[test]
fn a_secret_signs_with_its_utf_8_as_a_library_of_relying_parties_does() {
    let token = signed_by(&secret());
    assert_eq!(header(&token), json!({ "alg": "HS256", "typ": "JWT" }));
    let (input, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let theirs = CoreHmacKey::new(SECRET)
        .sign(&CoreJwsSigningAlgorithm::HmacSha256, input.as_bytes())
        .unwrap();
    assert_eq!(signature, theirs);
    secret().verify::<Token>("i", &token).unwrap();
}

#[test]
fn what_somebody_else_signed_or_changed_is_refused() {
    let token = signed_by(&secret());
    let other = SharedSecret::new(&SECRET.replace('0', "1")).unwrap();
    let refused = |token: &str| secret().verify::<Token>("i", token).unwrap_err();
    assert_eq!(refused(&signed_by(&other)), JoseError::Signature);
    let (input, signature) = token.rsplit_once('.').unwrap();
    for shorter in 0..signature.len() {
        let cut = format!("{input}.{}", &signature[..shorter]);
        assert!(secret().verify::<Token>("i", &cut).is_err(), "{shorter}");
    }
    for alg in ["none", "HS512", "hs256", "RS256"] {
        let forged = with_header(&token, &json!({ "alg": alg, "typ": "JWT" }));
        assert_eq!(refused(&forged), JoseError::Algorithm(alg.into()));
    }
    let kind = with_header(&token, &json!({ "alg": "HS256", "typ": "at+jwt" }));
    assert_eq!(refused(&kind), JoseError::Type("at+jwt".into()));
    let elsewhere = secret().verify::<Token>("j", &token).unwrap_err();
    assert_eq!(elsewhere, JoseError::Issuer("i".into()));
}

#[test]
fn a_published_key_is_no_secret_and_a_secret_no_published_key() {
    let mut rng = StdRng::seed_from_u64(1);
    for algorithm in Algorithm::ALL {
        let key = SigningKey::generate_for(algorithm, &mut rng).unwrap();
        let public = serde_json::to_string(key.public()).unwrap();
        let entry = RingKey {
            key,
            created_at: 0,
            activates_at: 0,
            retires_at: None,
        };
        let ring = KeyRing::new(vec![entry], None).unwrap();
        // Everybody knows these.
        let known = [
            public.as_str(),
            ring.signer_for(algorithm, 0).unwrap().kid(),
        ];
        for public in known {
            let token = signed_by(&SharedSecret::new(public).unwrap());
            let mut named = header(&token);
            named["kid"] = ring.signer_for(algorithm, 0).unwrap().kid().into();
            for forged in [token.clone(), with_header(&token, &named)] {
                let refused = ring.verify::<Token>("i", &forged, 0).unwrap_err();
                assert_eq!(refused, JoseError::Algorithm("HS256".into()));
            }
        }
        let signer = ring.signer_for(algorithm, 0).unwrap();
        let token = signer.sign("JWT", &json!({ "iss": "i" })).unwrap();
        let refused = secret().verify::<Token>("i", &token).unwrap_err();
        assert_eq!(refused, JoseError::Algorithm(algorithm.name().into()));
    }
}

#[test]
fn a_secret_is_as_long_as_the_hash_and_never_printed() {
    let refused = SharedSecret::new(&SECRET[..31]).unwrap_err();
    assert!(matches!(refused, JoseError::Key(_)));
    assert!(SharedSecret::new(&SECRET[..32]).is_ok());
    assert!(!format!("{:?}", secret()).contains("lk_secret"));
}

#[test]
fn who_could_verify_a_token_is_read_without_believing_it() {
    let token = signed_by(&secret());
    assert!(SharedSecret::unverified_is_named_by(&token));
    for alg in ["none", "RS256", "HS384"] {
        let other = with_header(&token, &json!({ "alg": alg }));
        assert!(!SharedSecret::unverified_is_named_by(&other), "{alg}");
        assert!(Compact::parse_any(&other).is_ok(), "{alg}");
    }
    assert!(!SharedSecret::unverified_is_named_by("no.token"));
}
