//! Lists cannot be fetched: known ones count until they end, then the API's policy says what passes, and nothing needs a restart.

use std::time::{Duration, Instant};

use latchkey_resource_server::{Rejection, StatusLists, Unavailable, Verifier, WhenStale};
use serde_json::json;

use super::support::{
    At, BEGIN, Fault, Issuer, eventually, judge, list_token, list_token_at, rsa_key, sign,
    with_status,
};

const AWAY: Result<String, Rejection> = Err(Rejection::Unavailable(Unavailable::StatusList));

/// One is enough for what takes seconds.
fn policies(fault: &Fault) -> &'static [WhenStale] {
    match fault {
        Fault::Silent => &[WhenStale::AllowReads],
        _ => &[WhenStale::Refuse, WhenStale::AllowReads, WhenStale::Allow],
    }
}

async fn read(api: &Verifier, token: &str) -> Result<String, Rejection> {
    api.verify_read(token)
        .await
        .map(|claims| claims.sub.clone())
}

fn every_fault() -> Vec<Fault> {
    let body = |status, body: &str| Fault::Answer(status, body.as_bytes().to_vec());
    vec![
        Fault::Down,
        Fault::Silent,
        body(200, ""),
        body(200, "<!doctype html><title>Sign in to the Wi-Fi</title>"),
        body(304, ""),
        body(302, ""),
        body(404, "{}"),
        body(500, "{}"),
        body(503, "{}"),
        Fault::Answer(200, vec![b'a'; 3 << 20]),
    ]
}

fn passes(policy: &WhenStale, is_read: bool) -> bool {
    match policy {
        WhenStale::Refuse => false,
        WhenStale::AllowReads => is_read,
        WhenStale::Allow => true,
    }
}

#[tokio::test]
async fn a_known_list_counts_until_it_ends_and_then_the_policy_does() {
    let key = rsa_key();
    for fault in every_fault() {
        for policy in policies(&fault) {
            let (issuer, clock) = (Issuer::with(&[&key]), At::begin());
            issuer.publish_list(&list_token(&key, &[2]));
            let lists = StatusLists::default().when_stale(*policy);
            let builder = issuer.verifier_at(&clock).status_lists(lists);
            let api = builder.start().await.unwrap();
            let (good, ended) = (sign(&key, &with_status(1)), sign(&key, &with_status(2)));
            assert!(judge(&api, &good).await.is_ok());
            issuer.lists_fail("/status-lists", fault.clone());
            clock.pass(59);
            assert!(judge(&api, &good).await.is_ok(), "{fault:?}");
            assert!(api.verify_seen(&good).is_some());
            clock.pass(1);
            assert!(api.verify_seen(&good).is_none(), "{fault:?}");
            let (read, changed) = (read(&api, &good).await, judge(&api, &good).await);
            assert_eq!(read.is_ok(), passes(policy, true), "{fault:?} {policy:?}");
            assert_eq!(
                changed.is_ok(),
                passes(policy, false),
                "{fault:?} {policy:?}"
            );
            assert!(api.health().lists.are_stale && api.health().is_ready);
            assert!(judge(&api, &ended).await.is_err(), "{fault:?} {policy:?}");
        }
    }
}

#[tokio::test]
async fn a_list_that_was_never_there_is_as_one_that_ended_and_nothing_needs_a_restart() {
    let key = rsa_key();
    for fault in every_fault() {
        for policy in policies(&fault) {
            let issuer = Issuer::with(&[&key]);
            issuer.publish_list(&list_token(&key, &[2]));
            issuer.lists_fail("/status-lists", fault.clone());
            let lists = StatusLists::default().when_stale(*policy);
            let api = issuer.verifier().status_lists(lists).start().await.unwrap();
            let (good, ended) = (sign(&key, &with_status(1)), sign(&key, &with_status(2)));
            let began = Instant::now();
            let judged = judge(&api, &good).await;
            assert_eq!(
                judged.is_ok(),
                passes(policy, false),
                "{fault:?} {policy:?}"
            );
            let read = read(&api, &good).await;
            assert_eq!(read.is_ok(), passes(policy, true), "{fault:?} {policy:?}");
            assert!(began.elapsed() < Duration::from_secs(10), "{fault:?}");
            if fault == Fault::Silent {
                // Its call takes five seconds to be given up.
                continue;
            }
            issuer.lists_fail("/status-lists", None);
            eventually("it recovers by itself", async || {
                judge(&api, &good).await.is_ok() && !api.health().lists.are_stale
            })
            .await;
            assert!(judge(&api, &ended).await.is_err(), "{fault:?} {policy:?}");
        }
    }
}

