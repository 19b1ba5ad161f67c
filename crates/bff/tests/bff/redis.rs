//! A real Redis that is taken away: killed, started again with nothing in it, stopped, full. What a browser sees, that nothing
//! is let through, and that nothing needs a restart.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use latchkey_bff::store::{Key, Name, NamedEnd, NewRow, RedisStore, SessionStore};
use latchkey_protocol::Timestamp;
use reqwest::Method;

use crate::support::*;

/// None where there is no Redis.
async fn world() -> Option<(Redis, World)> {
    let redis = Redis::start()?;
    let store = Arc::new(RedisStore::open(&redis.url).unwrap());
    Some((redis, World::start(store).await))
}

/// All hear 503, and nobody waits for those before them.
async fn assert_away_at_once(browser: &Browser, most: Duration) {
    let begun = Instant::now();
    let calls = join_all((0..30).map(|_| browser.get("/api/me"))).await;
    calls.iter().for_each(Answer::assert_away);
    assert!(begun.elapsed() < most, "{:?}", begun.elapsed());
}

/// Back-channel logout of the user's session; what the provider hears.
async fn told(world: &World, jti: &str) -> u16 {
    let claims = world.issuer.logout_claims(jti, "alice");
    let form = [("logout_token", world.issuer.sign("logout+jwt", &claims))];
    let browser = world.browser();
    let told = browser.plain(Method::POST, "/bff/backchannel-logout");
    browser.send(told.form(&form)).await.status
}

#[actix_web::test]
async fn a_redis_that_was_killed_and_comes_back_empty() {
    let Some((mut redis, world)) = world().await else {
        return;
    };
    let browser = world.signed_in().await;
    let waiting = world.browser();
    let back = waiting.begin(&world.issuer, "/bff/login", "bob").await;
    redis.kill();
    assert_away_at_once(&browser, Duration::from_secs(3)).await;
    assert_away_at_once(&browser, Duration::from_millis(1500)).await;
    browser.post("/bff/logout", "").await.assert_away();
    assert_eq!(told(&world, "one").await, 503);
    let done = waiting.go(&back).await;
    assert_eq!((done.status, done.cookie("__Host-latchkey-bff")), (503, ""));
    assert_eq!(browser.get("/readyz").await.status, 503);
    // What needs no store waits for nobody.
    assert_eq!(browser.get("/healthz").await.status, 200);
    assert_eq!(waiting.go("/bff/login").await.status, 303);
    assert_eq!(world.api.seen().len(), 0);
    redis.start_again();
    eventually("it is found again", async || {
        browser.get("/readyz").await.status == 200
    })
    .await;
    // Nobody is signed in by an empty store.
    browser
        .with_cookie(&browser.cookie())
        .get("/api/me")
        .await
        .assert_ended();
    assert_eq!(waiting.go(&back).await.status, 303);
    browser.sign_in(&world.issuer, "alice").await;
    assert_eq!(browser.get("/api/me").await.status, 200);
    world.stop().await;
}

#[actix_web::test]
async fn a_redis_that_does_not_answer_costs_one_wait_and_no_session() {
    let Some((redis, world)) = world().await else {
        return;
    };
    let browser = world.signed_in().await;
    redis.signal("STOP");
    // Those who come before it is known wait together, and once.
    assert_away_at_once(&browser, Duration::from_secs(4)).await;
    assert_away_at_once(&browser, Duration::from_millis(1500)).await;
    assert_eq!(browser.get("/readyz").await.status, 503);
    redis.signal("CONT");
    eventually("it is found again", async || {
        browser.get("/api/me").await.status == 200
    })
    .await;
    world.stop().await;
}

/// What the provider gave is written when Redis is back: the old refresh token would be a replay.
#[actix_web::test]
async fn a_redis_that_stops_during_a_renewal_loses_no_session() {
    let Some((redis, world)) = world().await else {
        return;
    };
    let browser = world.signed_in().await;
    world.pass(ACCESS);
    let pause = |time| tokio::time::sleep(Duration::from_millis(time));
    world.issuer.fails(Fault::Slow(Duration::from_millis(500)));
    let stopped = async {
        pause(250).await;
        redis.signal("STOP");
        pause(3500).await;
        redis.signal("CONT");
    };
    let (call, ()) = tokio::join!(browser.get("/api/me"), stopped);
    assert!(matches!(call.status, 200 | 503), "{call:?}");
    eventually("the renewed tokens are there", async || {
        browser.get("/api/me").await.status == 200
    })
    .await;
    assert_eq!(world.issuer.refreshes(), 1);
    world.stop().await;
}

