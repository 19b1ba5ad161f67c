//! Routes of axum: closed unless their guard opens them, whatever is asked for and however.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::State,
    http::{Method, Request, StatusCode, header},
    routing::get,
};
use latchkey_resource_server::{
    Authenticated, Public, RequireRole, RequireScope, StepUp, Verifier,
    axum::{Caller, Routes},
};
use serde_json::json;
use tower_service::Service;

use super::support::{Fault, Issuer, claims, ec_key, rsa_key, sign, with};

async fn home(State(name): State<&'static str>) -> &'static str {
    name
}

async fn orders(caller: Caller) -> String {
    format!("orders of {}", caller.sub)
}

async fn done() -> StatusCode {
    StatusCode::CREATED
}

/// That was made elsewhere, without a thought of guards.
fn elsewhere() -> Router {
    let inner = Router::new().route("/deep", get(done));
    Router::new()
        .route("/", get(done))
        .route("/{id}", get(done).post(done))
        .nest("/inner", inner)
}

fn routes(api: &Verifier) -> Routes {
    let clerks = (RequireScope("orders:read"), RequireRole("clerk"));
    Routes::of(api)
        .get("/", home, Public)
        .get("/orders", orders, RequireScope("orders:read"))
        .post("/orders", done, clerks)
        .delete("/orders/{id}", done, RequireRole("admin"))
        .put("/orders/{id}", done, StepUp::within(10))
        .get("/mistake", orders, Public)
        .nest("/elsewhere", elsewhere(), RequireRole("clerk"))
        .nest("/admins", elsewhere(), RequireRole("admin"))
        .metadata()
        .with_state("open to all")
}

struct Answer {
    status: StatusCode,
    challenge: String,
    allow: Option<String>,
    body: String,
}

/// As the bearer of `token` if it is one.
async fn ask(api: &Verifier, method: Method, path: &str, token: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Body::empty()).unwrap();
    let answer = routes(api).into_service().call(request).await.unwrap();
    let text = |name| {
        let value = answer.headers().get(name);
        value.map(|value: &header::HeaderValue| value.to_str().unwrap().to_owned())
    };
    let (challenge, allow) = (text(header::WWW_AUTHENTICATE), text(header::ALLOW));
    let status = answer.status();
    let body = to_bytes(answer.into_body(), 10_000).await.unwrap();
    Answer {
        status,
        challenge: challenge.unwrap_or_default(),
        allow,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

#[tokio::test]
async fn a_route_of_axum_opens_for_whom_its_guard_lets_pass() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    let token = sign(&key, &claims());
    // Twice: verified, and remembered.
    for _ in 0..2 {
        let answer = ask(&api, Method::GET, "/orders", &token).await;
        assert_eq!(
            (answer.status, &*answer.body),
            (StatusCode::OK, "orders of alice")
        );
        let answer = ask(&api, Method::HEAD, "/orders", &token).await;
        assert_eq!((answer.status, &*answer.body), (StatusCode::OK, ""));
        let answer = ask(&api, Method::POST, "/orders", &token).await;
        assert_eq!(answer.status, StatusCode::CREATED);
        let answer = ask(&api, Method::DELETE, "/orders/7", &token).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        let answer = ask(&api, Method::PUT, "/orders/7", &token).await;
        assert!(
            answer
                .challenge
                .contains("insufficient_user_authentication")
        );
    }
    let other = sign(&key, &with("scope", json!("openid")));
    for method in [Method::GET, Method::HEAD, Method::POST] {
        let answer = ask(&api, method.clone(), "/orders", &other).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method}");
        assert!(answer.challenge.contains("insufficient_scope"), "{method}");
    }
}