/// Whoever waits is answered; and whose list is known does not wait.
#[tokio::test]
async fn a_silent_issuer_delays_nobody_whose_list_is_known() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    issuer.publish_list(&list_token(&key, &[]));
    issuer.pushes();
    let api = issuer.start().await;
    let known = sign(&key, &with_status(1));
    assert!(judge(&api, &known).await.is_ok());
    issuer.lists_fail("/status-lists", Fault::Silent);
    let other = super::support::with_status_at("https://id.example/status-lists/2", json!(1));
    let stranger = tokio::spawn({
        let (api, token) = (api.clone(), sign(&key, &other));
        async move { judge(&api, &token).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let began = Instant::now();
    for idx in 2..60 {
        let token = sign(&key, &with_status(idx));
        assert!(judge(&api, &token).await.is_ok());
    }
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(stranger.await.unwrap(), AWAY);
    assert!(began.elapsed() < Duration::from_secs(4));
}

/// Each request would wait otherwise, and each would be a call.
#[tokio::test]
async fn a_stale_list_costs_one_attempt_in_a_while_and_not_one_for_each_request() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    let lists = StatusLists::default().when_stale(WhenStale::Allow);
    let api = issuer.verifier().status_lists(lists).start().await.unwrap();
    let token = sign(&key, &with_status(1));
    let began = Instant::now();
    for _ in 0..1000 {
        assert!(judge(&api, &token).await.is_ok());
    }
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
    // By itself it tries more and more seldom: 100 ms, 200 ms, ...
    assert!(
        issuer.list_fetches() <= 6 + 2 * seconds,
        "{}",
        issuer.list_fetches()
    );
}

/// With an issuer that answers nothing, an attempt takes five seconds: nobody pays for the next one.
#[tokio::test]
async fn after_an_attempt_that_failed_nobody_waits_for_the_next_one() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    issuer.lists_fail("/status-lists", Fault::Silent);
    let lists = StatusLists::default().when_stale(WhenStale::Allow);
    let api = issuer.verifier().status_lists(lists).start().await.unwrap();
    let token = sign(&key, &with_status(1));
    assert!(judge(&api, &token).await.is_ok());
    tokio::time::sleep(Duration::from_millis(5500)).await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        let asked = Instant::now();
        assert!(judge(&api, &token).await.is_ok());
        assert!(asked.elapsed() < Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// An issuer says for ever that nothing is new, by its tags: what has ended is fetched without them.
#[tokio::test]
async fn a_list_that_has_ended_is_never_the_same() {
    let key = rsa_key();
    let (issuer, clock) = (Issuer::with(&[&key]), At::begin());
    issuer.tags_all_lists_alike();
    issuer.publish_list(&list_token(&key, &[]));
    let api = issuer.verifier_at(&clock).start().await.unwrap();
    let token = sign(&key, &with_status(1));
    assert!(judge(&api, &token).await.is_ok());
    issuer.publish_list(&list_token_at(&key, &[], 60));
    clock.pass(60);
    tokio::time::sleep(Duration::from_secs(1)).await;
    eventually("it is fetched whole", async || {
        judge(&api, &token).await.is_ok()
    })
    .await;
}

/// The keys are gone too: then nobody knows whose list it is.
#[tokio::test]
async fn a_list_by_a_key_that_was_withdrawn_is_none() {
    let (old, new) = (rsa_key(), super::support::ec_key());
    let (issuer, clock) = (Issuer::with(&[&old, &new]), At::begin());
    issuer.publish_list(&list_token(&old, &[]));
    issuer.pushes();
    let pause = Duration::from_millis(5);
    let builder = issuer.verifier_at(&clock).refetch_pause(pause);
    let api = builder.refresh_every(pause).start().await.unwrap();
    let token = sign(&new, &with_status(1));
    assert!(judge(&api, &token).await.is_ok());
    issuer.publish(&[&new]);
    tokio::time::sleep(Duration::from_millis(50)).await;
    issuer.publish_list(&list_token_at(&old, &[], 20));
    clock.pass(60);
    assert_eq!(judge(&api, &token).await, AWAY);
    let mut claims = super::support::list_claims(&[]);
    claims["iat"] = json!(BEGIN + 60);
    claims["exp"] = json!(BEGIN + 120);
    issuer.publish_list(&super::support::sign_list(&new, &claims));
    eventually("it recovers", async || judge(&api, &token).await.is_ok()).await;
}
