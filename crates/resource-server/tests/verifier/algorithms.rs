//! RFC 8725 3.1, 3.2: an algorithm is never the sender's choice.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use latchkey_resource_server::{Algorithm, Refusal, Verifier};
use serde_json::json;
use sha2::Sha256;

use super::support::{Issuer, assert_refused, claims, judge, new_key, ps_key, rsa_key, sign, with};

/// A token whose header and signature are the attacker's.
fn forged(header: &serde_json::Value, signature: impl Fn(&str) -> Vec<u8>) -> String {
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(&claims()));
    let signature = URL_SAFE_NO_PAD.encode(signature(&signed));
    format!("{signed}.{signature}")
}

#[tokio::test]
async fn each_algorithm_of_the_list_is_accepted() {
    for algorithm in Algorithm::ALL {
        let key = new_key(algorithm);
        let api = Issuer::with(&[&key]).start().await;
        let judged = judge(&api, &sign(&key, &claims())).await;
        assert_eq!(judged.as_deref(), Ok("alice"), "{algorithm:?}");
    }
}

#[tokio::test]
async fn one_that_is_not_in_the_list_is_refused() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    let api = issuer.verifier().algorithms([Algorithm::Es256]);
    let api = api.start().await.unwrap();
    assert_refused(&api, &sign(&key, &claims()), Refusal::Algorithm).await;
}

#[tokio::test]
async fn none_is_no_algorithm() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    for name in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({ "alg": name, "typ": "at+jwt", "kid": key.kid() });
        for signature in [&b""[..], b"x"] {
            let token = forged(&header, |_| signature.to_vec());
            assert_refused(&api, &token, Refusal::Algorithm).await;
        }
    }
    let header = json!({ "typ": "at+jwt", "kid": key.kid() });
    assert_refused(&api, &forged(&header, |_| Vec::new()), Refusal::Malformed).await;
}

#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    let jwk = json!(key.public());
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap());
    let secrets = [
        jwk.to_string().into_bytes(),
        serde_json::to_vec_pretty(&jwk).unwrap(),
        jwk["n"].as_str().unwrap().as_bytes().to_vec(),
        modulus.unwrap(),
        key.kid().as_bytes().to_vec(),
        Vec::new(),
    ];
    for secret in secrets {
        for name in ["HS256", "HS384", "HS512", "hs256"] {
            let header = json!({ "alg": name, "typ": "at+jwt", "kid": key.kid() });
            let token = forged(&header, |signed| {
                let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
                mac.update(signed.as_bytes());
                mac.finalize().into_bytes().to_vec()
            });
            assert_refused(&api, &token, Refusal::Algorithm).await;
        }
    }
}

/// RFC 8725 3.1: a key is used with one algorithm, even where another would fit.
#[tokio::test]
async fn a_key_counts_for_its_own_algorithm_alone() {
    let (rs, ps) = (rsa_key(), ps_key());
    assert_eq!(rs.kid(), ps.kid());
    let api = Issuer::with(&[&rs]).start().await;
    assert_refused(&api, &sign(&ps, &claims()), Refusal::Algorithm).await;
    let both = Issuer::with(&[&rs, &ps]).start().await;
    assert!(judge(&both, &sign(&ps, &claims())).await.is_ok());
    assert!(judge(&both, &sign(&rs, &claims())).await.is_ok());
}

#[tokio::test]
async fn what_was_changed_after_it_was_signed_is_refused() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    let good = sign(&key, &claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let header = signed.split_once('.').unwrap().0;
    let other = URL_SAFE_NO_PAD.encode(with("sub", json!("root")).to_string());
    let changed = format!("{header}.{other}.{signature}");
    assert_refused(&api, &changed, Refusal::Signature).await;
    assert_refused(&api, &format!("{signed}."), Refusal::Signature).await;
    for bad in [
        format!("{good}="),
        format!("{good}\n"),
        format!("{good}."),
        signed.to_owned(),
        format!("{signed}.+/"),
        signature.to_owned(),
        String::new(),
        "...".into(),
        "\u{0}.\u{0}.\u{0}".into(),
        "é.é.é".into(),
    ] {
        assert_refused(&api, &bad, Refusal::Malformed).await;
    }
    // No other spelling of the same signature either: a token has one form.
    let last = signature.chars().last().unwrap();
    for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
        let respelled = format!("{}{other}", &good[..good.len() - 1]);
        assert_eq!(judge(&api, &respelled).await.is_ok(), other == last);
    }
}

/// A verifier that would let everything of the issuer pass cannot be made.
#[tokio::test]
async fn a_verifier_without_audience_or_algorithm_does_not_start() {
    let issuer = Issuer::with(&[&rsa_key()]);
    assert!(issuer.verifier().algorithms([]).start().await.is_err());
    for (name, audience) in [
        ("https://id.example", ""),
        ("http://id.example", "https://api.example"),
        ("id.example", "https://api.example"),
    ] {
        let builder = Verifier::for_api(name, audience).http(issuer.clone());
        assert!(builder.start().await.is_err(), "{name} {audience}");
    }
}
