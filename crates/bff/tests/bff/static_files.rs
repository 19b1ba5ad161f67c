//! The app's own files. Their paths are tested beside the code.

use std::sync::Arc;

use latchkey_bff::store::MemoryStore;

use crate::support::*;

#[actix_web::test]
async fn the_app_is_served_with_a_policy_and_without_a_session() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("index.html"), "<h1>Shop</h1>").unwrap();
    std::fs::write(folder.path().join("app.js"), "start()").unwrap();
    let large: String = (0..400_000).map(|n| format!("{n:010}\n")).collect();
    std::fs::write(folder.path().join("large.txt"), &large).unwrap();
    std::fs::write(folder.path().join("empty.txt"), "").unwrap();
    let plan = Plan {
        files: Some(folder.path().canonicalize().unwrap()),
        ..Plan::default()
    };
    let world = World::start_with(Arc::new(MemoryStore::default()), plan).await;
    let browser = world.browser();
    for path in ["/", "/orders/7"] {
        let page = browser.go(path).await;
        assert_eq!((page.status, &*page.text), (200, "<h1>Shop</h1>"), "{path}");
        assert!(
            page.header("content-security-policy")
                .starts_with("default-src 'self'")
        );
        assert_eq!(page.header("cache-control"), "no-cache");
    }
    let script = browser.go("/app.js").await;
    assert_eq!(
        script.header("content-type"),
        "text/javascript; charset=utf-8"
    );
    let known = browser.plain(reqwest::Method::GET, "/app.js");
    let known = browser
        .send(known.header("If-None-Match", script.header("etag")))
        .await;
    assert_eq!((known.status, &*known.text), (304, ""));
    // One that does not fit into a piece comes whole, and its head alone where that is asked for.
    let whole = browser.go("/large.txt").await;
    assert!(whole.text == large && whole.header("content-length") == "4400000");
    let head = browser.plain(reqwest::Method::HEAD, "/large.txt");
    let head = browser.send(head).await;
    assert_eq!(
        (head.header("content-length"), &*head.text),
        ("4400000", "")
    );
    let empty = browser.go("/empty.txt").await;
    assert_eq!((empty.status, &*empty.text), (200, ""));
    for path in ["/other.js", "/../Cargo.toml", "/%2e%2e/Cargo.toml"] {
        assert_eq!(browser.go(path).await.status, 404, "{path}");
    }
    // The prefixes of the BFF are not the app's.
    browser.get("/api/me").await.assert_ended();
    world.stop().await;
}
