//! An API on the crate `latchkey-resource-server`, and tokens that the provider really issued.

use std::time::Duration;

use actix_web::{App, HttpServer};
use latchkey_operations::keys::new_key;
use latchkey_protocol::rotation::{KeyBound, Rotation, RotationOutcome};
use latchkey_resource_server::{
    Authenticated, Introspection, Public, Refusal, Rejection, RequireRole, RequireScope, Verifier,
    actix::{Caller, Routes},
};
use latchkey_server::{
    key_watch::KeyWatch,
    wiring::{OsEntropy, open_keys},
};
use serde_json::{Value, json};

use crate::{claims::*, support::*};

const API: &str = "https://api.example";
const PAUSE: Duration = Duration::from_millis(30);

/// An API at its own address.
struct Api {
    address: String,
    server: actix_web::dev::ServerHandle,
}

impl Api {
    async fn start(h: &Harness) -> Self {
        let clock = h.app.provider.clock.clone();
        let builder = Verifier::for_api(&h.issuer, API).clock(clock);
        let verifier = builder.refetch_pause(PAUSE).start().await.unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = HttpServer::new(move || {
            let routes = Routes::of(&verifier)
                .get("/", async || "open", Public)
                .get("/me", who, Authenticated)
                .get("/emails", who, RequireScope("email"))
                .get("/edit", who, RequireRole("editor"))
                .get("/administer", who, RequireRole("admin"));
            App::new().configure(routes.into_config())
        });
        let server = server.workers(1).disable_signals().listen(listener);
        let server = server.unwrap().run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self {
            address,
            server: handle,
        }
    }

    async fn ask(&self, path: &str, token: &Value) -> Answer {
        let request = plain().get(format!("{}{path}", self.address));
        answer(request.bearer_auth(token.as_str().unwrap_or_default())).await
    }

    async fn status(&self, path: &str, token: &Value) -> u16 {
        self.ask(path, token).await.status
    }
}

async fn who(caller: Caller) -> String {
    caller.sub.clone()
}

/// What alice's sign-in at a client of this API gives.
async fn tokens(h: &Harness, id: &str, scope: &str) -> Value {
    register_with(h, id, &json!({ "audience": [API] })).await;
    let asked = [("client_id", id), ("scope", scope)];
    let back = h.browser().authorize(&asked).await;
    exchange_as(h, id, &back).await
}

async fn own_token(h: &Harness, id: &str) -> Value {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", id),
        ("client_secret", SECRET),
    ];
    h.post("/token", &form).await.json["access_token"].clone()
}

