//! A demo relying party, built with the `openidconnect` crate: shows the flow step by step.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use actix_web::{
    App as ActixApp, HttpRequest, HttpResponse, HttpServer,
    cookie::{Cookie, SameSite},
    dev::Server,
    http::header,
    web,
};
use anyhow::{Context, Result};
use askama::Template;
use openidconnect::{
    AccessToken, ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce, PkceCodeChallenge,
    RedirectUrl, RefreshToken, Scope,
    core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreUserInfoClaims},
};
use serde_json::Value;

use crate::{
    tokens::{Client, redeem, take},
    visit::{Step, Visit, step},
};

/// Sign-ins that the demo remembers at once.
const MOST: usize = 1000;
const COOKIE: &str = "demo-app";

pub struct Demo {
    pub issuer: String,
    address: String,
    api: String,
    secret: String,
    pub http: reqwest::Client,
    visits: Mutex<HashMap<String, Visit>>,
}

#[derive(Template)]
#[template(path = "demo.html")]
struct DemoPage<'a> {
    signed_in: bool,
    subject: &'a str,
    can_refresh: bool,
    steps: &'a [Step],
    problem: Option<&'a str>,
    issuer: &'a str,
}

/// Starts the app on a port of this host, as the client `demo-app` with this secret. `address` and `api` are where the
/// app and the API are found.
///
/// # Errors
/// When the port is taken.
pub fn start(port: u16, issuer: &str, address: &str, api: &str, secret: String) -> Result<Server> {
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(std::time::Duration::from_secs(10))
        .build()?;
    let demo = web::Data::from(Arc::new(Demo {
        issuer: issuer.to_owned(),
        address: address.to_owned(),
        api: api.to_owned(),
        secret,
        http,
        visits: Mutex::default(),
    }));
    let server = HttpServer::new(move || {
        ActixApp::new()
            .app_data(demo.clone())
            .route("/", web::get().to(home))
            .route("/login", web::get().to(login))
            .route("/callback", web::get().to(callback))
            .route("/refresh", web::post().to(refresh))
            .route("/userinfo", web::post().to(userinfo))
            .route("/api", web::post().to(call_api))
            .route("/sign-out", web::post().to(sign_out))
            .route("/latchkey.css", web::get().to(style))
    })
    .workers(1)
    .bind(("127.0.0.1", port))
    .with_context(|| format!("cannot listen on port {port}; choose another with --app-port"))?;
    Ok(server.run())
}

async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .body(include_str!("../../../templates/assets/latchkey.css"))
}

impl Demo {
    pub async fn client(&self) -> Result<Client> {
        let metadata =
            CoreProviderMetadata::discover_async(IssuerUrl::new(self.issuer.clone())?, &self.http)
                .await?;
        let secret = ClientSecret::new(self.secret.clone());
        let client = CoreClient::from_provider_metadata(
            metadata,
            ClientId::new("demo-app".into()),
            Some(secret),
        );
        Ok(client.set_redirect_uri(RedirectUrl::new(format!("{}/callback", self.address))?))
    }

    fn visit(&self, request: &HttpRequest) -> Option<(String, Visit)> {
        let id = request.cookie(COOKIE)?.value().to_owned();
        let visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        visits.get(&id).cloned().map(|visit| (id, visit))
    }

    fn keep(&self, id: String, visit: Visit) {
        let mut visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        if visits.len() >= MOST {
            visits.clear();
        }
        visits.insert(id, visit);
    }

    fn page(&self, visit: &Visit, problem: Option<&str>) -> HttpResponse {
        let page = DemoPage {
            signed_in: !visit.access.is_empty(),
            subject: &visit.subject,
            can_refresh: visit.refresh.is_some(),
            steps: &visit.steps,
            problem,
            issuer: &self.issuer,
        };
        match page.render() {
            Ok(html) => HttpResponse::Ok()
                .insert_header((
                    header::CONTENT_SECURITY_POLICY,
                    "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
                ))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .content_type("text/html; charset=utf-8")
                .body(html),
            Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
        }
    }

    fn answer(&self, id: String, mut visit: Visit, done: Result<()>) -> HttpResponse {
        let problem = done.err().map(|e| format!("{e:#}"));
        if visit.steps.len() > 40 {
            visit.steps.drain(..20);
        }
        let response = self.page(&visit, problem.as_deref());
        self.keep(id, visit);
        response
    }
}

