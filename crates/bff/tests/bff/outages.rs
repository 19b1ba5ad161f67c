//! The provider or the store is away, slow, or says what makes no sense: nothing is let through because of it, sessions stay,
//! and nothing needs a restart.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use latchkey_bff::{settings::Limits, store::MemoryStore};
use reqwest::Method;

use crate::support::*;

async fn world() -> World {
    World::start(Arc::new(MemoryStore::default())).await
}

const FAULTS: [Fault; 6] = [
    Fault::Down,
    Fault::Answer(500, "oops"),
    Fault::Answer(200, "<html>a login page of the network</html>"),
    Fault::Answer(200, "{\"issuer\":"),
    Fault::Answer(302, ""),
    Fault::Answer(200, r#"{"issuer":"https://evil.example"}"#),
];

/// Tokens that are good serve, whatever becomes of the provider.
#[actix_web::test]
async fn calls_go_on_without_the_provider_until_a_token_ends() {
    let world = world().await;
    let browser = world.signed_in().await;
    for fault in FAULTS {
        world.issuer.fails(fault);
        assert_eq!(browser.get("/api/me").await.status, 200);
        assert_eq!(browser.get("/bff/user").await.status, 200);
    }
    world.pass(ACCESS);
    for fault in FAULTS {
        world.issuer.fails(fault);
        browser.get("/api/me").await.assert_away();
    }
    world.issuer.fails(None);
    assert_eq!(browser.get("/api/me").await.status, 200);
    assert_eq!(browser.get("/readyz").await.status, 200);
    world.stop().await;
}

#[actix_web::test]
async fn a_provider_that_never_answers_costs_five_seconds_and_not_the_session() {
    let world = world().await;
    let browser = world.signed_in().await;
    world.pass(ACCESS);
    world.issuer.fails(Fault::Silent);
    let begun = Instant::now();
    browser.get("/api/me").await.assert_away();
    assert!(
        begun.elapsed() < Duration::from_secs(7),
        "{:?}",
        begun.elapsed()
    );
    world.issuer.fails(None);
    assert_eq!(browser.get("/api/me").await.status, 200);
    world.stop().await;
}

/// It was never reached: the BFF runs, says that it is not ready, and is once the provider is there.
#[actix_web::test]
async fn a_provider_that_comes_later_is_found_without_a_restart() {
    let world = world().await;
    world.issuer.fails(Fault::Down);
    let browser = world.browser();
    assert_eq!(browser.get("/healthz").await.status, 200);
    assert_eq!(browser.get("/readyz").await.status, 503);
    let login = browser.go("/bff/login").await;
    assert_eq!((login.status, login.header("set-cookie")), (503, ""));
    world.issuer.fails(None);
    eventually("a sign-in can begin", async || {
        browser.go("/bff/login").await.status == 303
    })
    .await;
    browser.sign_in(&world.issuer, "alice").await;
    assert_eq!(browser.get("/api/me").await.status, 200);
    assert_eq!(browser.get("/readyz").await.status, 200);
    world.stop().await;
}

#[actix_web::test]
async fn a_sign_in_that_cannot_be_finished_signs_nobody_in() {
    let world = world().await;
    for fault in FAULTS {
        let browser = world.browser();
        let back = browser.begin(&world.issuer, "/bff/login", "alice").await;
        world.issuer.fails(fault.clone());
        let done = browser.go(&back).await;
        assert!(matches!(done.status, 400 | 503), "{fault:?}: {done:?}");
        assert_eq!(done.cookie("__Host-latchkey-bff"), "");
        world.issuer.fails(None);
        browser.get("/bff/user").await.assert_ended();
    }
    world.stop().await;
}

#[actix_web::test]
async fn a_sign_out_does_not_wait_for_the_provider() {
    let world = world().await;
    let browser = world.signed_in().await;
    let copy = browser.with_cookie(&browser.cookie());
    world.issuer.fails(Fault::Silent);
    let begun = Instant::now();
    assert_eq!(browser.post("/bff/logout", "").await.status, 200);
    assert!(begun.elapsed() < Duration::from_secs(2));
    copy.get("/bff/user").await.assert_ended();
    world.stop().await;
}

/// A provider that is away takes no instance out of service: it is named.
#[actix_web::test]
async fn readiness_is_the_truth_of_now() {
    let store = Flaky::new();
    let world = World::start(store.clone()).await;
    let browser = world.signed_in().await;
    let is_said = async |status: u16, text: &str| {
        let begun = Instant::now();
        loop {
            let ready = browser.get("/readyz").await;
            if ready.status == status && ready.text.contains(text) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(2), "{ready:?}");
        }
    };
    is_said(200, "ready\n").await;
    world.issuer.fails(Fault::Silent);
    is_said(200, "the provider does not answer").await;
    world.issuer.fails(None);
    is_said(200, "ready\n").await;
    store.fails(true);
    is_said(503, "the session store").await;
    store.fails(false);
    is_said(200, "ready\n").await;
    world.stop().await;
}

/// Events go on when the store fails for a moment, and not for long: their session may have ended.
#[actix_web::test]
async fn streams_outlive_a_short_outage_of_the_store_and_no_long_one() {
    for (between, goes_on) in [(60, true), (1, false)] {
        let limits = Limits {
            between: Duration::from_secs(between),
            ..Limits::default()
        };
        let plan = Plan {
            limits,
            ..Plan::default()
        };
        let store = Flaky::new();
        let world = World::start_with(store.clone(), plan).await;
        let browser = world.signed_in().await;
        let events = browser.request(Method::GET, "/api/events").send();
        let mut events = events.await.unwrap();
        events.chunk().await.unwrap();
        store.fails(true);
        let begun = Instant::now();
        let mut is_open = true;
        while is_open && begun.elapsed() < Duration::from_secs(8) {
            is_open = matches!(events.chunk().await, Ok(Some(_)));
        }
        assert_eq!(is_open, goes_on);
        world.stop().await;
    }
}

#[actix_web::test]
async fn a_store_that_is_away_answers_503_and_signs_nobody_out_or_in() {
    let store = Flaky::new();
    let world = World::start(store.clone()).await;
    let (browser, other) = (world.signed_in().await, world.browser());
    let back = other.begin(&world.issuer, "/bff/login", "bob").await;
    store.fails(true);
    for path in ["/api/me", "/bff/user"] {
        browser.get(path).await.assert_away();
    }
    browser.post("/bff/logout", "").await.assert_away();
    let claims = world.issuer.logout_claims("one", "alice");
    let form = [("logout_token", world.issuer.sign("logout+jwt", &claims))];
    let told = browser
        .plain(Method::POST, "/bff/backchannel-logout")
        .form(&form);
    assert_eq!(browser.send(told).await.status, 503);
    let done = other.go(&back).await;
    assert_eq!((done.status, done.cookie("__Host-latchkey-bff")), (503, ""));
    assert_eq!(browser.get("/readyz").await.status, 503);
    store.fails(false);
    assert_eq!(browser.get("/api/me").await.status, 200);
    // The logout token was not acted upon, and so not remembered: it ends the session when it comes again.
    let told = browser
        .plain(Method::POST, "/bff/backchannel-logout")
        .form(&form);
    assert_eq!(browser.send(told).await.status, 200);
    browser.get("/api/me").await.assert_ended();
    world.stop().await;
}
