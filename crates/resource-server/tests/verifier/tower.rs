//! The layer of tower, around a service of the test's own: HTTP and gRPC.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use http::{Method, Request, Response};
use latchkey_resource_server::{
    Authenticated, Public, RequireRole, RequireScope, StatusLists, Verifier, WhenStale,
    tower::{Caller, ProtectLayer},
};
use serde_json::json;
use tower_layer::Layer;
use tower_service::Service;

use super::support::{Fault, Issuer, claims, ec_key, rsa_key, sign, with, with_status};

/// Says whose request it serves.
#[derive(Clone)]
struct Orders;

impl Service<Request<()>> for Orders {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let caller = request.extensions().get::<Caller>();
        let name = caller.map_or("nobody", |caller| &caller.sub);
        ready(Ok(Response::new(format!("served {name}"))))
    }
}

async fn ask(layer: &ProtectLayer, request: Request<()>) -> Response<String> {
    layer.layer(Orders).call(request).await.unwrap()
}

fn call(path: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().method(Method::POST).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

async fn status(layer: &ProtectLayer, authorization: &str) -> u16 {
    let request = call("/orders", &[("Authorization", authorization)]);
    ask(layer, request).await.status().as_u16()
}

async fn api(key: &latchkey_jose::SigningKey) -> Verifier {
    Issuer::with(&[key]).start().await
}

#[tokio::test]
async fn a_service_is_reached_by_whom_the_guard_lets_pass() {
    let key = rsa_key();
    let api = api(&key).await;
    let good = format!("Bearer {}", sign(&key, &claims()));
    let forged = format!("Bearer {}", sign(&ec_key(), &claims()));
    let clerks = ProtectLayer::new(&api, (RequireScope("orders:read"), RequireRole("clerk")));
    // Twice: verified, and remembered.
    for _ in 0..2 {
        let served = ask(&clerks, call("/orders", &[("Authorization", &good)])).await;
        assert_eq!(
            (served.status().as_u16(), &**served.body()),
            (200, "served alice")
        );
        for bad in ["", "Bearer", "Basic YTpi", &forged] {
            assert_eq!(status(&clerks, bad).await, 401, "{bad}");
        }
        let admins = ProtectLayer::new(&api, RequireRole("admin"));
        assert_eq!(status(&admins, &good).await, 403);
    }
    let twice = call(
        "/",
        &[("Authorization", &good), ("Authorization", "Bearer x")],
    );
    assert_eq!(ask(&clerks, twice).await.status(), 400);
    let refused = ask(&clerks, call("/", &[("Authorization", &forged)])).await;
    assert_eq!(
        refused.headers()["WWW-Authenticate"],
        r#"Bearer error="invalid_token""#
    );
    assert_eq!(refused.headers()["Cache-Control"], "no-store");
    assert_eq!(refused.body(), "");
    let missing = ask(&clerks, call("/", &[])).await;
    assert_eq!(
        missing.headers()["WWW-Authenticate"],
        r#"Bearer realm="api""#
    );
}

#[tokio::test]
async fn a_public_service_looks_at_no_token() {
    let key = rsa_key();
    let open = ProtectLayer::new(&api(&key).await, Public);
    let good = format!("Bearer {}", sign(&key, &claims()));
    for authorization in ["", "garbage", &good] {
        let served = ask(&open, call("/", &[("Authorization", authorization)])).await;
        assert_eq!(served.body(), "served nobody");
    }
}

#[tokio::test]
async fn without_keys_the_answer_is_503() {
    let issuer = Issuer::with(&[&rsa_key()]);
    issuer.fails(Fault::Down);
    let api = issuer.verifier().start_without_issuer().unwrap();
    let layer = ProtectLayer::new(&api, Authenticated);
    let good = format!("Bearer {}", sign(&rsa_key(), &claims()));
    let answer = ask(&layer, call("/", &[("Authorization", &good)])).await;
    assert_eq!(
        (answer.status().as_u16(), answer.body().as_str()),
        (503, "")
    );
    assert_eq!(answer.headers()["Retry-After"], "1");
    let grpc = [
        ("Authorization", &*good),
        ("Content-Type", "application/grpc"),
    ];
    let answer = ask(&layer.clone().grpc(), call("/", &grpc)).await;
    assert_eq!(answer.headers()["grpc-status"], "14");
    // A proxy that asks first looks at the status alone, and passes on what the caller says.
    let answer = ask(&layer, call("/", &grpc)).await;
    assert_eq!(answer.status(), 503);
    let answer = ask(&layer, call("/", &grpc[1..])).await;
    assert_eq!(answer.status(), 401);
}

/// What the table does not name is closed to callers too, and the status is where gRPC looks for it.
#[tokio::test]
async fn a_table_of_paths_closes_what_it_does_not_name() {
    let key = rsa_key();
    let table = ProtectLayer::of(&api(&key).await)
        .grpc()
        .open("/grpc.health.v1.Health/Check")
        .require("/shop.Orders/List", RequireScope("orders:read"))
        .require("/shop.Orders/Delete", RequireRole("admin"));
    let good = format!("Bearer {}", sign(&key, &claims()));
    let admin = format!("Bearer {}", sign(&key, &with("roles", json!(["admin"]))));
    for (path, authorization, expected) in [
        ("/grpc.health.v1.Health/Check", "", None),
        ("/shop.Orders/List", &*good, None),
        ("/shop.Orders/Delete", &*admin, None),
        ("/shop.Orders/List", "", Some("16")),
        ("/shop.Orders/List", "Bearer garbage", Some("16")),
        ("/shop.Orders/Delete", &*good, Some("7")),
        ("/shop.Orders/Unnamed", &*admin, Some("7")),
        ("/shop.Orders/Unnamed", "", Some("16")),
        ("/shop.Orders//List", &*admin, Some("7")),
        ("/shop.Orders/list", &*admin, Some("7")),
        ("/shop.Orders/%4cist", &*admin, Some("7")),
        ("/", &*admin, Some("7")),
    ] {
        let headers = [
            ("Authorization", authorization),
            ("Content-Type", "application/grpc+proto"),
        ];
        let answer = ask(&table, call(path, &headers)).await;
        assert_eq!(answer.status(), 200, "{path}");
        let status = answer.headers().get("grpc-status");
        assert_eq!(
            status.map(|value| value.to_str().unwrap()),
            expected,
            "{path}"
        );
        assert_eq!(answer.body().is_empty(), expected.is_some(), "{path}");
    }
}

/// The list of the token is stale, and the API lets pass what changes nothing: it says which calls of gRPC are such.
#[tokio::test]
async fn reads_alone_pass_by_a_stale_list_where_the_api_says_so() {
    let key = rsa_key();
    let lists = StatusLists::default().when_stale(WhenStale::AllowReads);
    let builder = Issuer::with(&[&key]).verifier().status_lists(lists);
    let api = builder.start().await.unwrap();
    let layer = ProtectLayer::new(&api, Authenticated).reads("/shop.Orders/List");
    let bearer = format!("Bearer {}", sign(&key, &with_status(1)));
    for (method, path, status) in [
        (Method::GET, "/orders", 200),
        (Method::HEAD, "/orders", 200),
        (Method::POST, "/orders", 503),
        (Method::DELETE, "/orders", 503),
        (Method::POST, "/shop.Orders/List", 200),
        (Method::POST, "/shop.Orders/Create", 503),
    ] {
        let mut request = call(path, &[("Authorization", &bearer)]);
        *request.method_mut() = method.clone();
        let answer = ask(&layer, request).await;
        assert_eq!(answer.status().as_u16(), status, "{method} {path}");
    }
}
