//! Websockets: who may open one, what goes through it, and how it ends.

use std::{sync::Arc, time::Duration};

use latchkey_bff::{
    settings::{Lifetimes, Limits},
    store::MemoryStore,
};

use crate::support::*;

async fn world() -> World {
    World::start(Arc::new(MemoryStore::default())).await
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A handshake as browsers send it: no header of the app's own.
fn handshake(browser: &Browser, path: &str, origin: &str) -> String {
    let host = browser.origin.strip_prefix("http://").unwrap();
    let cookies = browser.cookies.lock().unwrap();
    let cookie = cookies
        .get("__Host-latchkey-bff")
        .cloned()
        .unwrap_or_default();
    let origin = if origin.is_empty() {
        String::new()
    } else {
        format!("Origin: {origin}\r\n")
    };
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: __Host-latchkey-bff={cookie}\r\n{origin}{UPGRADE}\r\n"
    )
}

/// One that is open: the API has said whose it is.
async fn open(world: &World, browser: &Browser) -> Raw {
    let mut raw = Raw::open(&world.origin).await;
    raw.write(handshake(browser, "/api/sockets/echo", &world.origin))
        .await;
    let said = raw.read_until(|text| text.contains("hello alice\n")).await;
    assert!(said.starts_with("HTTP/1.1 101 "), "{said}");
    assert!(said.contains("hello alice\n"), "{said}");
    assert!(
        said.to_lowercase().contains("sec-websocket-accept: yes"),
        "{said}"
    );
    raw
}

#[actix_web::test]
async fn a_socket_of_the_app_is_opened_with_the_access_token_and_bytes_go_both_ways() {
    let world = world().await;
    let browser = world.signed_in().await;
    // Renewed before the handshake, as for any call.
    world.pass(ACCESS);
    let mut raw = open(&world, &browser).await;
    let headers = world.api.seen()[0]["headers"].clone();
    assert_eq!(headers["authorization"][0], "Bearer access-3");
    assert_eq!(headers["upgrade"][0], "websocket");
    for absent in ["cookie", "origin", "x-latchkey-bff"] {
        assert!(headers.get(absent).is_none(), "{headers}");
    }
    for bytes in ["\u{1}\u{0}frame", &"x".repeat(100_000)] {
        raw.write(bytes).await;
        let said = raw.read_until(|text| text.len() >= bytes.len()).await;
        assert_eq!(said, bytes);
    }
    world.stop().await;
}

#[actix_web::test]
async fn a_socket_of_another_origin_or_without_a_session_is_refused() {
    let world = world().await;
    let browser = world.signed_in().await;
    let stranger = world.browser();
    for (who, path, origin, status) in [
        (&browser, "/api/sockets/echo", "https://evil.example", "403"),
        (&browser, "/api/sockets/echo", "null", "403"),
        (&browser, "/api/sockets/echo", "", "403"),
        (&stranger, "/api/sockets/echo", &*world.origin, "401"),
        // Not below an API that has sockets.
        (&browser, "/api/orders/echo", &*world.origin, "400"),
        (&browser, "/api/sockets/../orders", &*world.origin, "400"),
    ] {
        let mut raw = Raw::open(&world.origin).await;
        raw.write(handshake(who, path, origin)).await;
        let said = raw.read_until(|text| text.contains("\r\n\r\n")).await;
        assert!(
            said.starts_with(&format!("HTTP/1.1 {status} ")),
            "{path} {origin}: {said}"
        );
    }
    assert_eq!(world.api.seen().len(), 0);
    world.stop().await;
}

#[actix_web::test]
async fn what_is_no_whole_handshake_is_refused() {
    let world = world().await;
    let browser = world.signed_in().await;
    let good = handshake(&browser, "/api/sockets/echo", &world.origin);
    for (from, to) in [
        ("GET ", "POST "),
        ("Upgrade: websocket", "Upgrade: h2c"),
        ("Connection: Upgrade", "Connection: close"),
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"),
        ("Sec-WebSocket-Key", "X-Key"),
        (
            "Upgrade: websocket",
            "Content-Length: 3\r\nUpgrade: websocket",
        ),
    ] {
        let mut raw = Raw::open(&world.origin).await;
        raw.write(good.replace(from, to)).await;
        let said = raw.read_until(|text| text.contains("\r\n\r\n")).await;
        assert!(said.starts_with("HTTP/1.1 400 "), "{from} {to}: {said}");
    }
    assert_eq!(world.api.seen().len(), 0);
    world.stop().await;
}

