//! Status lists (draft-ietf-oauth-status-list-21): what they end is refused, at each use, and nothing else is.

use latchkey_jose::SigningKey;
use latchkey_protocol::status::{StatusList, Width};
use latchkey_resource_server::{Refusal, Rejection, StatusLists, Unavailable, Verifier};
use serde_json::{Value, json};

use super::support::{
    At, BEGIN, ISSUER, Issuer, LIST, assert_refused, claims, eventually, judge, list_claims,
    list_token, list_token_at, list_with, lst, rsa_key, sign, sign_list, with_status,
    with_status_at,
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
    let api = issuer
        .verifier()
        .refetch_pause(std::time::Duration::from_millis(5));
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
            tokio::time::sleep(std::time::Duration::from_millis(130)).await;
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

/// Whoever can choose what is answered could take a revocation back.
#[tokio::test]
async fn an_older_list_never_replaces_a_newer_one() {
    let key = rsa_key();
    let (issuer, clock) = (issuer(&key, &[]), At::begin());
    let api = issuer.verifier_at(&clock).start().await.unwrap();
    let (good, ended) = (sign(&key, &with_status(1)), sign(&key, &with_status(2)));
    assert!(judge(&api, &good).await.is_ok());
    issuer.publish_list(&list_token_at(&key, &[2], 30));
    eventually("it is refused", async || judge(&api, &ended).await.is_err()).await;
    // So late that what was seen a minute ago is forgotten, with a list that has not ended, and the older one's end later.
    clock.pass(65);
    let mut older = list_claims(&[1]);
    older["exp"] = json!(BEGIN + 10_000);
    let fetched = issuer.list_fetches();
    issuer.publish_list(&sign_list(&key, &older));
    eventually("it is fetched", async || issuer.list_fetches() > fetched).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(judge(&api, &good).await.is_ok());
    assert_refused(&api, &ended, Refusal::Revoked).await;
}

/// The token was good when it came, and was over when its list had been fetched.
#[tokio::test]
async fn what_ends_while_its_list_is_fetched_is_refused() {
    let key = rsa_key();
    let (issuer, clock) = (issuer(&key, &[]), At::begin());
    let api = issuer.verifier_at(&clock).start().await.unwrap();
    issuer.lists_fail(
        "/status-lists/1",
        super::support::Fault::Slow(std::time::Duration::from_millis(200)),
    );
    let mut claims = with_status(1);
    claims["exp"] = json!(BEGIN + 10);
    let token = sign(&key, &claims);
    let judged = tokio::spawn(async move { judge(&api, &token).await });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    clock.pass(10);
    assert_eq!(
        judged.await.unwrap(),
        Err(Rejection::Refused(Refusal::Expired))
    );
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

#[tokio::test]
async fn those_who_wait_for_a_list_are_bounded_in_all() {
    let key = rsa_key();
    let issuer = issuer(&key, &[]);
    let api = issuer.start().await;
    issuer.lists_fail("/status-lists/1", super::support::Fault::Silent);
    let mut waiting = tokio::task::JoinSet::new();
    let token = sign(&key, &with_status(1));
    for _ in 0..1100 {
        let (api, token) = (api.clone(), token.clone());
        waiting.spawn(async move { judge(&api, &token).await });
    }
    let mut busy = 0;
    while let Some(judged) = waiting.join_next().await {
        match judged.unwrap().unwrap_err() {
            Rejection::Unavailable(Unavailable::Busy) => busy += 1,
            other => assert_eq!(other, Rejection::Unavailable(Unavailable::StatusList)),
        }
    }
    assert_eq!(busy, 100);
}

/// The tasks that follow lists end with whoever needs them.
#[tokio::test]
async fn nothing_is_followed_for_a_verifier_that_is_gone() {
    let key = rsa_key();
    let issuer = issuer(&key, &[]);
    let api: Verifier = issuer.start().await;
    assert!(judge(&api, &sign(&key, &with_status(1))).await.is_ok());
    eventually("changes are heard of", async || issuer.questions() > 1).await;
    drop(api);
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    let then = (issuer.questions(), issuer.list_fetches());
    issuer.publish_list(&list_token(&key, &[1]));
    tokio::time::sleep(std::time::Duration::from_millis(800)).await;
    assert_eq!((issuer.questions(), issuer.list_fetches()), then);
}
