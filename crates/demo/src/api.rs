//! An API of orders, of which `latchkey dev` runs two instances: each verifies access tokens by itself, with nothing but the
//! published keys (RFC 9068 4) and the status lists (draft-ietf-oauth-status-list-21), and asks nobody about a request.

use std::{net::TcpListener, sync::Arc};

use actix_web::{App, HttpServer, Responder, dev::Server, web};
use anyhow::Result;
use latchkey_protocol::Clock;
use latchkey_resource_server::{
    Authenticated, HttpClient, RequireRole, RequireScope, Verifier,
    actix::{Caller, Routes},
};
use serde_json::json;

/// How long calls may take that are under way when the program is told to end, in seconds.
pub const LAST_CALLS: u64 = 1;

/// What reads orders.
const READ: &str = "orders:read";
/// What changes them.
const WRITE: &str = "orders:write";
/// The scopes that the API knows.
pub const SCOPES: [&str; 2] = [READ, WRITE];

/// What verifies the tokens of an instance. `audience`: what the API is called in tokens, whichever instance it is. It asks for
/// the keys as soon as the provider, which starts beside it, is there.
///
/// # Errors
/// When the issuer is no address.
pub fn verifier(
    issuer: &str,
    audience: &str,
    http: HttpClient,
    clock: Arc<dyn Clock>,
) -> Result<Verifier> {
    let api = Verifier::for_api(issuer, audience).http(http).clock(clock);
    Ok(api.start_without_issuer()?)
}

/// Starts an instance.
///
/// # Errors
/// When the system gives no thread.
pub fn start(listener: TcpListener, verifier: &Verifier) -> Result<Server> {
    let verifier = verifier.clone();
    let server = HttpServer::new(move || {
        let routes = Routes::of(&verifier)
            .get("/", answer, Authenticated)
            .get("/orders", orders, RequireScope(READ))
            .delete(
                "/orders/{id}",
                remove,
                (RequireScope(WRITE), RequireRole("clerk")),
            )
            .metadata();
        App::new().configure(routes.into_config())
    })
    .workers(1)
    .shutdown_timeout(LAST_CALLS)
    .listen(listener)?;
    Ok(server.run())
}

async fn answer(caller: Caller) -> impl Responder {
    web::Json(json!({
        "message": "The API verified this token by itself: by the published keys and the status lists.",
        "sub": caller.sub, "client_id": caller.client_id, "scope": caller.scope, "roles": caller.roles,
    }))
}

async fn orders(caller: Caller) -> impl Responder {
    web::Json(json!({ "orders": [1, 2], "asked_by": caller.sub }))
}

async fn remove(caller: Caller, id: web::Path<u64>) -> impl Responder {
    web::Json(json!({ "removed": *id, "by": caller.sub }))
}
