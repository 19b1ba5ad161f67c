//! The renewal table of docs/bff.md, row by row, on each store.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use latchkey_bff::store::{Key, SessionStore};
use latchkey_protocol::Timestamp;

use crate::support::*;

/// Alice, signed in, and after so many seconds.
pub async fn after(store: Arc<dyn SessionStore>, seconds: i64) -> (World, Browser) {
    let world = World::start(store).await;
    let browser = world.signed_in().await;
    world.pass(seconds);
    (world, browser)
}

/// A call that is answered by the API.
pub async fn assert_good(browser: &Browser) -> Answer {
    let call = browser.get("/api/me").await;
    assert_eq!(
        (call.status, &call.json["user"]),
        (200, &"alice".into()),
        "{call:?}"
    );
    call
}

fn token(call: &Answer) -> String {
    call.json["headers"]["authorization"][0]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn both_tokens_good_the_call_goes_through_as_it_is() {
    on_each_store(async |store| {
        let (world, browser) = after(store, ACCESS - 11).await;
        assert_eq!(token(&assert_good(&browser).await), "Bearer access-2");
        assert_eq!(world.issuer.refreshes(), 0);
        world.stop().await;
    });
}

#[test]
fn access_token_expired_one_refresh_and_the_call_goes_through() {
    on_each_store(async |store| {
        let (world, browser) = after(store, ACCESS).await;
        let call = browser.post("/api/me", "a body").await;
        assert_eq!((call.status, &call.json["text"]), (200, &"a body".into()));
        assert_eq!(token(&call), "Bearer access-3");
        assert_good(&browser).await;
        assert_eq!(world.issuer.refreshes(), 1);
        // And again, with the refresh token that came with it.
        world.pass(ACCESS);
        assert_good(&browser).await;
        assert_eq!(world.issuer.refreshes(), 2);
        assert_eq!(call.header("set-cookie"), "");
        world.stop().await;
    });
}

#[test]
fn refresh_token_expired_the_access_token_serves_to_its_end_and_then_the_user_signs_in() {
    on_each_store(async |store| {
        let (world, browser) = after(store, 0).await;
        world.issuer.expire_refresh_tokens();
        assert_good(&browser).await;
        // Shortly before the end the renewal is tried, in vain.
        world.pass(ACCESS - 5);
        for _ in 0..3 {
            assert_eq!(token(&assert_good(&browser).await), "Bearer access-2");
        }
        assert_eq!(world.issuer.refreshes(), 1);
        world.pass(5);
        browser.get("/api/me").await.assert_ended();
        browser.get("/bff/user").await.assert_ended();
        world.stop().await;
    });
}

#[test]
fn both_expired_the_user_signs_in() {
    on_each_store(async |store| {
        let (world, browser) = after(store, ACCESS).await;
        world.issuer.expire_refresh_tokens();
        let copy = browser.with_cookie(&browser.cookie());
        browser.get("/api/me").await.assert_ended();
        assert!(browser.cookies.lock().unwrap().is_empty());
        copy.get("/bff/user").await.assert_ended();
        assert_eq!(world.issuer.refreshes(), 1);
        assert_eq!(world.api.seen().len(), 0);
        world.stop().await;
    });
}

/// In the store: whoever writes there cannot make one up, change one or move one.
#[test]
fn tokens_tampered_with_in_the_store_do_not_open() {
    on_each_store(async |store| {
        let (world, browser) = after(store.clone(), 0).await;
        let key = Key::of_cookie(&browser.cookie());
        let now = Timestamp::from_seconds(BEGIN);
        let row = store.find(&key, now).await.unwrap().unwrap();
        for shown in ["alice", "access-", "refresh-", "eyJhbGciOiJFUzI1NiI"] {
            assert!(!row.sealed.contains(shown), "{shown}");
        }
        let at = row.sealed.len() / 2;
        let other = if &row.sealed[at..=at] == "A" {
            "B"
        } else {
            "A"
        };
        let changed = format!("{}{other}{}", &row.sealed[..at], &row.sealed[at + 1..]);
        let bad = [&*changed, "", "{}", "a.b.c.d.e"];
        for (version, sealed) in (row.version..).zip(bad) {
            assert!(
                store
                    .replace(&key, version, sealed, row.expires_at, now)
                    .await
                    .unwrap()
            );
            browser
                .with_cookie(&browser.cookie())
                .get("/api/me")
                .await
                .assert_ended();
        }
        assert_eq!(world.api.seen().len(), 0);
        world.stop().await;
    });
}

/// As it was changed on the way to the store, or the provider has forgotten it.
#[test]
fn refresh_token_that_the_provider_does_not_know_the_user_signs_in() {
    on_each_store(async |store| {
        let (world, browser) = after(store, ACCESS).await;
        world.issuer.revoke_refresh_tokens();
        browser.get("/api/me").await.assert_ended();
        browser.get("/api/me").await.assert_ended();
        assert_eq!(world.issuer.refreshes(), 1);
        world.stop().await;
    });
}

#[test]
fn access_token_revoked_it_is_renewed_once_and_the_call_made_again() {
    on_each_store(async |store| {
        let (world, browser) = after(store, 20).await;
        world.issuer.revoke_access_tokens();
        let call = browser.post("/api/me", "kept").await;
        assert_eq!(
            (call.status, &call.json["text"]),
            (200, &"kept".into()),
            "{call:?}"
        );
        assert_eq!((world.issuer.refreshes(), world.api.seen().len()), (1, 2));
        // An API that refuses the new one too is believed: no call is made three times, no token renewed for each call.
        world.issuer.revoke_access_tokens();
        let call = browser.get("/api/me").await;
        assert_eq!((call.status, call.header("latchkey-session")), (401, ""));
        assert_eq!(
            call.header("www-authenticate"),
            r#"Bearer error="invalid_token""#
        );
        assert_eq!((world.issuer.refreshes(), world.api.seen().len()), (1, 3));
        world.stop().await;
    });
}

#[test]
fn both_revoked_the_user_signs_in() {
    on_each_store(async |store| {
        let (world, browser) = after(store, 20).await;
        world.issuer.revoke_access_tokens();
        world.issuer.revoke_refresh_tokens();
        browser.get("/api/me").await.assert_ended();
        world.stop().await;
    });
}

/// A copy of the store from before a rotation: the provider sees a replay, and the family is over.
#[test]
fn refresh_token_replayed_the_user_signs_in() {
    on_each_store(async |store| {
        let (world, browser) = after(store.clone(), 0).await;
        let key = Key::of_cookie(&browser.cookie());
        let now = Timestamp::from_seconds(BEGIN);
        let old = store.find(&key, now).await.unwrap().unwrap();
        world.pass(ACCESS);
        assert_good(&browser).await;
        assert!(
            store
                .replace(&key, 2, &old.sealed, old.expires_at, now)
                .await
                .unwrap()
        );
        world.pass(ACCESS);
        browser.get("/api/me").await.assert_ended();
        world.stop().await;
    });
}

#[test]
fn tokens_of_another_user_end_the_session_and_are_taken_back() {
    on_each_store(async |store| {
        let (world, browser) = after(store, ACCESS).await;
        world.issuer.fails(Fault::RenewsFor("bob"));
        browser.get("/api/me").await.assert_ended();
        assert_eq!(world.issuer.revoked(), ["refresh-3"]);
        assert_eq!(world.api.seen().len(), 0);
        world.issuer.fails(None);
        browser.get("/bff/user").await.assert_ended();
        world.stop().await;
    });
}

/// The refresh token was rotated: what came with it counts, and the old one would be a replay at the next call.
#[test]
fn id_token_by_a_key_that_is_not_known_yet_the_renewed_tokens_count() {
    on_each_store(async |store| {
        let (world, browser) = after(store, ACCESS).await;
        world.issuer.fails(Fault::RenewsByNewKey);
        assert_good(&browser).await;
        world.issuer.fails(None);
        world.pass(ACCESS);
        assert_good(&browser).await;
        assert_eq!(world.issuer.refreshes(), 2);
        assert_eq!(world.issuer.revoked(), [""; 0]);
        world.stop().await;
    });
}

/// What the provider said of a refresh token holds for that one: by the time that it is acted upon another instance may
/// have written another one.
#[actix_web::test]
async fn refused_refresh_token_that_was_replaced_meanwhile_ends_nothing() {
    let store = Flaky::new();
    let (world, browser) = after(store.clone(), 0).await;
    let key = Key::of_cookie(&browser.cookie());
    let now = Timestamp::from_seconds(BEGIN);
    let row = async || store.find(&key, now).await.unwrap().unwrap();
    let old = row().await;
    world.pass(ACCESS);
    assert_good(&browser).await;
    let renewed = row().await;
    let back = store.replace(&key, 2, &old.sealed, old.expires_at, now);
    assert!(back.await.unwrap());
    world.issuer.revoke_refresh_tokens();
    store.renews_before_end(key, 3, renewed.sealed);
    assert_eq!(token(&assert_good(&browser).await), "Bearer access-3");
    // And where nobody came between, it ends.
    world.pass(ACCESS);
    browser.get("/api/me").await.assert_ended();
    world.stop().await;
}

#[test]
fn refresh_token_of_another_client_the_user_signs_in() {
    on_each_store(async |store| {
        let (world, browser) = after(store, ACCESS).await;
        world.issuer.give_refresh_tokens_to("another");
        browser.get("/api/me").await.assert_ended();
        world.stop().await;
    });
}

#[test]
fn provider_away_503_and_the_session_stays() {
    on_each_store(async |store| {
        let (world, browser) = after(store, ACCESS).await;
        for fault in [
            Fault::Down,
            Fault::Answer(500, "<html>"),
            Fault::Answer(200, "<html>"),
            Fault::Answer(401, r#"{"error":"invalid_client"}"#),
            Fault::Answer(429, ""),
        ] {
            world.issuer.fails(fault);
            browser.get("/api/me").await.assert_away();
            browser.get("/bff/user").await.assert_away();
        }
        assert_eq!(world.api.seen().len(), 0);
        world.issuer.fails(None);
        assert_good(&browser).await;
        world.stop().await;
    });
}

/// The provider had rotated the token when its answer was lost: it gives the same successor again.
#[test]
fn answer_lost_the_next_call_renews() {
    on_each_store(async |store| {
        let (world, browser) = after(store, ACCESS).await;
        world.issuer.fails(Fault::LosesAnswer);
        browser.get("/api/me").await.assert_away();
        world.issuer.fails(None);
        world.pass(29);
        assert_good(&browser).await;
        world.pass(ACCESS);
        assert_good(&browser).await;
        world.stop().await;
    });
}

#[test]
fn fifty_parallel_calls_at_expiry_on_two_instances_make_one_refresh() {
    on_each_store(async |store| {
        let (world, browser) = after(store, ACCESS).await;
        let other = world.another_instance();
        world.issuer.fails(Fault::Slow(Duration::from_millis(50)));
        let calls = (0..50).map(|count| {
            let instance = if count % 2 == 0 {
                &world.origin
            } else {
                &other
            };
            browser.send(browser.request_at(instance, "/api/me"))
        });
        let answers = join_all(calls).await;
        for answer in &answers {
            assert_eq!(
                (answer.status, token(answer).as_str()),
                (200, "Bearer access-3"),
                "{answer:?}"
            );
        }
        assert_eq!((answers.len(), world.issuer.refreshes()), (50, 1));
        world.stop().await;
    });
}

#[test]
fn a_sign_out_while_a_token_is_renewed_wins_and_what_came_is_taken_back() {
    on_each_store(async |store| {
        let (world, browser) = after(store, ACCESS).await;
        world.issuer.fails(Fault::Slow(Duration::from_millis(300)));
        let copy = browser.with_cookie(&browser.cookie());
        let leaving = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            browser.post("/bff/logout", "").await
        };
        let (call, left) = tokio::join!(copy.get("/api/me"), leaving);
        assert_eq!(left.status, 200);
        call.assert_ended();
        eventually("both refresh tokens are taken back", async || {
            world.issuer.revoked().contains(&"refresh-3".to_owned())
        })
        .await;
        assert_eq!(world.api.seen().len(), 0);
        world.stop().await;
    });
}

/// An instance that has died with the right to renew holds nobody up for longer than ten seconds.
#[test]
fn a_lease_of_an_instance_that_died_is_taken_over() {
    on_each_store(async |store| {
        let (world, browser) = after(store.clone(), ACCESS).await;
        let key = Key::of_cookie(&browser.cookie());
        let now = Timestamp::from_seconds(BEGIN + ACCESS);
        assert!(store.lease(&key, 1, "dead", now, now + 10).await.unwrap());
        world.pass(10);
        assert_good(&browser).await;
        assert_eq!(world.issuer.refreshes(), 1);
        world.stop().await;
    });
}
