//! How soon a revocation counts: at once where the issuer tells of changes, within the cache time of its lists otherwise.

use std::time::{Duration, Instant};

use latchkey_jose::SigningKey;
use latchkey_resource_server::Verifier;
use serde_json::json;

use super::support::{
    Fault, Issuer, judge, list_claims, list_token_at, rsa_key, sign, sign_list, with_status,
};

/// Lists that are to be fetched every second.
fn publish(issuer: &Issuer, key: &SigningKey, ended: &[u64], tells: bool) {
    let mut claims = list_claims(ended);
    claims["ttl"] = json!(1);
    let token = sign_list(key, &claims);
    if tells {
        issuer.publish_list(&token);
    } else {
        issuer.publish_silently(super::support::LIST, &token);
    }
}

/// How long it takes until the token is refused; ten seconds at the most.
async fn refused_after(api: &Verifier, token: &str) -> Duration {
    let began = Instant::now();
    while judge(api, token).await.is_ok() && began.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    began.elapsed()
}

async fn until_pushed(api: &Verifier) {
    super::support::eventually("changes are told", async || api.health().lists.are_pushed).await;
}

#[tokio::test]
async fn a_change_that_is_told_counts_within_a_second() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    publish(&issuer, &key, &[], true);
    issuer.pushes();
    let api = issuer.start().await;
    for idx in 1..5 {
        let token = sign(&key, &with_status(idx));
        assert!(judge(&api, &token).await.is_ok());
        until_pushed(&api).await;
        let ended: Vec<u64> = (1..=idx).collect();
        publish(&issuer, &key, &ended, true);
        let time = refused_after(&api, &token).await;
        assert!(time < Duration::from_secs(1), "{time:?}");
    }
}

/// The node that answers may hear of it later than the one that told it.
#[tokio::test]
async fn a_list_that_does_not_show_the_change_yet_is_fetched_again() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    issuer.publish_list(&list_token_at(&key, &[], 0));
    issuer.pushes();
    let api = issuer.start().await;
    let token = sign(&key, &with_status(1));
    assert!(judge(&api, &token).await.is_ok());
    until_pushed(&api).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let fetched = issuer.list_fetches();
    // Told, and the same list.
    issuer.publish_list(&list_token_at(&key, &[], 0));
    super::support::eventually("it is fetched", async || issuer.list_fetches() > fetched).await;
    issuer.publish_silently(super::support::LIST, list_token_at(&key, &[1], 0));
    let time = refused_after(&api, &token).await;
    assert!(time < Duration::from_secs(1), "{time:?}");
}

/// The cache time of the list is one second.
#[tokio::test]
async fn without_being_told_a_change_counts_within_the_cache_time_and_a_second() {
    let key = rsa_key();
    let silent = Issuer::with(&[&key]);
    let answers_at_once = Issuer::with(&[&key]);
    answers_at_once.advertises();
    let breaks = Issuer::with(&[&key]);
    breaks.pushes();
    for (issuer, has_told) in [(silent, false), (answers_at_once, false), (breaks, true)] {
        publish(&issuer, &key, &[], false);
        let api = issuer.start().await;
        let token = sign(&key, &with_status(1));
        assert!(judge(&api, &token).await.is_ok());
        if has_told {
            until_pushed(&api).await;
            issuer.questions_fail(Fault::Answer(503, Vec::new()));
            // The question that waits is answered; the next one is not.
            publish(&issuer, &key, &[], true);
            super::support::eventually("it is seen", async || !api.health().lists.are_pushed).await;
        }
        publish(&issuer, &key, &[1], false);
        let time = refused_after(&api, &token).await;
        assert!(time < Duration::from_secs(2), "{time:?}");
    }
}

/// Whoever is told of changes need not ask for the list all the time; who is told without end asks twice a second.
#[tokio::test]
async fn the_issuer_is_not_asked_more_often_than_needed() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    publish(&issuer, &key, &[], true);
    issuer.pushes();
    let api = issuer.start().await;
    assert!(judge(&api, &sign(&key, &with_status(1))).await.is_ok());
    until_pushed(&api).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let (fetches, questions) = (issuer.list_fetches(), issuer.questions());
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        (issuer.list_fetches(), issuer.questions()),
        (fetches, questions)
    );
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        publish(&issuer, &key, &[2], true);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(issuer.list_fetches() - fetches <= 6);
    assert!(issuer.questions() - questions <= 10);
}

/// A proxy that caches drops `If-None-Match`: what is answered at once, and says what it said before, is no news.
#[tokio::test]
async fn answers_without_news_are_not_asked_for_without_end() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    publish(&issuer, &key, &[], true);
    issuer.pushes();
    issuer.forgets_tags_of_questions();
    let api = issuer.start().await;
    let token = sign(&key, &with_status(1));
    assert!(judge(&api, &token).await.is_ok());
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(issuer.questions() <= 3, "{}", issuer.questions());
    assert!(issuer.list_fetches() <= 7, "{}", issuer.list_fetches());
    assert!(!api.health().lists.are_pushed);
    publish(&issuer, &key, &[1], true);
    let time = refused_after(&api, &token).await;
    assert!(time < Duration::from_secs(2), "{time:?}");
}

/// A node whose clock is behind answers a few times; another one knows more.
#[tokio::test]
async fn after_an_older_list_the_next_one_comes_soon() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    issuer.publish_list(&list_token_at(&key, &[], 30));
    issuer.pushes();
    let api = issuer.start().await;
    let token = sign(&key, &with_status(1));
    assert!(judge(&api, &token).await.is_ok());
    until_pushed(&api).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    issuer.publish_list(&list_token_at(&key, &[], 20));
    tokio::time::sleep(Duration::from_millis(1300)).await;
    issuer.publish_silently(super::support::LIST, list_token_at(&key, &[1], 30));
    let time = refused_after(&api, &token).await;
    assert!(time < Duration::from_secs(3), "{time:?}");
}

/// Where changes alone are not told, the keys and the metadata are not to blame.
#[tokio::test]
async fn questions_that_fail_cause_no_fetch_of_the_keys_each() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    publish(&issuer, &key, &[], true);
    issuer.pushes();
    issuer.questions_fail(Fault::Answer(503, Vec::new()));
    let builder = issuer.verifier().refetch_pause(Duration::from_millis(5));
    let api = builder.start().await.unwrap();
    assert!(judge(&api, &sign(&key, &with_status(1))).await.is_ok());
    tokio::time::sleep(Duration::from_secs(4)).await;
    // After five of them it is looked for another address, once.
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn who_is_told_no_more_goes_by_time() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    publish(&issuer, &key, &[], true);
    issuer.pushes();
    let often = Duration::from_millis(20);
    let builder = issuer.verifier().refresh_every(often).refetch_pause(often);
    let api = builder.start().await.unwrap();
    let token = sign(&key, &with_status(1));
    assert!(judge(&api, &token).await.is_ok());
    until_pushed(&api).await;
    // The metadata is read again after a failure, and names no address any more. The question that waits goes on waiting.
    issuer.advertises_no_more();
    issuer.fails(Fault::Down);
    tokio::time::sleep(Duration::from_millis(100)).await;
    issuer.fails(None);
    super::support::eventually("it is seen", async || !api.health().lists.are_pushed).await;
    publish(&issuer, &key, &[1], false);
    let time = refused_after(&api, &token).await;
    assert!(time < Duration::from_secs(2), "{time:?}");
}
