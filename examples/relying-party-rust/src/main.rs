//! A relying party with the `openidconnect` crate. Open http://localhost:9101/ to sign in.
use std::{collections::HashMap, env::var};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    cookie::{Cookie, SameSite, time::Duration},
    error::ErrorBadRequest,
    web,
};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
    core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreUserInfoClaims},
};

type Query = web::Query<HashMap<String, String>>;

fn issuer() -> String {
    var("ISSUER").unwrap_or("http://localhost:8080".into())
}

macro_rules! client {
    ($http:expr) => {{
        let issuer = IssuerUrl::new(issuer()).map_err(ErrorBadRequest)?;
        let metadata = CoreProviderMetadata::discover_async(issuer, $http)
            .await
            .map_err(ErrorBadRequest)?;
        let id = ClientId::new(var("CLIENT_ID").unwrap_or("example".into()));
        let secret = var("CLIENT_SECRET").ok().map(ClientSecret::new);
        CoreClient::from_provider_metadata(metadata, id, secret).set_redirect_uri(
            RedirectUrl::new("http://localhost:9101/callback".into()).map_err(ErrorBadRequest)?,
        )
    }};
}

/// What a sign-in began with stays in the visitor's own browser: an answer that was made for another one is refused.
/// On https call it `__Host-sign-in` and make it `Secure`.
fn started(value: String, seconds: i64) -> Cookie<'static> {
    let max_age = Duration::seconds(seconds);
    Cookie::build("sign-in", value)
        .path("/")
        .max_age(max_age)
        .http_only(true)
        .same_site(SameSite::Lax)
        .finish()
}

async fn sign_in(http: web::Data<reqwest::Client>) -> actix_web::Result<HttpResponse> {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (address, state, nonce) = client!(&**http)
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        )
        .add_scope(Scope::new("email".into()))
        .set_pkce_challenge(challenge)
        .url();
    let cookie = started(
        format!(
            "{}.{}.{}",
            state.secret(),
            nonce.secret(),
            verifier.secret()
        ),
        600,
    );
    Ok(HttpResponse::SeeOther()
        .cookie(cookie)
        .insert_header(("Location", address.to_string()))
        .finish())
}

async fn callback(
    request: HttpRequest,
    http: web::Data<reqwest::Client>,
    query: Query,
) -> actix_web::Result<HttpResponse> {
    let cookie = request
        .cookie_raw("sign-in")
        .ok_or_else(|| ErrorBadRequest("this sign-in was not started here"))?;
    let [state, nonce, verifier] = cookie.value().split('.').collect::<Vec<_>>()[..] else {
        return Err(ErrorBadRequest("this sign-in was not started here"));
    };
    let said = |name| query.get(name).map(String::as_str).unwrap_or_default();
    // The answer is this browser's (RFC 6749 10.12) and this provider's (RFC 9207 2.4).
    if said("state") != state || said("iss") != issuer() {
        return Err(ErrorBadRequest("this answer is for another sign-in"));
    }
    let code = query
        .get("code")
        .ok_or_else(|| ErrorBadRequest(format!("refused: {}", said("error"))))?;
    let client = client!(&**http);
    let tokens = client
        .exchange_code(AuthorizationCode::new(code.clone()))
        .map_err(ErrorBadRequest)?
        .set_pkce_verifier(PkceCodeVerifier::new(verifier.into()))
        .request_async(&**http)
        .await
        .map_err(ErrorBadRequest)?;
    let id_token = tokens
        .id_token()
        .ok_or_else(|| ErrorBadRequest("no ID token"))?;
    let claims = id_token
        .claims(&client.id_token_verifier(), &Nonce::new(nonce.into()))
        .map_err(ErrorBadRequest)?;
    let asked = client
        .user_info(
            tokens.access_token().clone(),
            Some(claims.subject().clone()),
        )
        .map_err(ErrorBadRequest)?;
    let user: CoreUserInfoClaims = asked
        .request_async(&**http)
        .await
        .map_err(ErrorBadRequest)?;
    let email = user.email().map(|e| e.as_str()).unwrap_or_default();
    // A real app begins a session of its own here.
    let body = format!("signed in: {} {email}\n", claims.subject().as_str());
    Ok(HttpResponse::Ok()
        .cookie(started(String::new(), 0))
        .body(body))
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build();
    let http = web::Data::new(http.map_err(std::io::Error::other)?);
    HttpServer::new(move || {
        App::new()
            .app_data(http.clone())
            .route("/", web::get().to(sign_in))
            .route("/callback", web::get().to(callback))
    })
    .bind("127.0.0.1:9101")?
    .run()
    .await
}
