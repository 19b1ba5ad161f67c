//! Sign-out by the app, and by the provider.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::*;

async fn told(world: &World, claims: &Value) -> Answer {
    told_as(world, "logout+jwt", claims).await
}

async fn told_as(world: &World, typ: &str, claims: &Value) -> Answer {
    let browser = world.browser();
    let form = [("logout_token", world.issuer.sign(typ, claims))];
    let request = browser.plain(Method::POST, "/bff/backchannel-logout");
    browser.send(request.form(&form)).await
}

#[test]
fn a_sign_out_ends_the_session_here_and_goes_on_at_the_provider() {
    on_each_store(async |store| {
        let world = World::start(store).await;
        let browser = world.signed_in().await;
        let copy = browser.with_cookie(&browser.cookie());
        let ended = browser.post("/bff/logout", "").await;
        assert_eq!(
            (ended.status, &ended.json),
            (200, &json!({ "next": "/bff/logout" })),
            "{ended:?}"
        );
        copy.get("/bff/user").await.assert_ended();
        copy.get("/api/me").await.assert_ended();
        let next = browser.go("/bff/logout").await;
        let to = next.header("location");
        assert!(
            to.starts_with(&format!("{ISSUER}/logout?id_token_hint=eyJ")),
            "{to}"
        );
        assert!(
            to.contains("&client_id=shop&post_logout_redirect_uri=http"),
            "{to}"
        );
        assert!(browser.cookies.lock().unwrap().is_empty());
        eventually("the refresh token is taken back", async || {
            world.issuer.revoked() == ["refresh-2"]
        })
        .await;
        // Whoever is sent there without having signed out ends nothing, and learns nothing.
        assert_eq!(
            world.browser().go("/bff/logout").await.header("location"),
            "/"
        );
        let other = world.signed_in().await;
        assert_eq!(other.go("/bff/logout").await.header("location"), "/");
        assert_eq!(other.get("/bff/user").await.status, 200);
        world.stop().await;
    });
}

#[test]
fn the_provider_ends_a_session_by_a_logout_token() {
    on_each_store(async |store| {
        let world = World::start(store).await;
        let (alice, bob) = (world.signed_in().await, world.browser());
        bob.sign_in(&world.issuer, "bob").await;
        let other = world.another_instance();
        let answer = told(&world, &world.issuer.logout_claims("one", "alice")).await;
        assert_eq!(
            (answer.status, answer.header("cache-control")),
            (200, "no-store")
        );
        alice
            .send(alice.request_at(&other, "/api/me"))
            .await
            .assert_ended();
        alice.get("/bff/user").await.assert_ended();
        assert_eq!(bob.get("/api/me").await.status, 200);
        world.stop().await;
    });
}

#[test]
fn a_logout_token_that_names_no_session_ends_all_of_the_user() {
    on_each_store(async |store| {
        let world = World::start(store).await;
        let (one, other) = (world.signed_in().await, world.signed_in().await);
        world.pass(1);
        let mut claims = world.issuer.logout_claims("one", "alice");
        claims.as_object_mut().unwrap().remove("sid");
        assert_eq!(told(&world, &claims).await.status, 200);
        one.get("/bff/user").await.assert_ended();
        other.get("/bff/user").await.assert_ended();
        // Afterwards they can sign in again.
        world.pass(1);
        let again = world.signed_in().await;
        assert_eq!(again.get("/bff/user").await.status, 200);
        world.stop().await;
    });
}

#[test]
fn a_logout_token_acts_once_and_is_answered_alike_when_it_comes_again() {
    on_each_store(async |store| {
        let world = World::start(store).await;
        let mut claims = world.issuer.logout_claims("one", "alice");
        claims["sid"] = json!("another");
        assert_eq!(told(&world, &claims).await.status, 200);
        let alice = world.signed_in().await;
        // The same token, as if its name were alice's session: it has done its work.
        claims["sid"] = json!("sid-alice");
        assert_eq!(told(&world, &claims).await.status, 200);
        assert_eq!(alice.get("/bff/user").await.status, 200);
        claims["jti"] = json!("two");
        assert_eq!(told(&world, &claims).await.status, 200);
        alice.get("/bff/user").await.assert_ended();
        world.stop().await;
    });
}

#[test]
fn a_sign_in_under_way_does_not_outlive_the_end_of_its_session() {
    on_each_store(async |store| {
        let world = World::start(store).await;
        let browser = world.browser();
        let back = browser.begin(&world.issuer, "/bff/login", "alice").await;
        assert_eq!(
            told(&world, &world.issuer.logout_claims("one", "alice"))
                .await
                .status,
            200
        );
        assert_eq!(browser.go(&back).await.status, 400);
        browser.get("/bff/user").await.assert_ended();
        world.stop().await;
    });
}

#[test]
fn what_is_no_logout_token_of_this_time_for_this_app_ends_nothing() {
    on_each_store(async |store| {
        let world = World::start(store).await;
        let alice = world.signed_in().await;
        let good = world.issuer.logout_claims("one", "alice");
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            claims
        };
        for bad in [
            with("iss", json!("https://evil.example")),
            with("aud", json!("another app")),
            with("exp", json!(BEGIN - 30)),
            with("nonce", json!("n")),
            with("events", json!({})),
            with("jti", json!("")),
            with("sid", json!("")),
        ] {
            assert_eq!(told(&world, &bad).await.status, 400, "{bad}");
        }
        // One from the future says that a clock is wrong: the provider sends it again.
        let early = with("iat", json!(BEGIN + 31));
        assert_eq!(told(&world, &early).await.status, 503);
        for typ in ["JWT", "at+jwt", ""] {
            assert_eq!(told_as(&world, typ, &good).await.status, 400, "{typ}");
        }
        let token = world.issuer.sign("logout+jwt", &good);
        let forged = format!("{}AAAA", &token[..token.len() - 4]);
        let browser = world.browser();
        for body in [
            String::new(),
            "logout_token=".into(),
            format!("logout_token={forged}"),
            format!("logout_token={token}&logout_token={token}"),
            "x".repeat(70_000),
        ] {
            let request = browser
                .plain(Method::POST, "/bff/backchannel-logout")
                .body(body);
            assert_eq!(browser.send(request).await.status, 400);
        }
        assert_eq!(alice.get("/bff/user").await.status, 200);
        world.stop().await;
    });
}
