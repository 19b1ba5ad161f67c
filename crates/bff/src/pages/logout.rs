//! Sign-out: `POST /bff/logout` ends the session here, and `GET /bff/logout`, where the app goes next, takes the browser to the
//! provider so that it ends there too.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde_json::json;

use super::SignOut;
use crate::{
    Bff, answer,
    cookies::{self, SESSION, SIGN_OUT, SIGN_OUT_LASTS},
    guard,
    seal::Purpose,
    session::BrowserSession,
    store::{Key, StoreError},
};

/// The longest ID token that fits into a cookie with its sealing, in bytes: browsers keep 4096.
const LONGEST_HINT: usize = 2600;

/// By a script of the app. The ID token goes along in a sealed cookie: the provider wants it back, and no script needs it.
pub async fn end(bff: web::Data<Bff>, request: HttpRequest) -> HttpResponse {
    let origin = &bff.0.settings.origin;
    if !guard::is_own_call(request.method(), request.headers(), origin) {
        return answer::forbidden();
    }
    let Some(cookie) = cookies::session(&request) else {
        return answer::not_signed_in(&request);
    };
    let ended = match end_here(&bff, Key::of_cookie(&cookie)).await {
        Ok(ended) => ended,
        Err(error) => {
            tracing::error!(%error, "a sign-out fails");
            return answer::unavailable();
        }
    };
    let mut answer = answer::no_store(StatusCode::OK);
    answer.cookie(cookies::gone(SESSION));
    let sessions = &bff.0.sessions;
    let sign_out = ended.map(|session| SignOut {
        id_token: Some(session.id_token).filter(|token| token.len() <= LONGEST_HINT),
        until: sessions.clock.now() + SIGN_OUT_LASTS,
    });
    let sealed = sign_out.and_then(|out| sessions.keys.seal(Purpose::SignOut, &out).ok());
    if let Some(sealed) = sealed {
        answer.cookie(cookies::on_the_way(SIGN_OUT, sealed, SIGN_OUT_LASTS));
    }
    answer.json(json!({ "next": "/bff/logout" }))
}

/// Where the browser goes on. Whoever sends somebody else's browser here ends nothing: the session has ended before, or
/// there is no cookie.
pub async fn go_on(bff: web::Data<Bff>, request: HttpRequest) -> HttpResponse {
    if !guard::is_navigation(request.headers()) {
        return answer::forbidden();
    }
    let to = provider_page(&bff, &request).await;
    answer::see_other(to.as_deref().unwrap_or("/"))
        .cookie(cookies::gone(SIGN_OUT))
        .finish()
}

async fn provider_page(bff: &Bff, request: &HttpRequest) -> Option<String> {
    let (sessions, settings) = (&bff.0.sessions, &bff.0.settings);
    let sealed = cookies::value(request, SIGN_OUT)?;
    let sign_out: SignOut = sessions.keys.open(Purpose::SignOut, &sealed)?;
    if sign_out.until <= sessions.clock.now() {
        return None;
    }
    let metadata = sessions.provider.metadata().await.ok()?;
    let back = settings.post_logout_redirect_uri();
    let mut parameters = vec![
        ("client_id", &*settings.client_id),
        ("post_logout_redirect_uri", &*back),
    ];
    // Without it the provider asks the user.
    if let Some(id_token) = &sign_out.id_token {
        parameters.insert(0, ("id_token_hint", id_token));
    }
    metadata.sign_out(&parameters)
}

/// Ends a session, and takes its refresh token back without waiting for the provider.
pub async fn end_here(bff: &Bff, key: Key) -> Result<Option<BrowserSession>, StoreError> {
    let sessions = &bff.0.sessions;
    let Some(sealed) = sessions.store.end(&key).await? else {
        return Ok(None);
    };
    let session: Option<BrowserSession> = sessions.keys.open(Purpose::Session(key), &sealed);
    if let Some(token) = session.as_ref().and_then(|s| s.refresh_token.clone()) {
        let provider = sessions.provider.clone();
        tokio::spawn(async move { provider.revoke(&token).await });
    }
    Ok(session)
}
