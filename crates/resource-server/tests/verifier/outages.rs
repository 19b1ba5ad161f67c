//! The issuer is down, slow, silent, or answers garbage: known keys go on for the stated time, nothing is let through
//! because something failed, and nothing needs a restart.

use std::time::{Duration, Instant};

use latchkey_resource_server::{Builder, Rejection, Unavailable};
use serde_json::json;

use super::support::{
    At, Fault, ISSUER, Issuer, claims, ec_key, eventually, judge, rsa_key, sign, with,
};

const AWAY: Result<String, Rejection> = Err(Rejection::Unavailable(Unavailable::Keys));

/// That asks for keys all the time.
fn eager(builder: Builder) -> Builder {
    let often = Duration::from_millis(5);
    builder.refresh_every(often).refetch_pause(often)
}

fn every_fault() -> Vec<Fault> {
    let body = |status, body: &str| Fault::Answer(status, body.as_bytes().to_vec());
    vec![
        Fault::Down,
        Fault::Silent,
        body(200, ""),
        body(200, "<!doctype html><title>Sign in to the Wi-Fi</title>"),
        body(200, r#"{"keys":["#),
        body(200, r#"{"keys":[]}"#),
        body(200, r#"{"keys":{}}"#),
        body(200, "null"),
        body(
            200,
            &format!(r#"{{"issuer":"https://evil.example","jwks_uri":"{ISSUER}/jwks"}}"#),
        ),
        body(
            200,
            &format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"https://evil.example/jwks"}}"#),
        ),
        body(200, &"[".repeat(100_000)),
        body(500, "{}"),
        body(503, "{}"),
        body(404, "{}"),
        body(302, ""),
        body(304, ""),
        Fault::Answer(200, vec![b' '; 2 * 1024 * 1024]),
        Fault::Answer(200, vec![0xff; 1000]),
    ]
}

#[tokio::test]
async fn known_keys_go_on_for_the_stated_time_and_no_longer() {
    let key = rsa_key();
    for fault in every_fault() {
        if matches!(fault, Fault::Answer(304, _)) {
            // To a request with the ETag this says that the keys are the same.
            continue;
        }
        let (issuer, clock) = (Issuer::with(&[&key]), At::begin());
        let builder = eager(issuer.verifier_at(&clock));
        let api = builder.keys_stale_for(Duration::from_secs(600)).start();
        let api = api.await.unwrap();
        issuer.fails(fault.clone());
        // A fetch that began before may still bring keys.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let long = with("exp", json!(super::support::BEGIN + 10_000));
        let (seen, unseen) = (sign(&key, &long), sign(&key, &claims()));
        clock.pass(200);
        assert!(judge(&api, &seen).await.is_ok(), "{fault:?}");
        assert!(judge(&api, &unseen).await.is_ok(), "{fault:?}");
        clock.pass(400);
        // Also what was verified before: nobody knows whether its key was taken back.
        assert_eq!(judge(&api, &seen).await, AWAY, "{fault:?}");
        assert!(!api.health().is_ready);
    }
}

#[tokio::test]
async fn without_keys_nothing_passes_and_nothing_needs_a_restart() {
    let key = rsa_key();
    for fault in every_fault() {
        let issuer = Issuer::with(&[&key]);
        issuer.fails(fault.clone());
        let api = eager(issuer.verifier()).start_without_issuer().unwrap();
        let token = sign(&key, &claims());
        let began = Instant::now();
        assert_eq!(judge(&api, &token).await, AWAY, "{fault:?}");
        assert!(began.elapsed() < Duration::from_secs(20), "{fault:?}");
        if fault == Fault::Silent {
            // Its call takes five seconds to be given up.
            continue;
        }
        issuer.fails(None);
        eventually("it recovers by itself", async || {
            judge(&api, &token).await.is_ok()
        })
        .await;
        assert!(api.health().is_ready && !api.health().is_issuer_away);
    }
}

/// A key that is not known may be a new one: while nobody can say, it is not the caller who is at fault.
#[tokio::test]
async fn an_unknown_key_is_answered_503_while_the_issuer_is_away() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    let api = eager(issuer.verifier()).start().await.unwrap();
    issuer.fails(Fault::Down);
    eventually("the outage is seen", async || api.health().is_issuer_away).await;
    assert_eq!(judge(&api, &sign(&ec_key(), &claims())).await, AWAY);
    assert!(judge(&api, &sign(&key, &claims())).await.is_ok());
}

#[tokio::test]
async fn a_slow_issuer_delays_nobody_whose_key_is_known() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    let api = eager(issuer.verifier()).start().await.unwrap();
    issuer.fails(Fault::Silent);
    // The pause after the fetch that brought keys is over.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let stranger = tokio::spawn({
        let (api, token) = (api.clone(), sign(&ec_key(), &claims()));
        async move { judge(&api, &token).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    let began = Instant::now();
    assert!(judge(&api, &sign(&key, &claims())).await.is_ok());
    assert!(began.elapsed() < Duration::from_millis(2500));
    assert_eq!(stranger.await.unwrap(), AWAY);
}

#[tokio::test]
async fn health_says_since_when_there_are_keys() {
    let key = rsa_key();
    let (issuer, clock) = (Issuer::with(&[&key]), At::begin());
    issuer.fails(Fault::Down);
    let api = eager(issuer.verifier_at(&clock)).start_without_issuer();
    let api = api.unwrap();
    assert_eq!(api.health().keys_fetched_at, None);
    issuer.fails(None);
    eventually("keys come", async || api.health().is_ready).await;
    let at = api.health().keys_fetched_at.unwrap();
    assert_eq!(at.as_seconds(), super::support::BEGIN);
}
