//! What is forwarded, and how.

use std::time::{Duration, Instant};

use latchkey_bff::{settings::Limits, store::MemoryStore};
use reqwest::Method;
use serde_json::json;

use crate::support::*;

async fn world() -> World {
    World::start(std::sync::Arc::new(MemoryStore::default())).await
}

async fn world_with(limits: Limits) -> World {
    let plan = Plan {
        limits,
        ..Plan::default()
    };
    World::start_with(std::sync::Arc::new(MemoryStore::default()), plan).await
}

#[actix_web::test]
async fn a_call_goes_to_the_api_of_its_path_with_the_access_token() {
    let world = world().await;
    let browser = world.signed_in().await;
    for (path, expected) in [
        ("/api/me", "/me"),
        ("/api/orders", "/v1/orders"),
        (
            "/api/orders/7?a=%2F..%2F&b='<\"",
            "/v1/orders/7?a=%2F..%2F&b=%27%3C%22",
        ),
        ("/api", "/"),
    ] {
        let told = browser.get(path).await;
        assert_eq!(
            (told.status, told.json["path"].as_str()),
            (200, Some(expected)),
            "{told:?}"
        );
        assert_eq!(
            told.json["headers"]["authorization"],
            json!(["Bearer access-2"])
        );
    }
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let request = browser
            .request(method.clone(), "/api/orders/7")
            .body("some text");
        let told = browser
            .send(request.header("Content-Type", "text/plain"))
            .await;
        assert_eq!(
            (&told.json["method"], &told.json["text"]),
            (&json!(method.as_str()), &json!("some text"))
        );
        assert_eq!(told.json["headers"]["content-type"], json!(["text/plain"]));
        assert_eq!(told.json["headers"]["content-length"], json!(["9"]));
    }
    let head = browser.send(browser.request(Method::HEAD, "/api/me")).await;
    assert_eq!((head.status, &*head.text), (200, ""));
    assert!(
        head.header("content-length").parse::<u64>().unwrap() > 10,
        "{head:?}"
    );
    world.stop().await;
}

#[actix_web::test]
async fn an_answer_keeps_its_status_and_is_for_no_shared_cache() {
    let world = world().await;
    let browser = world.signed_in().await;
    for status in [201, 400, 403, 404, 409, 500] {
        let told = browser
            .get(&format!("/api/x?status={status}&set=x-total:7"))
            .await;
        assert_eq!((told.status, told.header("x-total")), (status, "7"));
        assert_eq!(told.header("cache-control"), "no-store");
        assert_eq!(told.header("x-content-type-options"), "nosniff");
        assert!(told.header("content-security-policy").contains("sandbox"));
    }
    let told = browser
        .get("/api/x?set=cache-control:public,max-age%3D60")
        .await;
    assert_eq!(told.header("cache-control"), "no-store");
    world.stop().await;
}

#[actix_web::test]
async fn a_long_body_is_streamed_with_its_length() {
    let world = world().await;
    let browser = world.signed_in().await;
    let piece = vec![7_u8; 100_000];
    // With a length.
    let request = browser
        .request(Method::POST, "/api/count")
        .body(piece.repeat(50));
    let told = browser.send(request).await;
    assert_eq!(told.json["bytes"], 5_000_000, "{told:?}");
    assert_eq!(
        told.json["told"]["headers"]["content-length"],
        json!(["5000000"])
    );
    // Without one, slowly: what has come is passed on before the rest is there.
    let mut raw = Raw::open(&world.origin).await;
    let begin = head(&browser, "POST /api/count HTTP/1.1");
    raw.write(format!("{begin}Transfer-Encoding: chunked\r\n\r\n"))
        .await;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        raw.write(format!("186a0\r\n{}\r\n", "x".repeat(100_000)))
            .await;
    }
    raw.write("0\r\n\r\n").await;
    let told = raw.read_until(|text| text.ends_with('}')).await;
    assert!(told.contains("\"bytes\":500000"), "{told}");
    let last = told
        .split("\"last\":")
        .nth(1)
        .unwrap()
        .split([',', '}'])
        .next()
        .unwrap();
    assert!(last.parse::<u64>().unwrap() >= 200, "{told}");
    world.stop().await;
}

