//! RFC 9068 4: a token opens the API that it was made for, and comes from the issuer that the API trusts.

use latchkey_resource_server::Refusal;
use serde_json::json;

use super::support::{API, ISSUER, Issuer, assert_refused, claims, judge, rsa_key, sign, with};

#[tokio::test]
async fn a_token_for_another_audience_is_refused() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    for other in [
        json!("https://other.example"),
        json!("https://api.example/"),
        json!("https://API.example"),
        json!("https://api.example.evil.example"),
        json!(["https://other.example", ISSUER]),
        json!([]),
        json!(""),
    ] {
        let token = sign(&key, &with("aud", other));
        assert_refused(&api, &token, Refusal::Audience).await;
    }
    let several = with("aud", json!(["https://other.example", API]));
    assert!(judge(&api, &sign(&key, &several)).await.is_ok());
}

/// Both publish a key of the same id, and even the same key: who signed is not who is trusted.
#[tokio::test]
async fn a_token_of_another_issuer_with_the_same_key_id_is_refused() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    for other in [
        "https://id.example/",
        "https://ID.example",
        "https://evil.example",
        "http://id.example",
        "https://id.example/tenant",
        "",
    ] {
        let token = sign(&key, &with("iss", json!(other)));
        assert_refused(&api, &token, Refusal::Issuer).await;
    }
    assert!(judge(&api, &sign(&key, &claims())).await.is_ok());
}

#[tokio::test]
async fn metadata_of_another_issuer_gives_no_keys() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    issuer.calls_itself("https://evil.example");
    let api = issuer.verifier().start_without_issuer().unwrap();
    assert!(judge(&api, &sign(&key, &claims())).await.is_err());
    assert!(!api.health().is_ready);
}