#[test]
fn an_api_takes_the_access_tokens_that_are_for_it_and_nothing_else() {
    on_both_with(&WITHOUT_LISTS, async |h| {
        let api = Api::start(&h).await;
        let tokens = tokens(&h, "shop", "openid email roles offline_access").await;
        let access = &tokens["access_token"];
        let me = api.ask("/me", access).await;
        assert_eq!(
            (me.status, &*me.text),
            (200, claims(access)["sub"].as_str().unwrap())
        );
        assert_eq!(api.status("/me", &own_token(&h, "shop").await).await, 200);
        let renewed = refresh_as(
            &h,
            "shop",
            tokens["refresh_token"].as_str().unwrap(),
            "openid",
        );
        assert_eq!(api.status("/me", &renewed.await["access_token"]).await, 200);

        let foreign = h.tokens(&h.browser()).await;
        for other in [
            &tokens["id_token"],
            &tokens["refresh_token"],
            // For UserInfo, and not for this API.
            &foreign["access_token"],
            &json!("garbage"),
        ] {
            let refused = api.ask("/me", other).await;
            assert_eq!(refused.status, 401, "{other}");
            assert_eq!(
                refused.header("www-authenticate"),
                r#"Bearer error="invalid_token""#
            );
        }
        let nothing = answer(plain().get(format!("{}/me", api.address))).await;
        assert_eq!(
            (nothing.status, nothing.header("www-authenticate")),
            (401, r#"Bearer realm="api""#)
        );
        assert_eq!(api.status("/", &Value::Null).await, 200);

        h.pass(299);
        assert_eq!(api.status("/me", access).await, 200);
        h.pass(1);
        assert_eq!(api.status("/me", access).await, 401);
        api.server.stop(false).await;
    });
}

#[test]
fn a_route_of_an_api_opens_by_the_scope_and_the_role_in_the_token() {
    on_both(async |h| {
        let api = Api::start(&h).await;
        let all = tokens(&h, "all", "openid email roles").await["access_token"].clone();
        let few = tokens(&h, "few", "openid").await["access_token"].clone();
        let own = own_token(&h, "few").await;
        for (path, expected) in [
            ("/me", [200, 200, 200]),
            ("/emails", [200, 403, 403]),
            ("/edit", [200, 403, 403]),
            ("/administer", [403, 403, 403]),
            ("/nothing", [404, 404, 404]),
        ] {
            for (token, expected) in [&all, &few, &own].into_iter().zip(expected) {
                assert_eq!(api.status(path, token).await, expected, "{path}");
            }
        }
        let refused = api.ask("/emails", &few).await;
        let expected = r#"Bearer error="insufficient_scope", scope="email""#;
        assert_eq!(refused.header("www-authenticate"), expected);
        api.server.stop(false).await;
    });
}

#[test]
fn an_api_follows_a_key_rotation_without_refusing_anybody() {
    on_both_with(&WITHOUT_LISTS, async |h| {
        let api = Api::start(&h).await;
        let before = tokens(&h, "shop", "openid").await["access_token"].clone();
        assert_eq!(api.status("/me", &before).await, 200);
        let (master, _) = open_keys(&*h.store, &h.keys_dir(), h.moment())
            .await
            .unwrap();
        let key = new_key(&master, &OsEntropy, h.moment(), h.moment() + 60).unwrap();
        let rotated = h.store.rotate_key(&key, h.moment() + 1000, KeyBound::ALL);
        assert_eq!(rotated.await.unwrap(), RotationOutcome::Done);
        let rotation = Rotation {
            after: 90 * 86_400,
            announce: 3600,
        };
        KeyWatch::new(master, rotation).look(&h.app.provider).await;
        h.pass(60);
        let after = own_token(&h, "shop").await;
        assert_eq!(part(&after, 0)["kid"], *key.kid);
        // It has heard of no such key until this token comes.
        tokio::time::sleep(PAUSE).await;
        assert_eq!(api.status("/me", &after).await, 200);
        assert_eq!(api.status("/me", &before).await, 200);
        api.server.stop(false).await;
    });
}

/// RFC 7662: an API that asks about each token hears of a sign-out within the time that it remembers an answer.
#[test]
fn an_api_that_asks_about_each_token_refuses_one_that_was_revoked() {
    on_both(async |h| {
        h.client(json!({ "client_id": API, "client_secret": SECRET, "grant_types": [] }))
            .await;
        let each = Introspection::by(API, SECRET).of_each_token();
        let api = Verifier::for_api(&h.issuer, API)
            .clock(h.app.provider.clock.clone())
            .introspection(each.remember_for(Duration::from_secs(5)));
        let api = api.start().await.unwrap();
        let tokens = tokens(&h, "shop", "openid email offline_access").await;
        let access = tokens["access_token"].as_str().unwrap();
        let own = own_token(&h, "shop").await;
        assert!(api.verify(access).await.is_ok());
        assert!(api.verify(own.as_str().unwrap()).await.is_ok());
        let refresh = tokens["refresh_token"].as_str().unwrap();
        let form = [
            ("token", refresh),
            ("client_id", "shop"),
            ("client_secret", SECRET),
        ];
        assert_eq!(h.post("/revoke", &form).await.status, 200);
        h.pass(5);
        let inactive = Err(Rejection::Refused(Refusal::Inactive));
        assert_eq!(api.verify(access).await.map(drop), inactive);
        assert!(api.verify(own.as_str().unwrap()).await.is_ok());
    });
}