async fn home(demo: web::Data<Demo>, request: HttpRequest) -> HttpResponse {
    let visit = demo
        .visit(&request)
        .map(|(_, visit)| visit)
        .unwrap_or_default();
    demo.page(&visit, None)
}

async fn login(demo: web::Data<Demo>) -> HttpResponse {
    let client = match demo.client().await {
        Ok(client) => client,
        Err(error) => return demo.page(&Visit::default(), Some(&format!("{error:#}"))),
    };
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (address, state, nonce) = client
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        )
        .add_scopes(["profile", "email", "offline_access"].map(|s| Scope::new(s.into())))
        .set_pkce_challenge(challenge)
        .url();
    let id = CsrfToken::new_random().secret().clone();
    let mut visit = Visit {
        pending: Some((
            state.secret().clone(),
            nonce.secret().clone(),
            verifier.secret().clone(),
        )),
        ..Visit::default()
    };
    visit.steps.push(step(
        "1. The app sends the browser to Latchkey",
        "With a state, a nonce and a PKCE challenge.",
        address.to_string(),
    ));
    demo.keep(id.clone(), visit);
    let cookie = Cookie::build(COOKIE, id)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .finish();
    HttpResponse::SeeOther()
        .cookie(cookie)
        .insert_header((header::LOCATION, address.to_string()))
        .finish()
}

async fn callback(
    demo: web::Data<Demo>,
    request: HttpRequest,
    query: web::Query<HashMap<String, String>>,
) -> HttpResponse {
    let Some((id, mut visit)) = demo.visit(&request) else {
        return demo.page(
            &Visit::default(),
            Some("This sign-in was not started here. Start again."),
        );
    };
    let done = redeem(&demo, &mut visit, &query).await;
    if done.is_ok() {
        demo.keep(id, visit);
        // The code must not stay in the address bar.
        return HttpResponse::SeeOther()
            .insert_header((header::LOCATION, "/"))
            .finish();
    }
    demo.answer(id, visit, done)
}

async fn refresh(demo: web::Data<Demo>, request: HttpRequest) -> HttpResponse {
    let Some((id, mut visit)) = demo.visit(&request) else {
        return home_again();
    };
    let done = async {
        let token = RefreshToken::new(visit.refresh.clone().context("there is no refresh token")?);
        let client = demo.client().await?;
        let tokens = client
            .exchange_refresh_token(&token)?
            .request_async(&demo.http)
            .await?;
        take(
            &client,
            &mut visit,
            &tokens,
            None,
            "The app refreshed its tokens",
        )
    }
    .await;
    demo.answer(id, visit, done)
}

async fn userinfo(demo: web::Data<Demo>, request: HttpRequest) -> HttpResponse {
    let Some((id, mut visit)) = demo.visit(&request) else {
        return home_again();
    };
    let done = async {
        let client = demo.client().await?;
        let subject = openidconnect::SubjectIdentifier::new(visit.subject.clone());
        let asked = client.user_info(AccessToken::new(visit.access.clone()), Some(subject))?;
        let claims: CoreUserInfoClaims = asked.request_async(&demo.http).await?;
        visit.steps.push(step(
            "UserInfo",
            "The claims of the scopes that were allowed.",
            serde_json::to_string_pretty(&claims)?,
        ));
        Ok(())
    }
    .await;
    demo.answer(id, visit, done)
}

async fn call_api(demo: web::Data<Demo>, request: HttpRequest) -> HttpResponse {
    let Some((id, mut visit)) = demo.visit(&request) else {
        return home_again();
    };
    let done = async {
        let answer = demo
            .http
            .get(&demo.api)
            .bearer_auth(&visit.access)
            .send()
            .await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        visit.steps.push(step(
            "The API answered",
            &status.to_string(),
            format!("{body:#}"),
        ));
        Ok(())
    }
    .await;
    demo.answer(id, visit, done)
}

async fn sign_out(demo: web::Data<Demo>, request: HttpRequest) -> HttpResponse {
    let Some((id, visit)) = demo.visit(&request) else {
        return home_again();
    };
    demo.visits
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&id);
    let Ok(mut address) = openidconnect::url::Url::parse(&format!(
        "{}{}",
        demo.issuer,
        latchkey_protocol::paths::END_SESSION
    )) else {
        return home_again();
    };
    let back = format!("{}/", demo.address);
    address
        .query_pairs_mut()
        .append_pair("id_token_hint", &visit.id_token)
        .append_pair("post_logout_redirect_uri", &back);
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, address.to_string()))
        .finish()
}

fn home_again() -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, "/"))
        .finish()
}
