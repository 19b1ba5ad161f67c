//! Status lists (draft-ietf-oauth-status-list-21): what they end is refused, at each use, and nothing else is.

use std::time::Duration;

use latchkey_jose::SigningKey;
use latchkey_protocol::status::{StatusList, Width};
use latchkey_resource_server::{Refusal, Rejection, StatusLists, Unavailable};
use serde_json::{Value, json};

use super::support::{
    At, BEGIN, Issuer, LIST, assert_refused, claims, eventually, judge, list_claims, list_token,
    list_token_at, list_with, rsa_key, sign, sign_list, with_status, with_status_at,
};

/// An issuer that pushes, whose list says that these ended.
fn issuer(key: &SigningKey, ended: &[u64]) -> Issuer {
    let issuer = Issuer::with(&[key]);
    issuer.publish_list(&list_token(key, ended));
    issuer.pushes();
    issuer
}

async fn judge_by(key: &SigningKey, list: &Value, idx: u64) -> Result<String, Rejection> {
    let issuer = Issuer::with(&[key]);
    issuer.publish_list(&sign_list(key, list));
    judge(&issuer.start().await, &sign(key, &with_status(idx))).await
}

#[tokio::test]
async fn a_token_that_the_list_ends_is_refused_and_its_neighbours_are_not() {
    let key = rsa_key();
    let api = issuer(&key, &[9, 63]).start().await;
    for good in [0, 1, 8, 10, 62] {
        assert!(judge(&api, &sign(&key, &with_status(good))).await.is_ok());
    }
    for ended in [9, 63] {
        let token = sign(&key, &with_status(ended));
        // Verified before or not.
        for _ in 0..3 {
            assert_refused(&api, &token, Refusal::Revoked).await;
            assert!(api.verify_seen(&token).is_none());
        }
    }
}

/// 7.1: whatever is not 0 is not good.
#[tokio::test]
async fn lists_of_every_width_are_read() {
    let key = rsa_key();
    for (width, status) in [
        (Width::One, 1),
        (Width::Two, 2),
        (Width::Four, 8),
        (Width::Eight, 128),
    ] {
        let mut list = StatusList::of_bytes(width, vec![0; 8]);
        list.set(5, status);
        let bits = width.bits();
        let claims = list_with("status_list", json!({ "bits": bits, "lst": list.lst() }));
        let ended = judge_by(&key, &claims, 5).await;
        assert_eq!(ended, Err(Rejection::Refused(Refusal::Revoked)), "{bits}");
        for good in [4, 6] {
            assert!(judge_by(&key, &claims, good).await.is_ok(), "{bits}");
        }
    }
}

/// The bit is looked at when the token is used, not when it was verified.
#[tokio::test]
async fn a_token_that_was_verified_before_is_judged_anew_at_each_use() {
    let key = rsa_key();
    let issuer = issuer(&key, &[]);
    let api = issuer.start().await;
    let (token, other) = (sign(&key, &with_status(7)), sign(&key, &with_status(8)));
    for token in [&token, &other] {
        assert!(judge(&api, token).await.is_ok());
        assert!(api.verify_seen(token).is_some());
    }
    issuer.publish_list(&list_token_at(&key, &[7], 1));
    eventually("it is refused", async || api.verify_seen(&token).is_none()).await;
    assert_refused(&api, &token, Refusal::Revoked).await;
    assert!(api.verify_seen(&other).is_some());
}

/// No lookup leaves the process, but for the first token of a list.
#[tokio::test]
async fn a_list_is_fetched_once_for_all_its_tokens() {
    let key = rsa_key();
    // One that is not advertised: then nobody hears of changes, and it is fetched by time.
    let issuer = Issuer::with(&[&key]);
    issuer.publish_list(&list_token(&key, &[]));
    let api = issuer.start().await;
    assert_eq!(issuer.list_fetches(), 0);
    let mut callers = tokio::task::JoinSet::new();
    for idx in 0..50 {
        let (api, token) = (api.clone(), sign(&key, &with_status(idx)));
        callers.spawn(async move { judge(&api, &token).await });
    }
    while let Some(judged) = callers.join_next().await {
        assert!(judged.unwrap().is_ok());
    }
    assert_eq!(issuer.list_fetches(), 1);
    let health = api.health().lists;
    assert_eq!((health.count, health.are_stale), (1, false));
}