/// A stranger learns of no path and no method whether it is there.
#[tokio::test]
async fn whatever_a_stranger_asks_for_is_closed_with_axum_too() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    let forged = sign(&ec_key(), &claims());
    let asked = [
        (Method::GET, "/orders"),
        (Method::HEAD, "/orders"),
        (Method::OPTIONS, "/orders"),
        (Method::OPTIONS, "/"),
        (Method::OPTIONS, "*"),
        (Method::TRACE, "/orders"),
        (Method::PATCH, "/orders"),
        (Method::CONNECT, "/orders"),
        (Method::from_bytes(b"BREW").unwrap(), "/orders"),
        (Method::GET, "/orders/"),
        (Method::GET, "//orders"),
        (Method::GET, "/%6frders"),
        (Method::GET, "/x/../orders"),
        (Method::GET, "/ORDERS"),
        (Method::DELETE, "/orders/7"),
        (Method::OPTIONS, "/orders/7"),
        (Method::POST, "/"),
        (Method::GET, "/nothing"),
        (Method::GET, "/elsewhere"),
        (Method::GET, "/elsewhere/"),
        (Method::GET, "/elsewhere/7"),
        (Method::OPTIONS, "/elsewhere/7"),
        (Method::DELETE, "/elsewhere/7"),
        (Method::GET, "/elsewhere/inner/deep"),
        (Method::GET, "/elsewhere/inner/nothing/there"),
        (Method::HEAD, "/elsewhere/inner/deep"),
    ];
    for (method, path) in asked {
        let answer = ask(&api, method.clone(), path, "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert!(!answer.challenge.contains("error"), "{method} {path}");
        assert_eq!(answer.allow, None, "{method} {path}: what there is");
        let answer = ask(&api, method.clone(), path, &forged).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert_eq!(answer.allow, None, "{method} {path}: what there is");
    }
}

#[tokio::test]
async fn what_was_made_elsewhere_has_the_guard_before_the_whole_of_it() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    let clerk = sign(&key, &claims());
    for (path, status) in [
        ("/elsewhere", StatusCode::CREATED),
        ("/elsewhere/7", StatusCode::CREATED),
        ("/elsewhere/inner/deep", StatusCode::CREATED),
        ("/elsewhere/inner/nothing", StatusCode::NOT_FOUND),
        ("/admins/7", StatusCode::FORBIDDEN),
        ("/admins/inner/deep", StatusCode::FORBIDDEN),
        ("/admins/inner/nothing", StatusCode::FORBIDDEN),
    ] {
        let answer = ask(&api, Method::GET, path, &clerk).await;
        assert_eq!(answer.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_caller_learns_what_axum_has() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    let token = sign(&key, &claims());
    let answer = ask(&api, Method::GET, "/nothing", &token).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    for method in [Method::PATCH, Method::OPTIONS] {
        let answer = ask(&api, method, "/orders", &token).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.allow.as_deref(), Some("GET, POST"));
    }
}

#[tokio::test]
async fn a_public_route_of_axum_looks_at_no_token() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    for token in ["", "garbage", &sign(&key, &claims())] {
        let answer = ask(&api, Method::GET, "/", token).await;
        assert_eq!(
            (answer.status, &*answer.body),
            (StatusCode::OK, "open to all")
        );
        // A handler that wants a caller there gets none, and stays closed.
        let answer = ask(&api, Method::GET, "/mistake", token).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
}

/// RFC 9728 3, 5.1.
#[tokio::test]
async fn axum_serves_and_names_the_metadata() {
    let api = Issuer::with(&[&rsa_key()]).start().await;
    let path = "/.well-known/oauth-protected-resource";
    let answer = ask(&api, Method::GET, path, "").await;
    assert_eq!(answer.status, StatusCode::OK);
    let document: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(document["resource"], "https://api.example");
    let answer = ask(&api, Method::GET, "/orders", "").await;
    let expected = format!(r#"Bearer resource_metadata="https://api.example{path}""#);
    assert_eq!(answer.challenge, expected);
}

#[tokio::test]
async fn without_keys_axum_answers_503_and_never_the_page() {
    let issuer = Issuer::with(&[&rsa_key()]);
    issuer.fails(Fault::Down);
    let api = issuer.verifier().start_without_issuer().unwrap();
    let token = sign(&rsa_key(), &claims());
    let answer = ask(&api, Method::GET, "/orders", &token).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.body.contains("orders of"));
    // For all that is there: a caller is one of those whom the guard knows.
    let closed = Routes::<()>::of(&api).get("/", done, Authenticated);
    let request = Request::builder()
        .uri("/")
        .header(header::AUTHORIZATION, format!("Bearer {token}"));
    let answer = closed
        .into_service()
        .call(request.body(Body::empty()).unwrap())
        .await;
    assert_eq!(answer.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
}
