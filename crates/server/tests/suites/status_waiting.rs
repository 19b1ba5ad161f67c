//! `Prefer: wait` (RFC 7240 4.3) at the aggregation of the status lists: who waits hears of a change at once, and few hold up
//! nobody.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::*;

async fn own_token(h: &Harness) -> Value {
    let token = h.post_as_app("/token", &[("grant_type", "client_credentials")]);
    token.await.json["access_token"].clone()
}

async fn tag(h: &Harness) -> String {
    h.lists().follow().await.unwrap();
    let all = answer(plain().get(h.at("/status-lists"))).await;
    all.header("etag").to_owned()
}

/// Waits for a change, in a task of its own. What came, and after how long.
fn wait(h: &Harness, tag: &str, seconds: u32) -> tokio::task::JoinHandle<(Answer, Duration)> {
    let asked = plain().get(h.at("/status-lists"));
    let asked = asked.header("If-None-Match", tag.to_owned());
    let asked = asked.header("Prefer", format!("wait={seconds}"));
    actix_web::rt::spawn(async move {
        let began = Instant::now();
        (answer(asked).await, began.elapsed())
    })
}

async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(150)).await;
}

#[test]
fn who_waits_hears_at_once_of_a_token_that_ended() {
    on_both(async |h| {
        let token = own_token(&h).await;
        let tag = tag(&h).await;
        let waiting = wait(&h, &tag, 20);
        a_moment().await;
        assert!(!waiting.is_finished());
        let form = [("token", token.as_str().unwrap())];
        assert_eq!(h.post_as_app("/revoke", &form).await.status, 200);
        h.lists().follow().await.unwrap();
        let (told, after) = waiting.await.unwrap();
        assert_eq!(told.status, 200, "{told:?}");
        assert!(after < Duration::from_secs(5), "{after:?}");
        assert_ne!(told.header("etag"), tag);
        assert_eq!(told.header("preference-applied"), "wait");
        assert_eq!(told.header("cache-control"), "no-store");
        assert_eq!(told.header("vary"), "Prefer");
        assert!(h.has_ended(&token).await);
        // What it did not know is told at once.
        let (told, after) = wait(&h, &tag, 20).await.unwrap();
        assert!(
            told.status == 200 && after < Duration::from_secs(5),
            "{told:?}"
        );
        assert_eq!(told.header("preference-applied"), "wait");
    });
}

#[test]
fn who_waits_for_nothing_is_told_so_after_as_long_as_it_asked_for() {
    on_both(async |h| {
        own_token(&h).await;
        let tag = tag(&h).await;
        let (told, after) = wait(&h, &tag, 1).await.unwrap();
        assert_eq!((told.status, told.header("etag")), (304, &*tag), "{told:?}");
        assert_eq!(told.header("preference-applied"), "wait");
        assert!(after >= Duration::from_secs(1), "{after:?}");
        let (told, after) = wait(&h, &tag, 0).await.unwrap();
        assert!(
            told.status == 304 && after < Duration::from_secs(1),
            "{told:?}"
        );
    });
}

/// Beyond the bound nobody is kept, and nobody is refused: they ask again by the time that lists may be kept.
#[test]
fn beyond_the_bound_of_those_who_wait_the_answer_comes_at_once() {
    let two = [("LATCHKEY_LIMITS__STATUS_WAITING", "2")];
    on_both_with(&two, async |h| {
        own_token(&h).await;
        let tag = tag(&h).await;
        let waiting = [wait(&h, &tag, 20), wait(&h, &tag, 20)];
        a_moment().await;
        let (told, after) = wait(&h, &tag, 20).await.unwrap();
        assert_eq!(told.status, 304, "{told:?}");
        assert!(after < Duration::from_secs(5), "{after:?}");
        assert_eq!(
            (
                told.header("preference-applied"),
                told.header("retry-after")
            ),
            ("", "5")
        );
        assert!(waiting.iter().all(|one| !one.is_finished()));
        let [first, second] = waiting;
        first.abort();
        h.lists().close();
        second.await.unwrap();
    });
}

#[test]
fn at_the_end_of_the_process_everybody_who_waits_is_answered() {
    on_both(async |h| {
        own_token(&h).await;
        let tag = tag(&h).await;
        let waiting: Vec<_> = (0..5).map(|_| wait(&h, &tag, 20)).collect();
        a_moment().await;
        h.lists().close();
        for one in waiting {
            let (told, after) = one.await.unwrap();
            assert_eq!(told.status, 304, "{told:?}");
            assert!(after < Duration::from_secs(5), "{after:?}");
        }
        let (told, after) = wait(&h, &tag, 20).await.unwrap();
        assert!(told.status == 304 && after < Duration::from_secs(5));
        assert_eq!(
            told.header("preference-applied"),
            "",
            "nobody waits any more"
        );
    });
}

/// Nobody needs credentials to wait: one network has an eighth of the places.
#[test]
fn one_network_leaves_others_room_to_wait() {
    let settings = [
        ("LATCHKEY_TRUSTED_PROXIES", "127.0.0.0/8"),
        ("LATCHKEY_LIMITS__STATUS_WAITING", "64"),
    ];
    on_both_with(&settings, async |h| {
        own_token(&h).await;
        let tag = tag(&h).await;
        let wait = |from: &'static str| {
            let asked = plain().get(h.at("/status-lists"));
            let asked = asked.header("X-Forwarded-For", from);
            let asked = asked.header("If-None-Match", tag.clone());
            actix_web::rt::spawn(answer(asked.header("Prefer", "wait=20")))
        };
        let greedy: Vec<_> = (0..8).map(|_| wait("203.0.113.1")).collect();
        a_moment().await;
        let told = wait("203.0.113.1").await.unwrap();
        assert_eq!((told.status, told.header("retry-after")), (304, "5"));
        let other = wait("198.51.100.7");
        a_moment().await;
        assert!(!other.is_finished() && greedy.iter().all(|one| !one.is_finished()));
        h.lists().close();
        assert_eq!(other.await.unwrap().header("preference-applied"), "wait");
    });
}
