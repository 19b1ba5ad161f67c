//! An API that verifies access tokens by the published keys alone (RFC 9068 4), with the `jsonwebtoken` crate.
use std::{
    env::var,
    sync::RwLock,
    time::{Duration, Instant},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// The keys are fetched again after this time, so that an announced key is known before it signs, and a retired one forgotten.
const OLD: Duration = Duration::from_secs(300);
/// Strangers choose the `kid` of what they send: an unknown one causes a fetch at most once in this time.
const PAUSE: Duration = Duration::from_secs(5);

struct Api {
    issuer: String,
    audience: String,
    http: reqwest::Client,
    keys: RwLock<JwkSet>,
    fetched: Mutex<Option<Instant>>,
}

impl Api {
    async fn fetch(&self) -> Option<JwkSet> {
        let address = format!("{}/.well-known/openid-configuration", self.issuer);
        let metadata: Value = self
            .http
            .get(address)
            .send()
            .await
            .ok()?
            .json()
            .await
            .ok()?;
        self.http
            .get(metadata["jwks_uri"].as_str()?)
            .send()
            .await
            .ok()?
            .json()
            .await
            .ok()
    }

    fn known(&self, kid: &str) -> Option<DecodingKey> {
        DecodingKey::from_jwk(self.keys.read().ok()?.find(kid)?).ok()
    }

    /// One request fetches. Who knows the key does not wait for it; who waited finds what it brought.
    async fn key(&self, kid: &str) -> Option<DecodingKey> {
        let (mut fetched, pause) = match self.known(kid) {
            Some(key) => match self.fetched.try_lock() {
                Ok(fetched) => (fetched, OLD),
                Err(_) => return Some(key),
            },
            None => (self.fetched.lock().await, PAUSE),
        };
        if fetched.is_none_or(|at| at.elapsed() >= pause) {
            *fetched = Some(Instant::now());
            if let Some(keys) = self.fetch().await {
                *self.keys.write().ok()? = keys;
            }
        }
        self.known(kid)
    }

    async fn verify(&self, token: &str) -> Option<Value> {
        let header = decode_header(token)
            .ok()
            .filter(|h| h.typ.as_deref() == Some("at+jwt"))?;
        let mut rules = Validation::new(Algorithm::RS256);
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[&self.audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let key = self.key(&header.kid?).await?;
        decode::<Value>(token, &key, &rules)
            .ok()
            .map(|data| data.claims)
    }
}

async fn answer(api: web::Data<Api>, request: HttpRequest) -> HttpResponse {
    let header = request
        .headers()
        .get("Authorization")
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    match api
        .verify(header.strip_prefix("Bearer ").unwrap_or_default())
        .await
    {
        Some(claims) => HttpResponse::Ok().json(json!({ "hello": claims["sub"] })),
        None => HttpResponse::Unauthorized()
            .insert_header(("WWW-Authenticate", "Bearer"))
            .finish(),
    }
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let api = web::Data::new(Api {
        issuer: var("ISSUER").unwrap_or("http://localhost:8080".into()),
        audience: var("AUDIENCE").unwrap_or("http://localhost:9104".into()),
        http: reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .build()
            .map_err(std::io::Error::other)?,
        keys: RwLock::new(JwkSet { keys: Vec::new() }),
        fetched: Mutex::new(None),
    });
    HttpServer::new(move || {
        App::new()
            .app_data(api.clone())
            .default_service(web::to(answer))
    })
    .bind("127.0.0.1:9104")?
    .run()
    .await
}
