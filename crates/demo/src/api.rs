//! A demo API: verifies access tokens by itself, with nothing but the published keys (RFC 9068 4).

use std::{net::TcpListener, sync::Arc};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::Server, http::header, web};
use anyhow::Result;
use latchkey_protocol::{Clock, claims::AccessToken};
use serde_json::json;

use crate::keys::PublishedKeys;

struct Api {
    issuer: String,
    audience: String,
    keys: PublishedKeys,
    clock: Arc<dyn Clock>,
}

/// Starts the API. `address` is what it is called in tokens.
///
/// # Errors
/// When the system gives no thread or no client.
pub fn start(
    listener: TcpListener,
    issuer: &str,
    address: &str,
    clock: Arc<dyn Clock>,
) -> Result<Server> {
    let http = reqwest::Client::builder()
        .no_proxy()
        .timeout(std::time::Duration::from_secs(5))
        .build()?;
    let api = web::Data::new(Api {
        issuer: issuer.to_owned(),
        audience: address.to_owned(),
        keys: PublishedKeys::of(issuer, http, clock.clone()),
        clock,
    });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(api.clone())
            .default_service(web::to(answer))
    })
    .workers(1)
    .listen(listener)?;
    Ok(server.run())
}

async fn answer(api: web::Data<Api>, request: HttpRequest) -> HttpResponse {
    let header = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    let Some(token) = header.strip_prefix("Bearer ") else {
        return refuse("", "send an access token");
    };
    match verify(&api, token).await {
        Ok(claims) => HttpResponse::Ok().json(json!({
            "message": "The API verified this token by the published keys alone.",
            "sub": claims.sub, "client_id": claims.client_id, "scope": claims.scope, "roles": claims.roles,
        })),
        Err(why) => refuse(", error=\"invalid_token\"", &why),
    }
}

fn refuse(error: &str, why: &str) -> HttpResponse {
    HttpResponse::Unauthorized()
        .insert_header((
            header::WWW_AUTHENTICATE,
            format!("Bearer realm=\"demo\"{error}"),
        ))
        .json(json!({ "error_description": why }))
}

async fn verify(api: &Api, token: &str) -> std::result::Result<AccessToken, String> {
    let compact = api.keys.verified(token, "at+jwt").await?;
    let claims: AccessToken = compact.unverified_claims().map_err(|e| e.to_string())?;
    if claims.iss != *api.issuer || !claims.aud.contains(&api.audience) {
        return Err("the token is for somebody else".into());
    }
    if claims.exp <= api.clock.now() {
        return Err("the token has expired".into());
    }
    Ok(claims)
}