#[actix_web::test]
async fn a_body_that_is_too_large_is_refused_however_it_comes() {
    let limits = Limits {
        body: 100_000,
        ..Limits::default()
    };
    let world = world_with(limits).await;
    let browser = world.signed_in().await;
    let request = browser
        .request(Method::POST, "/api/count")
        .body(vec![7; 100_001]);
    let told = request.send().await.map(|answer| answer.status().as_u16());
    // The connection may be closed before all was sent.
    assert!(matches!(told, Ok(413) | Err(_)), "{told:?}");
    let mut raw = Raw::open(&world.origin).await;
    let begin = head(&browser, "POST /api/count HTTP/1.1");
    raw.write(format!("{begin}Transfer-Encoding: chunked\r\n\r\n"))
        .await;
    for _ in 0..20 {
        raw.write(format!("2710\r\n{}\r\n", "x".repeat(10_000)))
            .await;
    }
    let told = raw.rest().await;
    assert!(
        told.is_empty() || told.starts_with("HTTP/1.1 413 "),
        "{told}"
    );
    assert!(
        world
            .api
            .seen()
            .iter()
            .all(|seen| seen["body"].as_u64() <= Some(110_000))
    );
    let request = browser
        .request(Method::POST, "/api/count")
        .body(vec![7; 100_000]);
    assert_eq!(browser.send(request).await.json["bytes"], 100_000);
    world.stop().await;
}

#[actix_web::test]
async fn events_come_as_they_happen() {
    let world = world().await;
    let browser = world.signed_in().await;
    let begun = Instant::now();
    let mut answer = browser
        .request(Method::GET, "/api/events")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    assert_eq!(answer.headers()["x-accel-buffering"], "no");
    let mut came = Vec::new();
    while came.len() < 3 {
        came.push((answer.chunk().await.unwrap().unwrap(), begun.elapsed()));
    }
    assert_eq!(came[0].0, "data: 0\n\n");
    assert!(came[0].1 < Duration::from_millis(280), "{came:?}");
    assert!(came[2].1 >= Duration::from_millis(550), "{came:?}");
    world.stop().await;
}

#[actix_web::test]
async fn an_api_that_is_slow_stops_or_is_away_is_told_apart() {
    let limits = Limits {
        head: Duration::from_millis(300),
        between: Duration::from_millis(300),
        ..Limits::default()
    };
    let world = world_with(limits).await;
    let browser = world.signed_in().await;
    assert_eq!(browser.get("/api/slow").await.status, 504);
    assert_eq!(browser.get("/api/nobody").await.status, 502);
    let begun = browser
        .request(Method::GET, "/api/stops")
        .send()
        .await
        .unwrap();
    assert_eq!(begun.status(), 200);
    assert!(begun.bytes().await.is_err(), "a whole answer that is none");
    assert_eq!(browser.get("/api/me").await.status, 200);
    world.stop().await;
}

#[actix_web::test]
async fn only_so_many_calls_are_at_an_api_at_once() {
    let limits = Limits {
        calls: 2,
        ..Limits::default()
    };
    let world = world_with(limits).await;
    let browser = world.signed_in().await;
    let slow = || tokio::spawn(browser.request(Method::GET, "/api/slow").send());
    let calls = [slow(), slow()];
    // They are on their way before anything else is.
    tokio::time::sleep(Duration::from_millis(300)).await;
    browser.get("/api/me").await.assert_away();
    // The calls of another API go on.
    assert_eq!(browser.get("/api/orders").await.status, 200);
    calls.iter().for_each(tokio::task::JoinHandle::abort);
    eventually("the places are free again", async || {
        browser.get("/api/me").await.status == 200
    })
    .await;
    world.stop().await;
}

