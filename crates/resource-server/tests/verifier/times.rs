//! RFC 7519 4.1.4 to 4.1.6: when a token begins and ends.

use std::time::Duration;

use latchkey_resource_server::Refusal;
use serde_json::{Value, json};

use super::support::{At, BEGIN, Issuer, assert_refused, claims, judge, rsa_key, sign, with};

/// 4.1.4: on or after.
#[tokio::test]
async fn a_token_ends_in_the_second_of_its_exp() {
    let key = rsa_key();
    let (issuer, clock) = (Issuer::with(&[&key]), At::begin());
    let api = issuer.verifier_at(&clock).start().await.unwrap();
    let token = sign(&key, &with("exp", json!(BEGIN + 10)));
    clock.pass(9);
    assert!(judge(&api, &token).await.is_ok());
    clock.pass(1);
    assert_refused(&api, &token, Refusal::Expired).await;
    clock.pass(1);
    assert_refused(&api, &token, Refusal::Expired).await;
}

#[tokio::test]
async fn the_leeway_is_a_minute_at_the_most() {
    let key = rsa_key();
    let (issuer, clock) = (Issuer::with(&[&key]), At::begin());
    let builder = || issuer.verifier_at(&clock);
    let api = builder().leeway(Duration::from_secs(60)).start().await;
    let api = api.unwrap();
    let token = sign(&key, &with("exp", json!(BEGIN + 10)));
    clock.pass(69);
    assert!(judge(&api, &token).await.is_ok());
    clock.pass(1);
    assert_refused(&api, &token, Refusal::Expired).await;
    let longer = builder().leeway(Duration::from_secs(61)).start().await;
    assert!(longer.is_err());
}

#[tokio::test]
async fn a_token_of_the_future_is_refused() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    for name in ["nbf", "iat"] {
        let soon = sign(&key, &with(name, json!(BEGIN + 30)));
        assert!(judge(&api, &soon).await.is_ok(), "{name}");
        let later = sign(&key, &with(name, json!(BEGIN + 31)));
        assert_refused(&api, &later, Refusal::NotYet).await;
    }
}

/// RFC 7519 2: a number, which may have a fraction. What does not fit is no time, and no token for ever.
#[tokio::test]
async fn times_that_are_none_are_refused() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    let numbers: Value = serde_json::from_str(
        "[9223372036854775807, 9223372036854775808, 18446744073709551615, 1e308, -1e308, -1, 253402300800]",
    )
    .unwrap();
    let texts = json!(["1900000000", "never", "NaN", null, [], {}, true]);
    let every = numbers
        .as_array()
        .unwrap()
        .iter()
        .chain(texts.as_array().unwrap());
    for bad in every {
        for name in ["exp", "iat", "nbf", "auth_time"] {
            let token = sign(&key, &with(name, bad.clone()));
            assert_refused(&api, &token, Refusal::Malformed).await;
        }
    }
    let fraction = with("exp", json!(1_800_000_010.75));
    assert_eq!(
        api.verify(&sign(&key, &fraction))
            .await
            .unwrap()
            .exp
            .as_seconds(),
        BEGIN + 10
    );
    assert!(judge(&api, &sign(&key, &claims())).await.is_ok());
}