#[actix_web::test]
async fn a_socket_ends_with_its_session() {
    let world = world().await;
    let browser = world.signed_in().await;
    let (mut ended, kept) = (open(&world, &browser).await, world.signed_in().await);
    let mut kept = open(&world, &kept).await;
    assert_eq!(browser.post("/bff/logout", "").await.status, 200);
    assert!(ended.is_closed_within(Duration::from_secs(7)).await);
    kept.write("still there").await;
    assert_eq!(
        kept.read_until(|text| text == "still there").await,
        "still there"
    );
    world.stop().await;
}

#[actix_web::test]
async fn sockets_have_bounds_in_number_and_time() {
    let plan = Plan {
        limits: Limits {
            streams: 2,
            ..Limits::default()
        },
        lifetimes: Lifetimes {
            stream: 1,
            ..Lifetimes::default()
        },
        ..Plan::default()
    };
    let world = World::start_with(Arc::new(MemoryStore::default()), plan).await;
    let browser = world.signed_in().await;
    let (mut one, _other) = (open(&world, &browser).await, open(&world, &browser).await);
    let mut third = Raw::open(&world.origin).await;
    third
        .write(handshake(&browser, "/api/sockets/echo", &world.origin))
        .await;
    let said = third.read_until(|text| text.contains("\r\n\r\n")).await;
    assert!(said.starts_with("HTTP/1.1 503 "), "{said}");
    assert!(one.is_closed_within(Duration::from_secs(7)).await);
    // Its place is free again.
    open(&world, &browser).await;
    world.stop().await;
}

async fn world_with_one_socket(limits: Limits) -> World {
    let limits = Limits {
        streams_of_user: 1,
        ..limits
    };
    let plan = Plan {
        limits,
        ..Plan::default()
    };
    World::start_with(Arc::new(MemoryStore::default()), plan).await
}

/// Whether or not the connection is free.
#[actix_web::test]
async fn a_socket_of_which_the_browser_takes_nothing_gives_its_place_back() {
    let world = world_with_one_socket(Limits {
        between: Duration::from_millis(300),
        ..Limits::default()
    })
    .await;
    let browser = world.signed_in().await;
    let mut blocked = open(&world, &browser).await;
    let written = tokio::spawn(async move {
        // The API says it all again, and nobody reads it.
        for _ in 0..1000 {
            blocked.write(vec![b'x'; 64 * 1024]).await;
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        drop(blocked);
    });
    eventually("the place is free again", async || {
        let mut raw = Raw::open(&world.origin).await;
        let handshake = handshake(&browser, "/api/sockets/echo", &world.origin);
        raw.write(handshake).await;
        let said = raw.read_until(|text| text.contains("\r\n\r\n")).await;
        said.starts_with("HTTP/1.1 101 ")
    })
    .await;
    assert!(!written.is_finished());
    written.abort();
    world.stop().await;
}

#[actix_web::test]
async fn a_socket_on_which_nobody_says_anything_ends() {
    let world = world_with_one_socket(Limits {
        silence: Duration::from_millis(600),
        ..Limits::default()
    })
    .await;
    let browser = world.signed_in().await;
    let mut raw = open(&world, &browser).await;
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        raw.write("here").await;
        assert_eq!(raw.read_until(|text| text == "here").await, "here");
    }
    assert!(raw.is_closed_within(Duration::from_secs(2)).await);
    open(&world, &browser).await;
    world.stop().await;
}

#[actix_web::test]
async fn a_socket_that_the_browser_leaves_gives_its_place_back() {
    let plan = Plan {
        limits: Limits {
            streams_of_user: 1,
            ..Limits::default()
        },
        ..Plan::default()
    };
    let world = World::start_with(Arc::new(MemoryStore::default()), plan).await;
    let browser = world.signed_in().await;
    for _ in 0..3 {
        drop(open(&world, &browser).await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    world.stop().await;
}