#[actix_web::test]
async fn one_user_takes_no_api_away_from_others_with_any_number_of_sessions() {
    let limits = Limits {
        calls_of_user: 2,
        streams_of_user: 2,
        ..Limits::default()
    };
    let world = world_with(limits).await;
    let (browser, other) = (world.signed_in().await, world.browser());
    let second = world.signed_in().await;
    other.sign_in(&world.issuer, "bob").await;
    // Events take no place among the calls.
    let mut streams = Vec::new();
    for _ in 0..2 {
        streams.push(
            browser
                .request(Method::GET, "/api/events")
                .send()
                .await
                .unwrap(),
        );
    }
    for session in [&browser, &second] {
        session.get("/api/events").await.assert_away();
        assert_eq!(session.get("/api/me").await.status, 200);
    }
    // A body that comes slowly takes one of the session's, and none at the API.
    let mut slow = Vec::new();
    for _ in 0..2 {
        let mut raw = Raw::open(&world.origin).await;
        let begin = head(&browser, "POST /api/me HTTP/1.1");
        raw.write(format!("{begin}Content-Length: 100\r\n\r\nx"))
            .await;
        slow.push(raw);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    for session in [&browser, &second] {
        session.get("/api/me").await.assert_away();
    }
    assert_eq!(other.get("/api/me").await.status, 200);
    drop((streams, slow));
    eventually("the places are free again", async || {
        browser.get("/api/me").await.status == 200
    })
    .await;
    world.stop().await;
}

/// Its place is free then, whether or not the connection is.
#[actix_web::test]
async fn whoever_takes_nothing_of_an_answer_holds_no_place() {
    let limits = Limits {
        calls: 1,
        between: Duration::from_millis(300),
        ..Limits::default()
    };
    let world = world_with(limits).await;
    let browser = world.signed_in().await;
    let mut raw = Raw::open(&world.origin).await;
    let begin = head(&browser, "GET /api/flood HTTP/1.1");
    raw.write(format!("{begin}\r\n")).await;
    let begun = raw.read_until(|text| text.contains("HTTP/1.1 200")).await;
    assert!(!begun.is_empty());
    browser.get("/api/me").await.assert_away();
    eventually("the place is free again", async || {
        browser.get("/api/me").await.status == 200
    })
    .await;
    world.stop().await;
}

/// At once, and not when the API says something next.
#[actix_web::test]
async fn a_browser_that_has_gone_holds_no_place() {
    let limits = Limits {
        calls_of_user: 1,
        ..Limits::default()
    };
    let world = world_with(limits).await;
    let browser = world.signed_in().await;
    let mut answer = browser
        .request(Method::GET, "/api/stops")
        .send()
        .await
        .unwrap();
    answer.chunk().await.unwrap();
    browser.get("/api/me").await.assert_away();
    drop(answer);
    eventually("the place is free again", async || {
        browser.get("/api/me").await.status == 200
    })
    .await;
    world.stop().await;
}

#[actix_web::test]
async fn events_end_with_their_session() {
    let world = world().await;
    let browser = world.signed_in().await;
    let mut answer = browser
        .request(Method::GET, "/api/events")
        .send()
        .await
        .unwrap();
    answer.chunk().await.unwrap();
    assert_eq!(browser.post("/bff/logout", "").await.status, 200);
    let begun = Instant::now();
    while let Ok(Some(_)) = answer.chunk().await {
        assert!(begun.elapsed() < Duration::from_secs(8), "they go on");
    }
    world.stop().await;
}

#[actix_web::test]
async fn there_is_no_way_to_what_is_not_configured() {
    let world = world().await;
    let browser = world.signed_in().await;
    for path in ["/apis", "/orders", "/bff", "/bff/other", "/"] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
    assert_eq!(world.api.seen().len(), 0);
    world.stop().await;
}
