//! The single-page app of `latchkey dev` and its stopwatch: a session that really ends, and two APIs that refuse its token.

use std::time::Duration;

use reqwest::{Client, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{client, dev_seed, reqwest_blocking};

const SEED: &str = r#"{"users": [{"username": "alice", "email": "alice@example.org", "roles": ["clerk"], "password": "correct horse battery"}]}"#;

/// A browser that is signed in to the single-page app: its cookie, and no token.
struct Page {
    http: Client,
    app: String,
    cookie: String,
}

impl Page {
    async fn sign_in(dev: &dev_seed::Started) -> Self {
        let http = client().build().unwrap();
        let app = dev.line["demo"]["single_page_app"].as_str().unwrap();
        let begun = http.get(format!("{app}/bff/login?return_to=/stopwatch"));
        let begun = begun.send().await.unwrap();
        let asked =
            json!({ "username": "alice", "authorization_request": text(&begun, header::LOCATION) });
        let signed_in = http.post(dev.line["dev"]["sign_in"].as_str().unwrap());
        let signed_in: Value = signed_in
            .json(&asked)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let back = http.get(signed_in["redirect_to"].as_str().unwrap());
        let back = back.header(header::COOKIE, pair(&begun));
        let back = back.send().await.unwrap();
        assert_eq!(text(&back, header::LOCATION), "/stopwatch");
        Self {
            cookie: pair(&back),
            app: app.to_owned(),
            http,
        }
    }

    async fn call(&self, method: reqwest::Method, path: &str) -> Response {
        let call = self.http.request(method, format!("{}{path}", self.app));
        let call = call.header(header::COOKIE, &self.cookie);
        let call = call.header("X-Latchkey-BFF", "1");
        let call = call.header(header::ORIGIN, &self.app);
        call.send().await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.call(reqwest::Method::GET, path).await
    }

    /// What was seen of a run once it is over.
    async fn seen(&self, run: &str) -> Value {
        for _ in 0..250 {
            let seen = self.get(&format!("/stopwatch/runs/{run}")).await;
            assert_eq!(seen.headers()[header::CACHE_CONTROL], "no-store");
            let seen: Value = seen.json().await.unwrap();
            if seen["is_over"] == true {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the run does not end");
    }
}

fn text(answer: &Response, name: header::HeaderName) -> String {
    answer.headers()[name].to_str().unwrap().to_owned()
}

/// The first cookie of an answer, as it is sent back.
fn pair(answer: &Response) -> String {
    let set = text(answer, header::SET_COOKIE);
    set.split(';').next().unwrap().to_owned()
}

#[test]
fn both_apis_refuse_the_token_of_a_session_that_is_ended_at_the_stopwatch() {
    let dev = dev_seed::dev(SEED, &["--port", "0"]);
    reqwest_blocking().0.block_on(async {
        let page = Page::sign_in(&dev).await;
        for path in ["/api/orders", "/api/first/orders", "/api/second/orders"] {
            assert_eq!(page.get(path).await.status(), StatusCode::OK, "{path}");
        }
        let removed = page
            .call(reqwest::Method::DELETE, "/api/second/orders/7")
            .await;
        assert_eq!(removed.status(), StatusCode::OK, "a clerk may");

        let begun = page
            .call(reqwest::Method::POST, "/api/stopwatch/runs")
            .await;
        assert_eq!(begun.status(), StatusCode::ACCEPTED);
        let begun: Value = begun.json().await.unwrap();
        let seen = page.seen(begun["run"].as_str().unwrap()).await;
        assert!(seen["ended_after_ms"].is_u64(), "{seen}");
        for api in seen["apis"].as_array().unwrap() {
            let refused = api["refused_after_ms"].as_u64();
            assert!(
                refused.is_some_and(|ms| ms < 2000),
                "each within two seconds: {seen}"
            );
        }
        // It was this session that ended: at the provider, and in the app, which was told.
        let user = page.get("/bff/user").await;
        assert_eq!(user.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(user.headers()["Latchkey-Session"], "ended");
        let ended = latchkey(&dev, &["session", "list", "--json"]);
        assert_eq!(ended, json!([]));
    });
}

/// What a command beside it says.
fn latchkey(dev: &dev_seed::Started, arguments: &[&str]) -> Value {
    let mut command = dev.at.command(arguments);
    let text = |name: &str| dev.line[name].as_str().unwrap().to_owned();
    let out = command
        .env("LATCHKEY_DATABASE_URL", text("database_url"))
        .env("LATCHKEY_KEYS_DIR", text("keys_dir"))
        .output()
        .unwrap();
    serde_json::from_slice(&out.stdout).unwrap()
}

/// Only with the access token of a session, which the backend-for-frontend alone attaches, and which no other site makes it attach.
#[test]
fn a_stranger_ends_no_session_at_the_stopwatch() {
    let dev = dev_seed::dev(SEED, &["--port", "0"]);
    reqwest_blocking().0.block_on(async {
        let page = Page::sign_in(&dev).await;
        let run = |path: &str| page.http.post(format!("{}{path}", page.app));
        for (stranger, status) in [
            (run("/stopwatch/runs"), 401),
            (run("/stopwatch/runs").bearer_auth("made-up"), 401),
            // The session's cookie opens nothing but what goes by the backend-for-frontend.
            (
                run("/stopwatch/runs").header(header::COOKIE, &page.cookie),
                401,
            ),
            (
                run("/api/stopwatch/runs").header(header::COOKIE, &page.cookie),
                403,
            ),
            (
                run("/api/stopwatch/runs")
                    .header(header::COOKIE, &page.cookie)
                    .header("X-Latchkey-BFF", "1")
                    .header(header::ORIGIN, "http://localhost:1"),
                403,
            ),
        ] {
            let answer = stranger.send().await.unwrap();
            assert_eq!(answer.status().as_u16(), status);
        }
        let unknown = page.get("/stopwatch/runs/0").await;
        assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
        assert_eq!(page.get("/api/orders").await.status(), StatusCode::OK);
        let shown = page.get("/stopwatch").await;
        let policy = text(&shown, header::CONTENT_SECURITY_POLICY);
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
    });
}
