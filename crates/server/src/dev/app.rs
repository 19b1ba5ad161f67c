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
use anyhow::{Context, Result, anyhow};
use askama::Template;
use openidconnect::{
    AccessToken, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RefreshToken, Scope, TokenResponse,
    core::{
        CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreTokenResponse,
        CoreUserInfoClaims,
    },
};
use serde_json::Value;

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Sign-ins that the demo remembers at once.
const MOST: usize = 1000;
const COOKIE: &str = "demo-app";

#[derive(Clone, Default)]
struct Visit {
    pending: Option<(String, String, String)>,
    access: String,
    refresh: Option<String>,
    id_token: String,
    subject: String,
    steps: Vec<Step>,
}

#[derive(Clone)]
struct Step {
    title: String,
    text: String,
    code: String,
}

struct Demo {
    issuer: String,
    address: String,
    api: String,
    secret: String,
    http: reqwest::Client,
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

pub async fn start(
    port: u16,
    issuer: &str,
    address: &str,
    api: &str,
    secret: String,
) -> Result<Server> {
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
        .body(include_str!("../../../../templates/assets/latchkey.css"))
}

impl Demo {
    async fn client(&self) -> Result<Client> {
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

async fn redeem(demo: &Demo, visit: &mut Visit, query: &HashMap<String, String>) -> Result<()> {
    let (state, nonce, verifier) = visit
        .pending
        .take()
        .context("this answer was used already")?;
    let shown: Vec<_> = query
        .iter()
        .map(|(k, v)| format!("{k}={}", if k == "code" { "(the code)" } else { v }))
        .collect();
    visit.steps.push(step(
        "2. The browser comes back",
        "With a code, the state and the issuer.",
        shown.join("\n"),
    ));
    if query.get("iss") != Some(&demo.issuer) {
        return Err(anyhow!("the answer comes from another issuer"));
    }
    if query.get("state") != Some(&state) {
        return Err(anyhow!("the state differs"));
    }
    if let Some(error) = query.get("error") {
        let description = query
            .get("error_description")
            .map(String::as_str)
            .unwrap_or_default();
        return Err(anyhow!("{error}: {description}"));
    }
    let code = query.get("code").context("there is no code")?.clone();
    let client = demo.client().await?;
    let tokens = client
        .exchange_code(AuthorizationCode::new(code))?
        .set_pkce_verifier(PkceCodeVerifier::new(verifier))
        .request_async(&demo.http)
        .await?;
    take(
        &client,
        visit,
        &tokens,
        Some(&nonce),
        "3. The app exchanges the code for tokens",
    )
}

/// Verifies what came and shows it.
fn take(
    client: &Client,
    visit: &mut Visit,
    tokens: &CoreTokenResponse,
    nonce: Option<&str>,
    title: &str,
) -> Result<()> {
    let id_token = tokens.id_token().context("there is no ID token")?;
    let claims = match nonce {
        Some(nonce) => {
            id_token.claims(&client.id_token_verifier(), &Nonce::new(nonce.to_owned()))?
        }
        None => id_token.claims(&client.id_token_verifier(), |_: Option<&Nonce>| Ok(()))?,
    };
    visit.subject = claims.subject().to_string();
    visit.access = tokens.access_token().secret().clone();
    visit.id_token = id_token.to_string();
    if let Some(refresh) = tokens.refresh_token() {
        visit.refresh = Some(refresh.secret().clone());
    }
    let what = format!(
        "Access token for {} seconds, ID token, refresh token: {}.",
        tokens.expires_in().map_or(0, |d| d.as_secs()),
        if tokens.refresh_token().is_some() {
            "yes"
        } else {
            "no"
        }
    );
    visit.steps.push(step(title, &what, String::new()));
    visit.steps.push(step(
        "ID token, verified",
        "Signature, issuer, audience, times and nonce are right.",
        decoded(&visit.id_token),
    ));
    visit.steps.push(step(
        "Access token",
        "For the API; the app does not look inside, but you may.",
        decoded(&visit.access),
    ));
    Ok(())
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
    let Ok(mut address) = url::Url::parse(&format!(
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

fn step(title: &str, text: &str, code: String) -> Step {
    Step {
        title: title.to_owned(),
        text: text.to_owned(),
        code,
    }
}

fn decoded(token: &str) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let part = token
        .split('.')
        .nth(1)
        .and_then(|p| URL_SAFE_NO_PAD.decode(p).ok())
        .unwrap_or_default();
    serde_json::from_slice::<Value>(&part)
        .map(|v| format!("{v:#}"))
        .unwrap_or_default()
}
