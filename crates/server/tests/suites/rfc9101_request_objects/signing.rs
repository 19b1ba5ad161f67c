//! Keys of clients, and what they sign: by `ring`, which verifies nothing here.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use latchkey_jose::SigningKey;
use rand::{SeedableRng, rngs::StdRng};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
        RsaKeyPair,
    },
};
use serde_json::{Value, json};

pub enum Key {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

/// A key, and its public half as a JWK.
pub fn rsa(seed: u64) -> (Key, Value) {
    let key = SigningKey::generate(&mut StdRng::seed_from_u64(seed), 2048).unwrap();
    let body: String = key
        .pem()
        .lines()
        .filter(|line| !line.starts_with("--"))
        .collect();
    let der = base64::engine::general_purpose::STANDARD
        .decode(body)
        .unwrap();
    let public = serde_json::to_value(key.public()).unwrap();
    let jwk =
        json!({ "kty": "RSA", "kid": format!("rsa-{seed}"), "n": public["n"], "e": public["e"] });
    (Key::Rsa(RsaKeyPair::from_pkcs8(&der).unwrap()), jwk)
}

pub fn ec() -> (Key, Value) {
    let random = SystemRandom::new();
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let key =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref(), &random).unwrap();
    let point = key.public_key().as_ref();
    let half = |from: usize| URL_SAFE_NO_PAD.encode(&point[from..from + 32]);
    let jwk = json!({ "kty": "EC", "crv": "P-256", "kid": "ec", "x": half(1), "y": half(33) });
    (Key::Ec(key), jwk)
}

/// A compact JWS over whatever text.
pub fn sign(key: &Key, header: &Value, payload: &str) -> String {
    let input = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let random = SystemRandom::new();
    let signature = match key {
        Key::Rsa(key) => {
            let mut out = vec![0; key.public().modulus_len()];
            let padding: &'static dyn ring::signature::RsaEncoding = if header["alg"] == "PS256" {
                &RSA_PSS_SHA256
            } else {
                &RSA_PKCS1_SHA256
            };
            key.sign(padding, &random, input.as_bytes(), &mut out)
                .unwrap();
            out
        }
        Key::Ec(key) => key
            .sign(&random, input.as_bytes())
            .unwrap()
            .as_ref()
            .to_vec(),
    };
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The public key's text as the secret of HMAC (RFC 8725 2.1).
pub fn hs256(jwk: &Value, payload: &str) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, jwk.to_string().as_bytes());
    let input = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let tag = ring::hmac::sign(&key, input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}
