//! Routes of actix-web: closed unless their guard opens them, whatever is asked for and however.

use actix_web::{
    App, HttpResponse,
    dev::ServiceResponse,
    http::{Method, StatusCode, header},
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use latchkey_resource_server::{
    Authenticated, Public, RequireRole, RequireScope, StatusLists, StepUp, Verifier, WhenStale,
    actix::{Caller, Protect, Routes},
};
use serde_json::json;

use super::support::{Fault, Issuer, claims, ec_key, rsa_key, sign, with, with_status};

async fn home(caller: Option<Caller>) -> String {
    format!("nobody: {}", caller.is_none())
}

async fn orders(caller: Caller) -> String {
    format!("orders of {}", caller.sub)
}

async fn done() -> HttpResponse {
    HttpResponse::Created().finish()
}

fn routes(api: &Verifier) -> Routes {
    Routes::of(api)
        .get("/", home, Public)
        .get("/orders", orders, RequireScope("orders:read"))
        .post(
            "/orders",
            done,
            (RequireScope("orders:read"), RequireRole("clerk")),
        )
        .delete("/orders/{id}", done, RequireRole("admin"))
        .put("/orders/{id}", done, StepUp::within(10))
        .get("/mistake", orders, Public)
        .metadata()
}

struct Answer {
    status: StatusCode,
    challenge: String,
    body: String,
}

async fn answered(response: ServiceResponse<impl actix_web::body::MessageBody>) -> Answer {
    let status = response.status();
    let challenge = response.headers().get(header::WWW_AUTHENTICATE);
    let challenge = challenge.map_or("", |v| v.to_str().unwrap()).to_owned();
    let body = String::from_utf8(read_body(response).await.to_vec()).unwrap();
    Answer {
        status,
        challenge,
        body,
    }
}

/// Asks an app with these routes, as the bearer of `token` if it is one.
async fn ask(api: &Verifier, method: Method, path: &str, token: &str) -> Answer {
    let app = init_service(App::new().configure(routes(api).into_config())).await;
    let mut request = TestRequest::default().method(method).uri(path);
    if !token.is_empty() {
        request = request.insert_header((header::AUTHORIZATION, format!("Bearer {token}")));
    }
    answered(call_service(&app, request.to_request()).await).await
}

#[actix_web::test]
async fn a_route_opens_for_whom_its_guard_lets_pass() {
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
        let answer = ask(&api, Method::POST, "/orders", &token).await;
        assert_eq!(answer.status, StatusCode::CREATED);
        let answer = ask(&api, Method::DELETE, "/orders/7", &token).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(answer.challenge, r#"Bearer error="insufficient_scope""#);
        let answer = ask(&api, Method::PUT, "/orders/7", &token).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(
            answer
                .challenge
                .contains("insufficient_user_authentication")
        );
        assert!(answer.challenge.contains(r#"max_age="10""#));
    }
    let other = sign(&key, &with("scope", json!("openid")));
    let answer = ask(&api, Method::GET, "/orders", &other).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(
        answer.challenge,
        r#"Bearer error="insufficient_scope", scope="orders:read""#
    );
}

/// A stranger learns of no path and no method whether it is there.
#[actix_web::test]
async fn whatever_a_stranger_asks_for_is_closed() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    let forged = sign(&ec_key(), &claims());
    let asked = [
        (Method::GET, "/orders"),
        (Method::HEAD, "/orders"),
        (Method::OPTIONS, "/orders"),
        (Method::TRACE, "/orders"),
        (Method::PATCH, "/orders"),
        (Method::from_bytes(b"BREW").unwrap(), "/orders"),
        (Method::GET, "/orders/"),
        (Method::GET, "//orders"),
        (Method::GET, "/orders//"),
        (Method::GET, "/%6frders"),
        (Method::GET, "/./orders"),
        (Method::GET, "/%2e%2e/orders"),
        (Method::GET, "/x/../orders"),
        (Method::GET, "/ORDERS"),
        (Method::GET, "/orders;x=1"),
        (Method::GET, "/orders%00"),
        (Method::DELETE, "/orders/7"),
        (Method::POST, "/"),
        (Method::GET, "/nothing"),
        (Method::GET, "/.well-known/other"),
    ];
    for (method, path) in asked {
        let answer = ask(&api, method.clone(), path, "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert!(!answer.challenge.contains("error"), "{method} {path}");
        let answer = ask(&api, method.clone(), path, &forged).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert!(answer.challenge.contains(r#"error="invalid_token""#));
        assert!(!answer.body.contains("alice"));
    }
}

#[actix_web::test]
async fn a_caller_learns_what_there_is() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    let token = sign(&key, &claims());
    let answer = ask(&api, Method::GET, "/nothing", &token).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let answer = ask(&api, Method::PATCH, "/orders", &token).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[actix_web::test]
async fn a_public_route_looks_at_no_token() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    for token in ["", "garbage", &sign(&key, &claims())] {
        let answer = ask(&api, Method::GET, "/", token).await;
        assert_eq!(
            (answer.status, &*answer.body),
            (StatusCode::OK, "nobody: true")
        );
        // A handler that wants a caller there gets none, and stays closed.
        let answer = ask(&api, Method::GET, "/mistake", token).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
}

/// RFC 9728 3, 5.1.
#[actix_web::test]
async fn metadata_is_served_and_named() {
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

#[actix_web::test]
async fn without_keys_the_answer_is_503_and_never_the_page() {
    let issuer = Issuer::with(&[&rsa_key()]);
    issuer.fails(Fault::Down);
    let api = issuer.verifier().start_without_issuer().unwrap();
    let answer = ask(&api, Method::GET, "/orders", &sign(&rsa_key(), &claims())).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.body, r#"{"error":"temporarily_unavailable"}"#);
}

/// Headers that are no single Bearer token.
#[actix_web::test]
async fn one_authorization_header_counts() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    let app = init_service(App::new().configure(routes(&api).into_config())).await;
    let token = sign(&key, &claims());
    let bearer = format!("Bearer {token}");
    for other in ["Bearer other", "Basic YTpi"] {
        let request = TestRequest::get()
            .uri("/orders")
            .append_header((header::AUTHORIZATION, other))
            .append_header((header::AUTHORIZATION, bearer.as_str()));
        let answer = answered(call_service(&app, request.to_request()).await).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{other}");
    }
    let in_query = TestRequest::get().uri(&format!("/orders?access_token={token}"));
    let answer = answered(call_service(&app, in_query.to_request()).await).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

/// An app that is there already is closed as a whole.
#[actix_web::test]
async fn an_app_behind_the_check_is_closed_whatever_its_routes_are() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    let app = init_service(
        App::new()
            .route("/open", web::get().to(done))
            .route(
                "/orders",
                web::get()
                    .to(orders)
                    .wrap(Protect::new(&api, RequireRole("admin"))),
            )
            .wrap(Protect::new(&api, Authenticated)),
    )
    .await;
    let token = sign(&key, &claims());
    let admin = sign(&key, &with("roles", json!(["admin"])));
    for (path, token, expected) in [
        ("/open", "", 401),
        ("/none", "", 401),
        ("/open", &*token, 201),
        ("/none", &*token, 404),
        ("/orders", &*token, 403),
        ("/orders", &*admin, 200),
    ] {
        let mut request = TestRequest::get().uri(path);
        if !token.is_empty() {
            request = request.insert_header((header::AUTHORIZATION, format!("Bearer {token}")));
        }
        let answer = answered(call_service(&app, request.to_request()).await).await;
        assert_eq!(answer.status.as_u16(), expected, "{path}");
    }
}

/// The list of the token is stale, and the API lets pass what changes nothing.
#[actix_web::test]
async fn reads_alone_pass_by_a_stale_list_where_the_api_says_so() {
    let key = rsa_key();
    let lists = StatusLists::default().when_stale(WhenStale::AllowReads);
    let builder = Issuer::with(&[&key]).verifier().status_lists(lists);
    let api = builder.start().await.unwrap();
    let token = sign(&key, &with_status(1));
    for (method, status) in [(Method::GET, 200), (Method::POST, 503)] {
        let answer = ask(&api, method, "/orders", &token).await;
        assert_eq!(answer.status.as_u16(), status);
    }
}

/// RFC 9110 15.5.6: callers with a token hear which methods there are, and strangers do not.
#[actix_web::test]
async fn another_method_is_answered_with_those_that_there_are() {
    let key = rsa_key();
    let api = Issuer::with(&[&key]).start().await;
    let app = init_service(App::new().configure(routes(&api).into_config())).await;
    let bearer = format!("Bearer {}", sign(&key, &claims()));
    for (path, allowed) in [("/orders", "GET, POST"), ("/orders/7", "DELETE, PUT")] {
        let request = || TestRequest::default().method(Method::PATCH).uri(path);
        let authorization = (header::AUTHORIZATION, bearer.as_str());
        let known = request().insert_header(authorization).to_request();
        let answer = call_service(&app, known).await;
        assert_eq!(answer.status().as_u16(), 405);
        assert_eq!(answer.headers().get("allow").unwrap(), allowed);
        let answer = call_service(&app, request().to_request()).await;
        assert_eq!(answer.status().as_u16(), 401);
        assert!(!answer.headers().contains_key("allow"));
    }
}
