//! An API of orders, with axum: each route has a layer that lets no other caller pass.
use std::env::var;

use axum::{
    Extension, Json, Router,
    extract::Path,
    http::StatusCode,
    routing::{any, delete, get},
};
use latchkey_resource_server::{
    Authenticated, RequireRole, RequireScope, Rule, Verifier,
    tower::{Caller, ProtectLayer},
};
use serde_json::{Value, json};

async fn home() -> Json<Value> {
    Json(json!({ "orders": "GET /me, GET /orders, DELETE /orders/ID" }))
}

async fn me(Extension(caller): Extension<Caller>) -> Json<Value> {
    Json(json!({ "sub": caller.sub, "client_id": caller.client_id, "scope": caller.scope }))
}

async fn orders(Extension(caller): Extension<Caller>) -> Json<Value> {
    Json(json!({ "orders": [1, 2], "asked_by": caller.sub }))
}

async fn remove(Extension(caller): Extension<Caller>, Path(id): Path<u64>) -> Json<Value> {
    Json(json!({ "removed": id, "by": caller.sub }))
}

async fn nothing() -> StatusCode {
    StatusCode::NOT_FOUND
}

fn routes(api: &Verifier) -> Router {
    let closed = |rule: Rule| ProtectLayer::new(api, rule);
    // Both: the app may (scope), and the user may (role).
    let clerks = (RequireScope("orders:write"), RequireRole("clerk"));
    Router::new()
        .route("/", get(home))
        .route("/me", get(me).layer(closed(Authenticated.into())))
        .route(
            "/orders",
            get(orders).layer(closed(RequireScope("orders:read").into())),
        )
        .route("/orders/{id}", delete(remove).layer(closed(clerks.into())))
        .fallback_service(any(nothing).layer(closed(Authenticated.into())))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let issuer = var("ISSUER").unwrap_or("http://localhost:8080".into());
    let audience = var("AUDIENCE").unwrap_or("https://api.example.com".into());
    let port: u16 = var("PORT").unwrap_or("9104".into()).parse()?;
    let api = Verifier::for_api(&issuer, &audience).start().await?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    Ok(axum::serve(listener, routes(&api)).await?)
}
