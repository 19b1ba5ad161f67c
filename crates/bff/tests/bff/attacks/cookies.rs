//! Cookies that are another's, garbage, or planted.

use reqwest::Method;

use super::world;
use crate::support::*;

const NAME: &str = "__Host-latchkey-bff";

#[actix_web::test]
async fn a_cookie_opens_its_own_session_and_nothing_else() {
    let world = world().await;
    let (alice, bob) = (world.signed_in().await, world.browser());
    bob.sign_in(&world.issuer, "bob").await;
    assert_eq!(alice.get("/api/me").await.json["user"], "alice");
    assert_eq!(bob.get("/api/me").await.json["user"], "bob");
    let good = alice.cookie();
    let mut changed = good.clone();
    let other = if changed.starts_with('A') { "B" } else { "A" };
    changed.replace_range(..1, other);
    let huge = "x".repeat(6000);
    for bad in [
        "",
        "a",
        &changed,
        &good[..42],
        &format!("{good}a"),
        &good.to_uppercase(),
        "' OR 1=1 --",
        "../../etc/passwd",
        "%00",
        &huge,
        &"A".repeat(43),
    ] {
        alice.with_cookie(bad).get("/api/me").await.assert_ended();
        alice.with_cookie(bad).get("/bff/user").await.assert_ended();
    }
    assert_eq!(alice.get("/api/me").await.status, 200);
    world.stop().await;
}

/// Of two of the same name one was planted: neither counts.
#[actix_web::test]
async fn two_cookies_of_the_name_are_none() {
    let world = world().await;
    let (alice, bob) = (world.signed_in().await, world.browser());
    bob.sign_in(&world.issuer, "bob").await;
    let stranger = world.browser();
    for (one, other) in [
        (alice.cookie(), bob.cookie()),
        (bob.cookie(), alice.cookie()),
        (alice.cookie(), alice.cookie()),
    ] {
        let request = stranger.request(Method::GET, "/api/me");
        let request = request.header("Cookie", format!("{NAME}={one}; {NAME}={other}"));
        stranger.send(request).await.assert_ended();
    }
    // A sibling of the host can plant names without the prefix; they mean nothing.
    for name in [
        "latchkey-bff",
        "__host-latchkey-bff",
        "__Secure-latchkey-bff",
        "__Host-latchkey-bff2",
        // Decoded, it would be ours.
        "__Host%2Dlatchkey-bff",
        "%5F%5FHost-latchkey-bff",
    ] {
        let request = stranger.request(Method::GET, "/api/me");
        let request = request.header("Cookie", format!("{name}={}", alice.cookie()));
        stranger.send(request).await.assert_ended();
    }
    world.stop().await;
}

/// A sibling of the host plants what nobody can read: it spoils nothing.
#[actix_web::test]
async fn a_cookie_that_is_garbage_spoils_no_other() {
    let world = world().await;
    let alice = world.signed_in().await;
    let mut raw = Raw::open(&world.origin).await;
    let host = world.origin.strip_prefix("http://").unwrap();
    let mut request = format!("GET /bff/user HTTP/1.1\r\nHost: {host}\r\nX-Latchkey-BFF: 1\r\nConnection: close\r\nCookie: a=").into_bytes();
    request.extend_from_slice(b"\xff\xfe; b; =; ;; __Host-latchkey-bff=");
    request.extend_from_slice(format!("{}\r\n\r\n", alice.cookie()).as_bytes());
    raw.write(request).await;
    let told = raw.rest().await;
    assert!(told.starts_with("HTTP/1.1 200 "), "{told}");
    world.stop().await;
}

/// A sealed cookie of one kind is none of another.
#[actix_web::test]
async fn a_cookie_of_a_sign_in_is_none_of_a_sign_out() {
    let world = world().await;
    let browser = world.browser();
    let back = browser.begin(&world.issuer, "/bff/login", "alice").await;
    let begun = browser
        .cookies
        .lock()
        .unwrap()
        .values()
        .next()
        .unwrap()
        .clone();
    let moved = world.browser();
    moved
        .cookies
        .lock()
        .unwrap()
        .insert("__Host-latchkey-bff-logout".into(), begun);
    assert_eq!(moved.go("/bff/logout").await.header("location"), "/");
    assert_eq!(moved.go(&back).await.status, 400);
    assert_eq!(browser.go(&back).await.status, 303);
    world.stop().await;
}
