//! Tokens that were verified before: what is remembered never says more than a new look would.

use serde_json::json;

use super::support::{At, BEGIN, Issuer, claims, judge, rsa_key, sign, with};

#[tokio::test]
async fn a_token_is_remembered_whole() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    let good = sign(&key, &claims());
    assert!(api.verify_seen(&good).is_none());
    assert!(judge(&api, &good).await.is_ok());
    assert_eq!(api.verify_seen(&good).unwrap().sub, "alice");
    // The same signature over other claims.
    let other = sign(&key, &with("sub", json!("root")));
    let (signed, _) = other.rsplit_once('.').unwrap();
    let (_, signature) = good.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{signature}");
    assert!(api.verify_seen(&forged).is_none());
    assert!(judge(&api, &forged).await.is_err());
    assert!(api.verify_seen(&good).is_some());
}

#[tokio::test]
async fn what_was_refused_is_not_remembered() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    let other = sign(&key, &with("aud", json!("https://other.example")));
    for _ in 0..3 {
        assert!(judge(&api, &other).await.is_err());
        assert!(api.verify_seen(&other).is_none());
    }
}

#[tokio::test]
async fn a_remembered_token_expires() {
    let key = rsa_key();
    let (issuer, clock) = (Issuer::with(&[&key]), At::begin());
    let api = issuer.verifier_at(&clock).start().await.unwrap();
    let token = sign(&key, &with("exp", json!(BEGIN + 10)));
    assert!(judge(&api, &token).await.is_ok());
    clock.pass(9);
    assert!(api.verify_seen(&token).is_some());
    clock.pass(1);
    assert!(api.verify_seen(&token).is_none());
}

#[tokio::test]
async fn as_many_as_the_owner_wants_are_remembered() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    let api = issuer.verifier().remember_tokens(0).start().await.unwrap();
    let token = sign(&key, &claims());
    for _ in 0..3 {
        assert!(judge(&api, &token).await.is_ok());
    }
    // Nor one that is so long that many of them would fill the memory.
    let api = issuer.start().await;
    let long = sign(&key, &with("x", json!("x".repeat(4000))));
    assert!(judge(&api, &long).await.is_ok());
    assert!(api.verify_seen(&long).is_none());
}
