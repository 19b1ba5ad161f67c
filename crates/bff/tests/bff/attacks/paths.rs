//! Paths that would leave what is forwarded. The table of escapes stands beside the code; here they come over the wire.

use super::world;
use crate::support::*;

#[actix_web::test]
async fn no_spelling_of_a_path_leaves_the_api() {
    let world = world().await;
    let browser = world.signed_in().await;
    let address = world.api.address.clone();
    for target in [
        "/api/orders/../../admin",
        "/api/orders/..",
        "/api/orders/%2e%2e/%2e%2e/admin",
        "/api/orders/.%2E/x",
        "/api/orders/%2e%2e%2fadmin",
        "/api/orders/..%5cadmin",
        "/api/orders/..\\admin",
        "/api/orders/%252e%252e/admin",
        "/api/orders//admin",
        "//api/orders",
        "/api/orders/%00",
        "/api/orders/x%0d%0aHost:evil",
        "/api/orders/..;/admin",
        "/api/orders/%c0%ae%c0%ae/admin",
        "/api/%",
        "/api/./me",
        "/bff/../api/me",
        "/api/orders/../../../bff/user",
    ] {
        let mut raw = Raw::open(&world.origin).await;
        let begin = head(&browser, &format!("GET {target} HTTP/1.1"));
        raw.write(format!("{begin}Connection: close\r\n\r\n")).await;
        let told = raw.rest().await;
        let status = told.split(' ').nth(1).unwrap_or("closed").to_owned();
        assert!(
            ["400", "404", "closed"].contains(&&*status),
            "{target}: {told}"
        );
    }
    for target in [
        format!("{address}/me"),
        "http://evil.example/api/me".into(),
        format!("{}/api/me", world.origin),
        "*".into(),
        "evil.example:80".into(),
        "api/me".into(),
        "/api/me HTTP/1.1\r\nX: ".into(),
    ] {
        let mut raw = Raw::open(&world.origin).await;
        let begin = head(&browser, &format!("GET {target} HTTP/1.1"));
        raw.write(format!("{begin}Connection: close\r\n\r\n")).await;
        let told = raw.rest().await;
        assert!(
            !told.contains("\"user\"") || target.contains("\r\n"),
            "{target}: {told}"
        );
    }
    let seen = world.api.seen();
    assert!(seen.iter().all(|seen| seen["path"] == "/me"), "{seen:?}");
    world.stop().await;
}

/// An API that answers TRACE says the token; CONNECT asks for another address.
#[actix_web::test]
async fn methods_that_are_for_proxies_reach_no_api() {
    let world = world().await;
    let browser = world.signed_in().await;
    for method in ["TRACE", "CONNECT", "TRACK", "PROPFIND", "get", "GETT"] {
        let mut raw = Raw::open(&world.origin).await;
        let begin = head(&browser, &format!("{method} /api/orders HTTP/1.1"));
        raw.write(format!("{begin}Connection: close\r\n\r\n")).await;
        let told = raw.rest().await;
        assert!(
            !told.starts_with("HTTP/1.1 2") && !told.contains("access-"),
            "{method}: {told}"
        );
    }
    assert_eq!(world.api.seen().len(), 0);
    world.stop().await;
}

#[actix_web::test]
async fn it_is_no_open_proxy() {
    let world = world().await;
    let browser = world.signed_in().await;
    let api = world.api.address.strip_prefix("http://").unwrap();
    for line in [
        format!("CONNECT {api} HTTP/1.1"),
        format!("GET http://{api}/me HTTP/1.1"),
        format!("GET http://{api}/api/me HTTP/1.0"),
    ] {
        let mut raw = Raw::open(&world.origin).await;
        raw.write(format!(
            "{}Connection: close\r\n\r\n",
            head(&browser, &line)
        ))
        .await;
        let told = raw.rest().await;
        assert!(!told.starts_with("HTTP/1.1 2"), "{line}: {told}");
    }
    assert_eq!(world.api.seen().len(), 0);
    world.stop().await;
}