/// An issuer that publishes lists gives each token a status: what has none was not made by it as it is now.
#[tokio::test]
async fn a_token_without_status_is_refused_where_there_are_lists() {
    let key = rsa_key();
    let without = sign(&key, &claims());
    let quiet = Issuer::with(&[&key]);
    assert!(judge(&quiet.start().await, &without).await.is_ok());
    let api = issuer(&key, &[]).start().await;
    assert_refused(&api, &without, Refusal::StatusMissing).await;
    // Where the owner says where they are, nobody asks the metadata.
    let address = "https://id.example/status-lists";
    let named = quiet
        .verifier()
        .status_lists(StatusLists::default().at(address));
    let api = named.start().await.unwrap();
    assert_refused(&api, &without, Refusal::StatusMissing).await;
    assert!(api.verify_seen(&without).is_none());
}

/// Also one that was verified before the issuer had any.
#[tokio::test]
async fn lists_that_are_new_are_heard_of_and_lists_that_are_gone_too() {
    let key = rsa_key();
    let issuer = issuer(&key, &[]);
    let api = issuer.verifier().refetch_pause(Duration::from_millis(5));
    let api = api.start().await.unwrap();
    let (with, without) = (sign(&key, &with_status(1)), sign(&key, &claims()));
    assert!(judge(&api, &with).await.is_ok());
    assert_refused(&api, &without, Refusal::StatusMissing).await;
    issuer.advertises_no_more();
    let gone = super::support::Fault::Answer(404, Vec::new());
    issuer.lists_fail("/status-lists", gone);
    // So that a question is answered now, and not after 25 seconds.
    issuer.publish_list(&list_token(&key, &[]));
    eventually("a token without status passes", async || {
        judge(&api, &without).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn what_names_no_place_in_a_list_of_the_issuer_is_refused() {
    let key = rsa_key();
    let issuer = issuer(&key, &[]);
    let api = issuer.start().await;
    for idx in [
        json!(64),
        json!(1_u64 << 63),
        json!(u64::MAX),
        json!(-1),
        json!(1.5),
        json!("1"),
        json!(null),
    ] {
        let token = sign(&key, &with_status_at(LIST, idx));
        assert_refused(&api, &token, Refusal::StatusUnreadable).await;
    }
    let fetched = issuer.list_fetches();
    for uri in [
        "https://evil.example/status-lists/1",
        "https://id.example:8443/status-lists/1",
        "https://id.example@evil.example/status-lists/1",
        "https://alice@id.example/status-lists/1",
        "http://id.example/status-lists/1",
        "http://127.0.0.1/status-lists/1",
        "file:///etc/passwd",
        "/status-lists/1",
        "",
    ] {
        let token = sign(&key, &with_status_at(uri, json!(1)));
        assert_refused(&api, &token, Refusal::StatusUnreadable).await;
    }
    for status in [
        json!({}),
        json!([]),
        json!(null),
        json!({ "status_list": [] }),
        json!({ "other": 1 }),
    ] {
        let mut claims = claims();
        claims["status"] = status;
        assert_refused(&api, &sign(&key, &claims), Refusal::StatusUnreadable).await;
    }
    // Nothing of that was fetched.
    assert_eq!(issuer.list_fetches(), fetched);
}

#[tokio::test]
async fn lists_lie_elsewhere_or_lack_their_issuer_only_where_the_owner_says_so() {
    let key = rsa_key();
    let elsewhere = "https://status.example/1";
    let token = sign(&key, &with_status_at(elsewhere, json!(1)));
    let quiet = Issuer::with(&[&key]);
    assert_refused(&quiet.start().await, &token, Refusal::StatusUnreadable).await;
    let lists = StatusLists::default().from_origin("https://status.example");
    let api = quiet.verifier().status_lists(lists).start().await.unwrap();
    // It is asked for: there is none.
    let away = Err(Rejection::Unavailable(Unavailable::StatusList));
    assert_eq!(judge(&api, &token).await, away);

    let mut nameless = list_claims(&[]);
    nameless.as_object_mut().unwrap().remove("iss");
    assert_eq!(judge_by(&key, &nameless, 1).await, away);
    quiet.publish_list(&sign_list(&key, &nameless));
    let lists = StatusLists::default().accept_without_issuer();
    let api = quiet.verifier().status_lists(lists).start().await.unwrap();
    assert!(judge(&api, &sign(&key, &with_status(1))).await.is_ok());
}

/// Behind a load balancer, answers come from nodes that know a little more, and a little less.
#[tokio::test]
async fn no_call_passes_after_the_first_refusal_whichever_node_answers() {
    let key = rsa_key();
    let issuer = issuer(&key, &[]);
    let api = issuer.start().await;
    let token = sign(&key, &with_status(3));
    assert!(judge(&api, &token).await.is_ok());
    issuer.publish_list(&list_token(&key, &[3]));
    eventually("it is refused", async || api.verify_seen(&token).is_none()).await;
    for n in 0..1000 {
        if n % 100 == 0 {
            // Of the same time, or later, and without the bit.
            issuer.publish_list(&list_token_at(&key, &[], n / 500));
            tokio::time::sleep(Duration::from_millis(130)).await;
        }
        assert!(judge(&api, &token).await.is_err(), "{n}");
    }
    // It was read: another bit in it counts.
    issuer.publish_list(&list_token_at(&key, &[4], 2));
    let other = sign(&key, &with_status(4));
    eventually("the other is refused", async || {
        judge(&api, &other).await.is_err()
    })
    .await;
}

/// Whoever can choose what is answered could take a revocation back, or make a list last.
#[tokio::test]
async fn an_older_list_never_replaces_a_newer_one() {
    let key = rsa_key();
    let (issuer, clock) = (issuer(&key, &[]), At::begin());
    let api = issuer.verifier_at(&clock).start().await.unwrap();
    let (good, ended) = (sign(&key, &with_status(1)), sign(&key, &with_status(2)));
    assert!(judge(&api, &good).await.is_ok());
    issuer.publish_list(&list_token_at(&key, &[2], 30));
    eventually("it is refused", async || judge(&api, &ended).await.is_err()).await;
    let mut older = list_claims(&[]);
    older["exp"] = json!(BEGIN + 10_000);
    let fetched = issuer.list_fetches();
    issuer.publish_list(&sign_list(&key, &older));
    eventually("it is fetched", async || issuer.list_fetches() > fetched).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(judge(&api, &good).await.is_ok());
    assert_refused(&api, &ended, Refusal::Revoked).await;
    clock.pass(90);
    let away = Err(Rejection::Unavailable(Unavailable::StatusList));
    assert_eq!(judge(&api, &good).await, away);
}

/// The node that made it has a clock that is behind, and heard of the revocation all the same.
#[tokio::test]
async fn what_an_older_list_ends_is_refused() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    issuer.publish_list(&list_token_at(&key, &[], 30));
    issuer.pushes();
    let api = issuer.start().await;
    let (good, ended) = (sign(&key, &with_status(1)), sign(&key, &with_status(2)));
    assert!(judge(&api, &ended).await.is_ok());
    issuer.publish_list(&list_token_at(&key, &[2], 20));
    eventually("it is refused", async || judge(&api, &ended).await.is_err()).await;
    // The one that takes its place keeps what was seen.
    issuer.publish_list(&list_token_at(&key, &[3], 40));
    let other = sign(&key, &with_status(3));
    eventually("it is read", async || judge(&api, &other).await.is_err()).await;
    assert_refused(&api, &ended, Refusal::Revoked).await;
    assert!(judge(&api, &good).await.is_ok());
}

/// The list that is known would count for an hour more, and each new one seem to be older.
#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_list_last() {
    let key = rsa_key();
    let (issuer, clock) = (issuer(&key, &[]), At::begin());
    let builder = issuer.verifier_at(&clock);
    let api = builder.refetch_pause(Duration::from_millis(5)).start();
    let api = api.await.unwrap();
    let mut claims = with_status(1);
    claims["iat"] = json!(BEGIN - 7200);
    let token = sign(&key, &claims);
    assert!(judge(&api, &token).await.is_ok());
    issuer.publish_silently(LIST, list_token_at(&key, &[1], -3600));
    clock.pass(-3600);
    assert!(api.verify_seen(&token).is_none());
    let revoked = Err(Rejection::Refused(Refusal::Revoked));
    eventually("the new list is heard", async || {
        let judged = judge(&api, &token).await;
        assert!(judged.is_err());
        judged == revoked
    })
    .await;
    // It is the one that counts now.
    claims["status"]["status_list"]["idx"] = json!(2);
    let other = sign(&key, &claims);
    eventually("others pass", async || judge(&api, &other).await.is_ok()).await;
}

/// The token was good when it came, and was over when its list had been fetched.
#[tokio::test]
async fn what_ends_while_its_list_is_fetched_is_refused() {
    let key = rsa_key();
    let (issuer, clock) = (issuer(&key, &[]), At::begin());
    let api = issuer.verifier_at(&clock).start().await.unwrap();
    issuer.lists_fail(
        "/status-lists/1",
        super::support::Fault::Slow(Duration::from_millis(200)),
    );
    let mut claims = with_status(1);
    claims["exp"] = json!(BEGIN + 10);
    let token = sign(&key, &claims);
    let judged = tokio::spawn(async move { judge(&api, &token).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    clock.pass(10);
    assert_eq!(
        judged.await.unwrap(),
        Err(Rejection::Refused(Refusal::Expired))
    );
}