/// Nobody signs in; whoever is signed in goes on, and can be signed out.
#[actix_web::test]
async fn a_redis_that_is_full_takes_sign_outs() {
    let Some((redis, world)) = world().await else {
        return;
    };
    let (browser, leaving) = (world.signed_in().await, world.browser());
    leaving.sign_in(&world.issuer, "bob").await;
    assert_eq!(leaving.get("/bff/user").await.status, 200);
    let full = |bytes: &str| redis.ask::<String>(&["CONFIG", "SET", "maxmemory", bytes]);
    full("1");
    // Calls and sign-outs go on: no instance is to be taken out of service.
    eventually("it says that it is full", async || {
        let ready = browser.get("/readyz").await;
        assert_eq!(ready.status, 200);
        ready.text.contains("full")
    })
    .await;
    let other = world.browser();
    let back = other.begin(&world.issuer, "/bff/login", "carol").await;
    let done = other.go(&back).await;
    assert_eq!((done.status, done.cookie("__Host-latchkey-bff")), (503, ""));
    world.pass(3600);
    // Extended and renewed.
    for user in [&browser, &leaving] {
        assert_eq!(user.get("/api/me").await.status, 200);
    }
    assert_eq!(world.issuer.refreshes(), 2);
    let copy = leaving.with_cookies();
    assert_eq!(leaving.post("/bff/logout", "").await.status, 200);
    copy.get("/api/me").await.assert_ended();
    assert_eq!(told(&world, "one").await, 200);
    browser.get("/api/me").await.assert_ended();
    // It is remembered.
    assert_eq!(redis.ask::<Vec<String>>(&["KEYS", "bff:j:*"]).len(), 1);
    full("0");
    eventually("it can be written to", async || {
        other.get("/readyz").await.text == "ready\n"
    })
    .await;
    other.sign_in(&world.issuer, "carol").await;
    assert_eq!(other.get("/api/me").await.status, 200);
    world.stop().await;
}

/// The lists of a user's sessions and of those of a sign-in: whoever ends one leaves them, however it ends.
#[actix_web::test]
async fn what_redis_keeps_of_a_user_ends_with_their_sessions() {
    let Some(redis) = Redis::start() else {
        return;
    };
    let store = RedisStore::open(&redis.url).unwrap();
    let now: i64 = redis.ask::<Vec<i64>>(&["TIME"])[0];
    let now = Timestamp::from_seconds(now);
    let begin = async |cookie: &str, round: i64| {
        let row = NewRow {
            sealed: "sealed".into(),
            subject: Name::of_subject("issuer", "alice"),
            sid: Some(Name::of_session("issuer", "s")),
            issued_at: now,
            expires_at: now + 100,
        };
        let key = Key::of_cookie(cookie);
        store.begin(&key, &row, 10, now + round).await.unwrap();
        key
    };
    let lists = || redis.ask::<Vec<String>>(&["KEYS", "bff:l:*"]);
    for round in 0..30 {
        let key = begin(&format!("a{round}"), round).await;
        store.end(&key).await.unwrap();
    }
    assert_eq!(lists(), [""; 0]);
    let key = begin("b", 0).await;
    assert!(store.end_version(&key, 1).await.unwrap());
    assert_eq!(lists(), [""; 0]);
    // Bounded, by the most sessions of a user.
    for round in 0..30 {
        begin(&format!("c{round}"), round).await;
    }
    assert_eq!(lists().len(), 2);
    for list in lists() {
        assert_eq!(redis.ask::<usize>(&["ZCARD", &list]), 10);
        assert!((1..=100).contains(&redis.ask::<i64>(&["TTL", &list])));
    }
    // Extended, and replaced: the lists live as long.
    store
        .extend(&Key::of_cookie("c29"), now + 1000, now)
        .await
        .unwrap();
    let key = Key::of_cookie("c28");
    let replaced = store.replace(&key, 1, "new", now + 2000, now);
    assert!(replaced.await.unwrap());
    for list in lists() {
        assert!((1900..=2000).contains(&redis.ask::<i64>(&["TTL", &list])));
    }
    // What Redis has forgotten by itself leaves them at the next sign-in.
    redis.ask::<i64>(&["DEL", &format!("bff:s:{}", Key::of_cookie("c25").to_hex())]);
    begin("d", 40).await;
    assert_eq!(redis.ask::<usize>(&["ZCARD", &lists()[0]]), 10);
    let all = NamedEnd {
        name: Name::of_subject("issuer", "alice"),
        at: now,
        jti: Name::of_logout_token("issuer", "one"),
        jti_until: now + 120,
    };
    store.end_named(&all).await.unwrap();
    assert_eq!(lists(), [""; 0]);
    assert_eq!(redis.ask::<Vec<String>>(&["KEYS", "bff:s:*"]), [""; 0]);
    // All that is left ends by itself.
    for key in redis.ask::<Vec<String>>(&["KEYS", "*"]) {
        assert!(redis.ask::<i64>(&["TTL", &key]) > 0, "{key}");
    }
}
