//! An API of orders: a page for everybody, and routes by scope, role and age of the sign-in.
//!
//! `ISSUER=http://localhost:8080 AUDIENCE=http://localhost:9104 cargo run -p latchkey-resource-server --example orders --features actix`
use std::env::var;

use actix_web::{App, HttpServer, Responder, web};
use latchkey_resource_server::{
    Authenticated, Public, RequireRole, RequireScope, StepUp, Verifier,
    actix::{Caller, Routes},
};
use serde_json::json;

async fn home() -> &'static str {
    "GET /me, /orders and DELETE /orders/{id} need an access token.\n"
}

async fn me(caller: Caller) -> impl Responder {
    web::Json(json!({ "sub": caller.sub, "client_id": caller.client_id, "scope": caller.scope }))
}

async fn orders(caller: Caller) -> String {
    format!("the orders of {}\n", caller.sub)
}

async fn remove(caller: Caller, id: web::Path<u64>) -> String {
    format!("{} removed order {id}\n", caller.sub)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let issuer = var("ISSUER").unwrap_or("http://localhost:8080".into());
    let audience = var("AUDIENCE").unwrap_or("http://localhost:9104".into());
    let api = Verifier::for_api(&issuer, &audience).start().await?;
    let app = move || {
        let routes = Routes::of(&api)
            .get("/", home, Public)
            .get("/me", me, Authenticated)
            .get("/orders", orders, RequireScope("orders:read"))
            .delete(
                "/orders/{id}",
                remove,
                (RequireRole("clerk"), StepUp::within(300)),
            )
            .metadata();
        App::new().configure(routes.into_config())
    };
    Ok(HttpServer::new(app)
        .bind(("127.0.0.1", 9104))?
        .run()
        .await?)
}
