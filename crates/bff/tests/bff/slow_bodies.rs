//! Whoever sends slowly holds no place for long.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use latchkey_bff::{settings::Limits, store::MemoryStore};

use crate::support::*;

async fn world_with(limits: Limits) -> World {
    let plan = Plan {
        limits,
        ..Plan::default()
    };
    World::start_with(Arc::new(MemoryStore::default()), plan).await
}

#[actix_web::test]
async fn a_body_that_comes_byte_by_byte_is_given_up_as_a_whole() {
    let limits = Limits {
        head: Duration::from_millis(500),
        between: Duration::from_millis(400),
        ..Limits::default()
    };
    let world = world_with(limits).await;
    let browser = world.signed_in().await;
    let mut raw = Raw::open(&world.origin).await;
    let begin = head(&browser, "POST /api/me HTTP/1.1");
    raw.write(format!("{begin}Content-Length: 100\r\n\r\n"))
        .await;
    for _ in 0..8 {
        raw.write("x").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let told = raw.rest().await;
    assert!(told.starts_with("HTTP/1.1 408 "), "{told}");
    world.stop().await;
}

/// A piece now and then would hold a place for days.
#[actix_web::test]
async fn a_long_body_that_comes_too_slowly_is_given_up() {
    let limits = Limits {
        head: Duration::from_millis(500),
        rate: 100_000,
        ..Limits::default()
    };
    let world = world_with(limits).await;
    let browser = world.signed_in().await;
    let begin = head(&browser, "POST /api/count HTTP/1.1");
    for length in ["Content-Length: 1000000", "Transfer-Encoding: chunked"] {
        let (begun, mut raw) = (Instant::now(), Raw::open(&world.origin).await);
        raw.write(format!("{begin}{length}\r\n\r\n")).await;
        for _ in 0..20 {
            raw.write("1\r\nx\r\n").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let told = raw.rest().await;
        assert!(told.starts_with("HTTP/1.1 408 "), "{length}: {told}");
        assert!(begun.elapsed() < Duration::from_secs(4));
    }
    // One that comes faster has more time.
    let mut raw = Raw::open(&world.origin).await;
    raw.write(format!("{begin}Content-Length: 200000\r\n\r\n"))
        .await;
    for _ in 0..10 {
        raw.write(vec![b'x'; 20_000]).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let told = raw.read_until(|text| text.contains("200000")).await;
    assert!(told.starts_with("HTTP/1.1 200 "), "{told}");
    world.stop().await;
}
