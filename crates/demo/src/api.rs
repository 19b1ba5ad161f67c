//! A demo API: verifies access tokens by itself, with nothing but the published keys (RFC 9068 4).

use std::sync::{Arc, Mutex};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::Server, http::header, web};
use anyhow::{Context, Result};
use latchkey_jose::{Compact, JwkSet, Verifier};
use latchkey_protocol::{Clock, claims::AccessToken, paths};
use serde_json::json;

struct Api {
    issuer: String,
    audience: String,
    keys: Mutex<JwkSet>,
    clock: Arc<dyn Clock>,
    http: reqwest::Client,
}

/// Starts the API on a port of this host. `address` is what it is called in tokens.
///
/// # Errors
/// When the port is taken.
pub fn start(port: u16, issuer: &str, address: &str, clock: Arc<dyn Clock>) -> Result<Server> {
    let api = web::Data::new(Api {
        issuer: issuer.to_owned(),
        audience: address.to_owned(),
        keys: Mutex::default(),
        clock,
        http: reqwest::Client::builder()
            .no_proxy()
            .timeout(std::time::Duration::from_secs(5))
            .build()?,
    });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(api.clone())
            .default_service(web::to(answer))
    })
    .workers(1)
    .bind(("127.0.0.1", port))
    .with_context(|| format!("cannot listen on port {port}; choose another with --api-port"))?;
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
    let compact = Compact::parse(token).map_err(|e| e.to_string())?;
    if compact.unverified_header.typ.as_deref() != Some("at+jwt") {
        return Err("this is no access token".into());
    }
    let kid = compact.unverified_header.kid.clone().unwrap_or_default();
    let key = key(api, &kid).await?;
    Verifier::new(&key)
        .and_then(|v| v.verify(&compact))
        .map_err(|e| e.to_string())?;
    let claims: AccessToken = compact.unverified_claims().map_err(|e| e.to_string())?;
    if claims.iss != *api.issuer || !claims.aud.contains(&api.audience) {
        return Err("the token is for somebody else".into());
    }
    if claims.exp <= api.clock.now() {
        return Err("the token has expired".into());
    }
    Ok(claims)
}

async fn key(api: &Api, kid: &str) -> std::result::Result<latchkey_jose::Jwk, String> {
    let known = api
        .keys
        .lock()
        .ok()
        .and_then(|set| set.keys.iter().find(|k| k.kid == kid).cloned());
    match known {
        Some(key) => Ok(key),
        None => fetch(api, kid).await,
    }
}

/// An unknown key id: the keys may have been rotated.
async fn fetch(api: &Api, kid: &str) -> std::result::Result<latchkey_jose::Jwk, String> {
    let address = format!("{}{}", api.issuer, paths::JWKS);
    let answer = api
        .http
        .get(address)
        .send()
        .await
        .map_err(|e| e.to_string())?;
    let set: JwkSet = answer.json().await.map_err(|e| e.to_string())?;
    let found = set.keys.iter().find(|k| k.kid == kid).cloned();
    if let Ok(mut keys) = api.keys.lock() {
        *keys = set;
    }
    found.ok_or_else(|| "the token was signed by a key that is not published".into())
}
