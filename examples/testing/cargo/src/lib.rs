//! An app with sign-in: what is tested. The tokens of its visitors stay in its own memory.
use std::{collections::HashMap, sync::Mutex};

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite},
    web::{self, Data, Query, ServiceConfig},
};
use openidconnect::{CsrfToken, PkceCodeChallenge};
use reqwest::{StatusCode, Url};
use serde_json::Value;

const CALLBACK: &str = "http://localhost/callback";

/// The app, as a client of its provider.
pub struct Shop {
    http: reqwest::Client,
    issuer: String,
    client: (String, String),
    provider: Value,
    visits: Mutex<HashMap<String, Visit>>,
}

/// Of one browser.
#[derive(Clone, Default)]
struct Visit {
    state: String,
    verifier: String,
    access_token: Option<String>,
    refresh_token: Option<String>,
}

impl Shop {
    pub async fn connect(issuer: &str, id: &str, secret: &str) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let discovery = format!("{issuer}/.well-known/openid-configuration");
        Ok(Self {
            provider: http.get(discovery).send().await?.json().await?,
            http,
            issuer: issuer.into(),
            client: (id.into(), secret.into()),
            visits: Mutex::default(),
        })
    }

    fn endpoint(&self, name: &str) -> &str {
        self.provider[name].as_str().unwrap_or_default()
    }

    fn visit(&self, id: &str) -> Option<Visit> {
        self.visits.lock().ok()?.get(id).cloned()
    }

    fn keep(&self, id: String, visit: Visit) {
        if let Ok(mut visits) = self.visits.lock() {
            visits.insert(id, visit);
        }
    }

    /// The status and the tokens. Where no answer comes it is asked again.
    async fn ask_for_tokens(&self, tries: u32, form: &[(&str, &str)]) -> (StatusCode, Value) {
        for _ in 0..tries {
            let (id, secret) = &self.client;
            let asked = self.http.post(self.endpoint("token_endpoint"));
            let Ok(answer) = asked.basic_auth(id, Some(secret)).form(form).send().await else {
                continue;
            };
            if !answer.status().is_server_error() {
                return (answer.status(), answer.json().await.unwrap_or_default());
            }
        }
        (StatusCode::SERVICE_UNAVAILABLE, Value::Null)
    }

    /// The same refresh token may be sent again where an answer was lost: it gets the same answer.
    async fn renew(&self, visit: &mut Visit) -> StatusCode {
        let token = visit.refresh_token.clone().unwrap_or_default();
        let form = [("grant_type", "refresh_token"), ("refresh_token", &*token)];
        let (status, tokens) = self.ask_for_tokens(3, &form).await;
        if !status.is_server_error() {
            visit.take(&tokens);
        }
        status
    }

    async fn userinfo(&self, visit: &Visit) -> (StatusCode, Value) {
        let token = visit.access_token.as_deref().unwrap_or_default();
        let asked = self.http.get(self.endpoint("userinfo_endpoint"));
        match asked.bearer_auth(token).send().await {
            Ok(answer) => (answer.status(), answer.json().await.unwrap_or_default()),
            Err(_) => (StatusCode::SERVICE_UNAVAILABLE, Value::Null),
        }
    }
}

/// The app's addresses.
pub fn routes(config: &mut ServiceConfig) {
    config
        .route("/login", web::get().to(login))
        .route("/callback", web::get().to(callback))
        .route("/me", web::get().to(me));
}

async fn login(shop: Data<Shop>) -> HttpResponse {
    let (id, state) = (CsrfToken::new_random(), CsrfToken::new_random());
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let asked = [
        ("client_id", shop.client.0.as_str()),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid email offline_access"),
        ("state", state.secret()),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let Ok(address) = Url::parse_with_params(shop.endpoint("authorization_endpoint"), asked) else {
        return HttpResponse::ServiceUnavailable().finish();
    };
    let cookie = Cookie::build("visitor", id.secret().clone())
        .path("/")
        .http_only(true);
    let visit = Visit {
        state: state.into_secret(),
        verifier: verifier.into_secret(),
        ..Visit::default()
    };
    shop.keep(id.into_secret(), visit);
    HttpResponse::SeeOther()
        .cookie(cookie.same_site(SameSite::Lax).finish())
        .insert_header(("Location", address.as_str()))
        .finish()
}

fn who(shop: &Shop, request: &HttpRequest) -> Option<(String, Visit)> {
    let id = request.cookie_raw("visitor")?.value().to_owned();
    let visit = shop.visit(&id)?;
    Some((id, visit))
}

async fn callback(
    shop: Data<Shop>,
    request: HttpRequest,
    said: Query<HashMap<String, String>>,
) -> HttpResponse {
    let said = |name| said.get(name).map(String::as_str).unwrap_or_default();
    // The answer is this browser's (RFC 6749 10.12) and this provider's (RFC 9207 2.4).
    let Some((id, mut visit)) = who(&shop, &request)
        .filter(|(_, visit)| said("state") == visit.state && said("iss") == shop.issuer)
    else {
        return HttpResponse::BadRequest().finish();
    };
    let form = [
        ("grant_type", "authorization_code"),
        ("code", said("code")),
        ("redirect_uri", CALLBACK),
        ("code_verifier", &visit.verifier),
    ];
    let (status, tokens) = shop.ask_for_tokens(1, &form).await;
    if status != StatusCode::OK {
        return HttpResponse::BadRequest().finish();
    }
    visit.take(&tokens);
    shop.keep(id, visit);
    HttpResponse::SeeOther()
        .insert_header(("Location", "/me"))
        .finish()
}

impl Visit {
    fn take(&mut self, tokens: &Value) {
        let text = |name: &str| tokens[name].as_str().map(str::to_owned);
        self.access_token = text("access_token");
        self.refresh_token = text("refresh_token").or(self.refresh_token.take());
    }
}

async fn me(shop: Data<Shop>, request: HttpRequest) -> HttpResponse {
    let found = who(&shop, &request).filter(|(_, visit)| visit.access_token.is_some());
    let Some((id, mut visit)) = found else {
        return HttpResponse::Unauthorized().finish();
    };
    let mut asked = shop.userinfo(&visit).await;
    if asked.0 == StatusCode::UNAUTHORIZED {
        let renewed = shop.renew(&mut visit).await;
        shop.keep(id, visit.clone());
        asked = match renewed.is_server_error() {
            true => (renewed, Value::Null),
            false => shop.userinfo(&visit).await,
        };
    }
    match asked {
        (StatusCode::OK, user) => HttpResponse::Ok().json(user),
        (StatusCode::UNAUTHORIZED, _) => HttpResponse::Unauthorized().finish(),
        _ => HttpResponse::ServiceUnavailable().finish(),
    }
}
