//! Bodies whose length two programs could read in two ways: a second request would hide in the first.

use super::world;
use crate::support::*;

const HIDDEN: &str = "GET /api/hidden HTTP/1.1\r\nHost: x\r\n\r\n";

#[actix_web::test]
async fn a_request_with_two_lengths_reaches_no_api() {
    let world = world().await;
    let browser = world.signed_in().await;
    let chunked = format!("0\r\n\r\n{HIDDEN}");
    let length = chunked.len();
    for (headers, body) in [
        (
            format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
            chunked.clone(),
        ),
        (
            format!("Transfer-Encoding: chunked\r\nContent-Length: {length}"),
            chunked.clone(),
        ),
        (
            format!("Content-Length: 0\r\nContent-Length: {}", HIDDEN.len()),
            HIDDEN.to_owned(),
        ),
        (
            format!("Content-Length: {}, 0", HIDDEN.len()),
            HIDDEN.to_owned(),
        ),
        ("Content-Length: +3".into(), "abc".into()),
        ("Content-Length: 0x3".into(), "abc".into()),
        ("Content-Length: -1".into(), "abc".into()),
        ("Content-Length: 99999999999999999999".into(), "abc".into()),
        (
            "Transfer-Encoding: chunked, identity".into(),
            chunked.clone(),
        ),
        ("Transfer-Encoding: xchunked".into(), chunked.clone()),
        ("Transfer-Encoding: \u{b}chunked".into(), chunked.clone()),
        ("Transfer-Encoding: gzip, chunked".into(), chunked.clone()),
        ("Transfer-Encoding : chunked".into(), chunked.clone()),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity".into(),
            chunked.clone(),
        ),
        (
            "X: y\r\n Transfer-Encoding: chunked".into(),
            chunked.clone(),
        ),
        (
            "Transfer-Encoding: chunked".into(),
            format!("0x0\r\n\r\n{HIDDEN}"),
        ),
        (
            "Transfer-Encoding: chunked".into(),
            format!("-1\r\n\r\n{HIDDEN}"),
        ),
        (
            "Transfer-Encoding: chunked".into(),
            format!("fffffffffffffffff\r\n\r\n{HIDDEN}"),
        ),
        (
            "Transfer-Encoding: chunked".into(),
            format!("3\r\nabcd\r\n0\r\n\r\n{HIDDEN}"),
        ),
    ] {
        let mut raw = Raw::open(&world.origin).await;
        let begin = head(&browser, "POST /api/first HTTP/1.1");
        raw.write(format!("{begin}{headers}\r\n\r\n{body}")).await;
        let told = raw.rest().await;
        assert!(
            !told.contains("/hidden") || told.contains("403"),
            "{headers:?}: {told}"
        );
    }
    let seen = world.api.seen();
    // What came through was read by both alike: a body made anew, and never a second request.
    assert!(seen.iter().all(|seen| seen["path"] == "/first"), "{seen:?}");
    world.stop().await;
}

/// What ends early ends there too: the API does not take it for whole.
#[actix_web::test]
async fn a_body_that_ends_early_is_not_whole_for_the_api() {
    let world = world().await;
    let browser = world.signed_in().await;
    for (headers, body) in [
        ("Content-Length: 100000", "x".repeat(70_000)),
        (
            "Transfer-Encoding: chunked",
            format!("ffff\r\n{}", "x".repeat(60_000)),
        ),
        (
            "Transfer-Encoding: chunked",
            format!("3e8\r\n{}\r\n", "x".repeat(1000)),
        ),
        ("Content-Length: 10", "short".into()),
    ] {
        let mut raw = Raw::open(&world.origin).await;
        let begin = head(&browser, "POST /api/whole HTTP/1.1");
        raw.write(format!("{begin}{headers}\r\n\r\n{body}")).await;
        drop(raw);
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(world.api.seen().len(), 0);
    assert_eq!(browser.get("/api/me").await.status, 200);
    world.stop().await;
}

/// One connection, several requests: each is looked at by itself.
#[actix_web::test]
async fn a_pipelined_request_needs_all_that_the_first_one_needed() {
    let world = world().await;
    let browser = world.signed_in().await;
    let mut raw = Raw::open(&world.origin).await;
    let first = format!("{}\r\n", head(&browser, "GET /api/me HTTP/1.1"));
    raw.write(format!(
        "{first}GET /api/hidden HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    ))
    .await;
    let told = raw.rest().await;
    assert!(
        told.contains("HTTP/1.1 200 ") && told.contains("HTTP/1.1 403 "),
        "{told}"
    );
    assert_eq!(world.api.seen().len(), 1);
    world.stop().await;
}
