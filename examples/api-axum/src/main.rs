//! An API of orders, with axum: a route is made together with its guard, so that none is open by mistake.
use std::env::var;

use axum::{Json, extract::Path};
use latchkey_resource_server::{
    Authenticated, Public, RequireRole, RequireScope, Verifier,
    axum::{Caller, Routes},
};
use serde_json::{Value, json};

async fn home() -> Json<Value> {
    Json(json!({ "orders": "GET /me, GET /orders, DELETE /orders/ID" }))
}

async fn me(caller: Caller) -> Json<Value> {
    Json(json!({ "sub": caller.sub, "client_id": caller.client_id, "scope": caller.scope }))
}

async fn orders(caller: Caller) -> Json<Value> {
    Json(json!({ "orders": [1, 2], "asked_by": caller.sub }))
}

async fn remove(caller: Caller, Path(id): Path<u64>) -> Json<Value> {
    Json(json!({ "removed": id, "by": caller.sub }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let issuer = var("ISSUER").unwrap_or("http://localhost:8080".into());
    let audience = var("AUDIENCE").unwrap_or("https://api.example.com".into());
    let port: u16 = var("PORT").unwrap_or("9104".into()).parse()?;
    let api = Verifier::for_api(&issuer, &audience).start().await?;
    let routes = Routes::of(&api)
        .get("/", home, Public)
        .get("/me", me, Authenticated)
        .get("/orders", orders, RequireScope("orders:read"))
        .delete(
            "/orders/{id}",
            remove,
            // Both: the app may (scope), and the user may (role).
            (RequireScope("orders:write"), RequireRole("clerk")),
        );
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    Ok(axum::serve(listener, routes.into_make_service()).await?)
}
