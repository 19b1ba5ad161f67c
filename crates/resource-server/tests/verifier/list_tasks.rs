//! Those who follow lists, and those who wait for them: bounded, alive as long as the verifier and no longer.

use std::time::{Duration, Instant};

use latchkey_jose::SigningKey;
use latchkey_resource_server::{Rejection, StatusLists, Unavailable, Verifier, WhenStale};
use serde_json::json;

use super::support::{
    At, BEGIN, Fault, ISSUER, Issuer, eventually, judge, list_token, list_with, lst, rsa_key, sign,
    sign_list, with_status, with_status_at,
};

/// An issuer that pushes, whose list ends nothing.
fn issuer(key: &SigningKey) -> Issuer {
    let issuer = Issuer::with(&[key]);
    issuer.publish_list(&list_token(key, &[]));
    issuer.pushes();
    issuer
}

/// The one that a request came to ends with its worker, or is held up by a handler.
#[test]
fn lists_are_followed_where_the_verifier_was_started() {
    let key = rsa_key();
    let issuer = issuer(&key);
    let own = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let api = own.block_on(issuer.start());
    let token = sign(&key, &with_status(1));
    let worker = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    assert!(worker.block_on(judge(&api, &token)).is_ok());
    drop(worker);
    issuer.publish_list(&list_token(&key, &[1]));
    own.block_on(eventually("it is refused", async || {
        api.verify_seen(&token).is_none()
    }));
}

/// That of the API's own client, or of its clock.
#[tokio::test]
async fn lists_are_followed_after_a_panic() {
    let key = rsa_key();
    let issuer = issuer(&key);
    issuer.lists_fail("/status-lists", Fault::Panics);
    let api = issuer.start().await;
    let token = sign(&key, &with_status(1));
    assert!(judge(&api, &token).await.is_err());
    issuer.lists_fail("/status-lists", None);
    eventually("it recovers", async || judge(&api, &token).await.is_ok()).await;
    eventually("changes are told", async || api.health().lists.are_pushed).await;
}

/// As many as there is room for; those that nobody uses make room.
#[tokio::test]
async fn lists_are_bounded_in_number() {
    let key = rsa_key();
    let (issuer, clock) = (Issuer::with(&[&key]), At::begin());
    let api = issuer.verifier_at(&clock).start().await.unwrap();
    let uri = |n: usize| format!("{ISSUER}/status-lists/{n}");
    let token = |n: usize| sign(&key, &with_status_at(&uri(n), json!(1)));
    let publish = |n: usize| {
        let mut claims = list_with("sub", json!(uri(n)));
        claims["exp"] = json!(BEGIN + 1000);
        claims["status_list"]["lst"] = json!(lst(&[2]));
        issuer.publish_list_at(&uri(n), sign_list(&key, &claims));
    };
    (0..66).for_each(publish);
    for n in 0..64 {
        assert!(judge(&api, &token(n)).await.is_ok(), "{n}");
    }
    let away = Err(Rejection::Unavailable(Unavailable::StatusList));
    assert_eq!(judge(&api, &token(64)).await, away);
    clock.pass(59);
    assert!(judge(&api, &token(0)).await.is_ok());
    assert_eq!(judge(&api, &token(64)).await, away);
    clock.pass(1);
    assert!(judge(&api, &token(64)).await.is_ok());
    // Those that went are followed again when they are needed.
    clock.pass(60);
    for n in 0..64 {
        assert!(judge(&api, &token(n)).await.is_ok(), "{n}");
    }
    assert_eq!(api.health().lists.count, 64);
}

/// Who finds no seat is judged by what the API says of lists that are not there.
#[tokio::test]
async fn those_who_wait_for_a_list_are_bounded_in_all() {
    let key = rsa_key();
    for (policy, pass) in [(WhenStale::Refuse, false), (WhenStale::Allow, true)] {
        let issuer = issuer(&key);
        let lists = StatusLists::default().when_stale(policy);
        let api = issuer.verifier().status_lists(lists).start().await.unwrap();
        issuer.lists_fail("/status-lists/1", Fault::Silent);
        let mut waiting = tokio::task::JoinSet::new();
        let token = sign(&key, &with_status(1));
        let began = Instant::now();
        for _ in 0..1100 {
            let (api, token) = (api.clone(), token.clone());
            waiting.spawn(async move { (judge(&api, &token).await.is_ok(), began.elapsed()) });
        }
        let judged = waiting.join_all().await;
        assert!(judged.iter().all(|(is_ok, _)| *is_ok == pass));
        let seated = Duration::from_secs(2);
        let waited = judged.iter().filter(|(_, time)| *time >= seated).count();
        assert_eq!(waited, 1000);
    }
}

/// The tasks that follow lists end with whoever needs them.
#[tokio::test]
async fn nothing_is_followed_for_a_verifier_that_is_gone() {
    let key = rsa_key();
    let issuer = issuer(&key);
    let api: Verifier = issuer.start().await;
    assert!(judge(&api, &sign(&key, &with_status(1))).await.is_ok());
    eventually("changes are heard of", async || issuer.questions() > 1).await;
    drop(api);
    tokio::time::sleep(Duration::from_millis(600)).await;
    let then = (issuer.questions(), issuer.list_fetches());
    issuer.publish_list(&list_token(&key, &[1]));
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!((issuer.questions(), issuer.list_fetches()), then);
}
