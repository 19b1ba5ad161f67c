//! An API that verifies access tokens by the published keys alone (RFC 9068 4), with the `jsonwebtoken` crate.
use std::{env::var, sync::RwLock};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::{Value, json};

struct Api {
    issuer: String,
    audience: String,
    keys: RwLock<JwkSet>,
}

impl Api {
    /// Fetches the keys; once more when a token names one that is not known yet.
    async fn fetch(&self) -> Option<()> {
        let metadata: Value =
            reqwest::get(format!("{}/.well-known/openid-configuration", self.issuer)).await.ok()?.json().await.ok()?;
        *self.keys.write().ok()? = reqwest::get(metadata["jwks_uri"].as_str()?).await.ok()?.json().await.ok()?;
        Some(())
    }

    async fn verify(&self, token: &str) -> Option<Value> {
        let header = decode_header(token).ok().filter(|h| h.typ.as_deref() == Some("at+jwt"))?;
        let kid = header.kid?;
        if self.keys.read().ok()?.find(&kid).is_none() {
            self.fetch().await?;
        }
        let key = DecodingKey::from_jwk(self.keys.read().ok()?.find(&kid)?).ok()?;
        let mut rules = Validation::new(Algorithm::RS256);
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[&self.audience]);
        decode::<Value>(token, &key, &rules).ok().map(|data| data.claims)
    }
}

async fn answer(api: web::Data<Api>, request: HttpRequest) -> HttpResponse {
    let header = request.headers().get("Authorization").and_then(|v| v.to_str().ok()).unwrap_or_default();
    match api.verify(header.strip_prefix("Bearer ").unwrap_or_default()).await {
        Some(claims) => HttpResponse::Ok().json(json!({ "hello": claims["sub"] })),
        None => HttpResponse::Unauthorized().insert_header(("WWW-Authenticate", "Bearer")).finish(),
    }
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let api = web::Data::new(Api {
        issuer: var("ISSUER").unwrap_or("http://localhost:8080".into()),
        audience: var("AUDIENCE").unwrap_or("http://localhost:9104".into()),
        keys: RwLock::new(JwkSet { keys: Vec::new() }),
    });
    HttpServer::new(move || App::new().app_data(api.clone()).default_service(web::to(answer)))
        .bind("127.0.0.1:9104")?
        .run()
        .await
}
