//! Keys that change: rotation, withdrawal, and strangers who ask for keys that there are not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use latchkey_resource_server::{Refusal, Rejection, Unavailable, Verifier};
use serde_json::{Value, json};

use super::support::{
    Fault, Issuer, assert_refused, claims, ec_key, eventually, judge, rsa_key, sign, with,
};

const SHORT: Duration = Duration::from_millis(50);

/// One that fetches again at once when a key is not known.
async fn that_may_fetch(issuer: &Issuer) -> Verifier {
    let builder = issuer.verifier().refetch_pause(SHORT);
    let api = builder.start().await.unwrap();
    tokio::time::sleep(SHORT).await;
    api
}

#[tokio::test]
async fn a_key_that_is_new_is_fetched_when_its_first_token_comes() {
    let (old, new) = (rsa_key(), ec_key());
    let issuer = Issuer::with(&[&old]);
    let api = issuer
        .verifier()
        .refetch_pause(SHORT)
        .start()
        .await
        .unwrap();
    assert!(judge(&api, &sign(&old, &claims())).await.is_ok());
    issuer.publish(&[&old, &new]);
    tokio::time::sleep(SHORT).await;
    assert!(judge(&api, &sign(&new, &claims())).await.is_ok());
    assert!(judge(&api, &sign(&old, &claims())).await.is_ok());
    assert_eq!(issuer.fetches(), 2);
}

/// Strangers choose the `kid` of what they send.
#[tokio::test]
async fn unknown_keys_cause_one_fetch_for_all_who_wait() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    let api = that_may_fetch(&issuer).await;
    issuer.fails(Fault::Slow(Duration::from_secs(1)));
    let mut waiting = tokio::task::JoinSet::new();
    for n in 0..200 {
        let api = api.clone();
        let token = sign(&ec_key(), &with("sub", json!(n.to_string())));
        waiting.spawn(async move { judge(&api, &token).await });
    }
    while let Some(judged) = waiting.join_next().await {
        let judged = judged.unwrap();
        assert_eq!(judged, Err(Rejection::Refused(Refusal::UnknownKey)));
    }
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_is_not_passed_on_to_the_issuer() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    let builder = issuer.verifier().refetch_pause(Duration::from_secs(3600));
    let api = builder.start().await.unwrap();
    let began = Instant::now();
    for n in 0..500 {
        let token = sign(&ec_key(), &with("sub", json!(n.to_string())));
        assert_refused(&api, &token, Refusal::UnknownKey).await;
    }
    assert_eq!(issuer.fetches(), 1);
    assert!(began.elapsed() < Duration::from_secs(60), "nobody waits");
}

/// More than a thousand who wait are told so at once, while known keys go on.
#[tokio::test]
async fn those_who_wait_are_bounded_in_all() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    let api = that_may_fetch(&issuer).await;
    issuer.fails(Fault::Silent);
    let unknown = sign(&ec_key(), &claims());
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..1100 {
        let (api, token) = (api.clone(), unknown.clone());
        waiting.spawn(async move { judge(&api, &token).await });
    }
    let mut busy = 0;
    while busy < 100 {
        let judged = waiting.join_next().await.unwrap().unwrap();
        assert_eq!(judged, Err(Rejection::Unavailable(Unavailable::Busy)));
        busy += 1;
    }
    assert!(judge(&api, &sign(&key, &claims())).await.is_ok());
}

/// What it signed before ends too, though the signature was verified already.
#[tokio::test]
async fn a_key_that_was_withdrawn_ends_what_it_signed() {
    let (old, new) = (rsa_key(), ec_key());
    let issuer = Issuer::with(&[&old, &new]);
    let builder = issuer.verifier().refetch_pause(Duration::ZERO);
    let api = builder
        .refresh_every(Duration::from_millis(20))
        .start()
        .await
        .unwrap();
    let token = sign(&old, &claims());
    assert!(judge(&api, &token).await.is_ok());
    assert!(api.verify_seen(&token).is_some());
    issuer.publish(&[&new]);
    eventually("a token of a withdrawn key counts", async || {
        api.verify_seen(&token).is_none()
    })
    .await;
    assert_refused(&api, &token, Refusal::UnknownKey).await;
    assert!(judge(&api, &sign(&new, &claims())).await.is_ok());
}

/// A good token is never refused while the set of keys changes under it, and a bad one never accepted.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keys_that_change_under_load_refuse_nobody() {
    let (stays, other) = (rsa_key(), ec_key());
    let issuer = Issuer::with(&[&stays]);
    let builder = issuer.verifier().refresh_every(Duration::from_millis(2));
    let api = builder.start().await.unwrap();
    let (over, count) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..8 {
        let (api, over, count) = (api.clone(), over.clone(), count.clone());
        let good = sign(&stays, &with("sub", json!(format!("caller {caller}"))));
        let forged = sign(&ec_key(), &claims());
        callers.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                assert!(api.verify(&good).await.is_ok());
                assert!(api.verify(&forged).await.is_err());
                count.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
    }
    for round in 0..100 {
        if round % 2 == 0 {
            issuer.publish(&[&other, &stays]);
        } else {
            issuer.publish(&[&stays]);
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    over.store(true, Ordering::Relaxed);
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    assert!(count.load(Ordering::Relaxed) > 8);
}

/// What is no key for us spoils none of the others.
#[tokio::test]
async fn a_set_of_foreign_keys_is_read_for_those_that_can_be_used() {
    let key = rsa_key();
    let bare = |key: &latchkey_jose::SigningKey| {
        let mut jwk = json!(key.public());
        let members = jwk.as_object_mut().unwrap();
        members.remove("alg");
        members.remove("use");
        jwk
    };
    let private = {
        let mut jwk = json!(ec_key().public());
        jwk["d"] = json!("AQ");
        jwk
    };
    let issuer = Issuer::with(&[]);
    issuer.publish_raw(vec![
        json!({ "kty": "EC", "crv": "P-521", "x": "AQ", "y": "AQ", "kid": "a", "use": "sig", "alg": "ES512" }),
        json!({ "kty": "oct", "k": "AQ", "kid": "b" }),
        json!({ "kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ", "kid": "not on the curve" }),
        json!("text"),
        private,
        bare(&key),
    ]);
    let api = issuer.start().await;
    assert!(judge(&api, &sign(&key, &claims())).await.is_ok());
}

#[tokio::test]
async fn a_published_private_key_proves_nothing() {
    let (good, leaked) = (rsa_key(), ec_key());
    let issuer = Issuer::with(&[]);
    let mut jwk: Value = json!(leaked.public());
    jwk["d"] = json!("AQ");
    issuer.publish_raw(vec![jwk, json!(good.public())]);
    let api = issuer.start().await;
    assert_refused(&api, &sign(&leaked, &claims()), Refusal::UnknownKey).await;
}

/// The task that fetches keys ends with whoever needs them.
#[tokio::test]
async fn nothing_is_fetched_for_a_verifier_that_is_gone() {
    let issuer = Issuer::with(&[&rsa_key()]);
    let builder = issuer.verifier().refresh_every(Duration::from_millis(5));
    let api = builder.start().await.unwrap();
    eventually("keys are kept fresh", async || issuer.fetches() > 3).await;
    drop(api);
    tokio::time::sleep(SHORT).await;
    let then = issuer.fetches();
    tokio::time::sleep(SHORT * 2).await;
    assert_eq!(issuer.fetches(), then);
}
