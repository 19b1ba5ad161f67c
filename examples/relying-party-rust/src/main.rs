//! A relying party with the `openidconnect` crate. Open http://localhost:9101/ to sign in.
use std::{
    collections::HashMap,
    env::var,
    sync::{Arc, Mutex},
};

use actix_web::{App, HttpResponse, HttpServer, error::ErrorBadRequest, web};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
    core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreUserInfoClaims},
};

/// Sign-ins under way, by state. A real app keeps this in the visitor's session.
type Pending = Arc<Mutex<HashMap<String, (Nonce, PkceCodeVerifier)>>>;
type Query = web::Query<HashMap<String, String>>;

macro_rules! client {
    ($http:expr) => {{
        let issuer =
            IssuerUrl::new(var("ISSUER").unwrap_or("http://localhost:8080".into())).map_err(ErrorBadRequest)?;
        let metadata = CoreProviderMetadata::discover_async(issuer, $http).await.map_err(ErrorBadRequest)?;
        let id = ClientId::new(var("CLIENT_ID").unwrap_or("example".into()));
        let secret = var("CLIENT_SECRET").ok().map(ClientSecret::new);
        CoreClient::from_provider_metadata(metadata, id, secret)
            .set_redirect_uri(RedirectUrl::new("http://localhost:9101/callback".into()).map_err(ErrorBadRequest)?)
    }};
}

async fn sign_in(pending: web::Data<Pending>, http: web::Data<reqwest::Client>) -> actix_web::Result<HttpResponse> {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (address, state, nonce) = client!(&**http)
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("email".into()))
        .set_pkce_challenge(challenge)
        .url();
    pending.lock().map_err(|_| ErrorBadRequest("poisoned"))?.insert(state.secret().clone(), (nonce, verifier));
    Ok(HttpResponse::SeeOther().insert_header(("Location", address.to_string())).finish())
}

async fn callback(
    pending: web::Data<Pending>,
    http: web::Data<reqwest::Client>,
    query: Query,
) -> actix_web::Result<HttpResponse> {
    let state = query.get("state").cloned().unwrap_or_default();
    let started = pending.lock().map_err(|_| ErrorBadRequest("poisoned"))?.remove(&state);
    let (nonce, verifier) = started.ok_or_else(|| ErrorBadRequest("this sign-in was not started here"))?;
    let code = query.get("code").ok_or_else(|| ErrorBadRequest(format!("{:?}", query.get("error"))))?;
    let client = client!(&**http);
    let tokens = client
        .exchange_code(AuthorizationCode::new(code.clone()))
        .map_err(ErrorBadRequest)?
        .set_pkce_verifier(verifier)
        .request_async(&**http)
        .await
        .map_err(ErrorBadRequest)?;
    let id_token = tokens.id_token().ok_or_else(|| ErrorBadRequest("no ID token"))?;
    let claims = id_token.claims(&client.id_token_verifier(), &nonce).map_err(ErrorBadRequest)?;
    let asked =
        client.user_info(tokens.access_token().clone(), Some(claims.subject().clone())).map_err(ErrorBadRequest)?;
    let user: CoreUserInfoClaims = asked.request_async(&**http).await.map_err(ErrorBadRequest)?;
    let email = user.email().map(|e| e.as_str()).unwrap_or_default();
    Ok(HttpResponse::Ok().body(format!("signed in: {} {email}\n", claims.subject().as_str())))
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let pending = web::Data::new(Pending::default());
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    let http = web::Data::new(http.map_err(std::io::Error::other)?);
    HttpServer::new(move || {
        App::new()
            .app_data(pending.clone())
            .app_data(http.clone())
            .route("/", web::get().to(sign_in))
            .route("/callback", web::get().to(callback))
    })
    .bind("127.0.0.1:9101")?
    .run()
    .await
}
