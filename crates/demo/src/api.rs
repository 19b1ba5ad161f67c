//! A demo API: verifies access tokens by itself, with nothing but the published keys (RFC 9068 4).

use std::{net::TcpListener, sync::Arc};

use actix_web::{App, HttpServer, Responder, dev::Server, web};
use anyhow::Result;
use latchkey_protocol::Clock;
use latchkey_resource_server::{
    Authenticated, Verifier,
    actix::{Caller, Routes},
};
use serde_json::json;

/// Starts the API. `address` is what it is called in tokens. It asks for the keys as soon as the provider, which starts
/// beside it, is there.
///
/// # Errors
/// When the system gives no thread or no client.
pub fn start(
    listener: TcpListener,
    issuer: &str,
    address: &str,
    clock: Arc<dyn Clock>,
) -> Result<Server> {
    let api = Verifier::for_api(issuer, address)
        .clock(clock)
        .start_without_issuer()?;
    let server = HttpServer::new(move || {
        let routes = Routes::of(&api).get("/", answer, Authenticated).metadata();
        App::new().configure(routes.into_config())
    })
    .workers(1)
    .listen(listener)?;
    Ok(server.run())
}

async fn answer(caller: Caller) -> impl Responder {
    web::Json(json!({
        "message": "The API verified this token by the published keys alone.",
        "sub": caller.sub, "client_id": caller.client_id, "scope": caller.scope, "roles": caller.roles,
    }))
}
