//! How the app signs users in, and what it does when tokens end and answers are lost.
mod provider;

use actix_web::{App, HttpServer, web::Data};
use provider::Provider;
use reqwest::{Client, Response, StatusCode, redirect::Policy};
use serde_json::{Value, json};
use tested_app_rust::{Shop, routes};

/// The app, and the provider that it signs users in with: each test has its own, and moves its clock alone.
struct World {
    provider: Provider,
    shop: String,
}

/// One that keeps cookies, and follows nothing.
struct Browser<'a>(Client, &'a World);

impl World {
    async fn start() -> Self {
        let provider = Provider::start();
        let issuer = provider.told["issuer"].as_str().expect("an issuer");
        let client = &provider.told["clients"][0];
        let (id, secret) = (
            client["client_id"].as_str(),
            client["client_secret"].as_str(),
        );
        let shop = Shop::connect(issuer, id.expect("an id"), secret.expect("a secret")).await;
        let shop = Data::new(shop.expect("discovery"));
        let server = HttpServer::new(move || App::new().app_data(shop.clone()).configure(routes));
        let server = server.workers(1).bind("127.0.0.1:0").expect("a port");
        let shop = format!("http://{}", server.addrs()[0]);
        actix_web::rt::spawn(server.run());
        Self { provider, shop }
    }

    fn browser(&self) -> Browser<'_> {
        let client = Client::builder()
            .no_proxy()
            .cookie_store(true)
            .redirect(Policy::none());
        Browser(client.build().expect("a client"), self)
    }

    /// A browser in which the user is signed in to the app.
    async fn signed_in(&self, username: &str) -> Browser<'_> {
        let browser = self.browser();
        let request = browser.login().await;
        let answer = self.provider.sign_in(username, &request).await;
        browser.get(&answer).await;
        browser
    }
}

impl Browser<'_> {
    /// Of the app, which is registered as http://localhost.
    async fn get(&self, address: &str) -> Response {
        let path = address.strip_prefix("http://localhost").unwrap_or(address);
        let asked = self.0.get(format!("{}{path}", self.1.shop)).send();
        asked.await.expect("an answer")
    }

    /// Where the app sends it to.
    async fn login(&self) -> String {
        let sent = self.get("/login").await;
        let to = sent.headers()["location"].to_str();
        to.expect("an address").to_owned()
    }

    async fn status(&self) -> StatusCode {
        self.get("/me").await.status()
    }
}

#[actix_web::test]
async fn a_stranger_is_asked_to_sign_in() {
    let world = World::start().await;
    assert_eq!(world.browser().status().await, 401);
}

#[actix_web::test]
async fn a_user_signs_in() {
    let world = World::start().await;
    let alice = world.signed_in("alice").await;
    let user: Value = alice.get("/me").await.json().await.expect("JSON");
    assert_eq!(user["email"], "alice@example.org");
}

#[actix_web::test]
async fn an_answer_for_another_browser_is_refused() {
    let world = World::start().await;
    let (one, other) = (world.browser(), world.browser());
    other.login().await;
    let answer = world.provider.sign_in("alice", &one.login().await).await;
    assert_eq!(other.get(&answer).await.status(), 400);
}

#[actix_web::test]
async fn an_expired_access_token_is_renewed() {
    let world = World::start().await;
    let alice = world.signed_in("alice").await;
    world.provider.advance("6m").await;
    assert_eq!(alice.status().await, 200);
}

#[actix_web::test]
async fn a_lost_answer_signs_nobody_out() {
    let world = World::start().await;
    let alice = world.signed_in("alice").await;
    world.provider.advance("6m").await;
    let lost = json!({ "endpoint": "token_endpoint", "fault": "lost" });
    world.provider.fail(lost).await;
    assert_eq!(alice.status().await, 200);
}

#[actix_web::test]
async fn who_was_away_for_too_long_signs_in_again() {
    let world = World::start().await;
    let alice = world.signed_in("alice").await;
    world.provider.advance("31d").await;
    assert_eq!(alice.status().await, 401);
}

#[actix_web::test]
async fn a_provider_that_is_down_signs_nobody_out() {
    let world = World::start().await;
    let alice = world.signed_in("alice").await;
    let down = json!({ "endpoint": "userinfo_endpoint", "fault": "status", "status": 503 });
    world.provider.fail(down).await;
    assert_eq!(alice.status().await, 503);
    assert_eq!(alice.status().await, 200);
}
