//! `GET /bff/callback`: the browser is back from the provider.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use latchkey_protocol::secret::same;
use serde::Deserialize;

use super::{SignIn, login::away};
use crate::{
    Bff, answer, cookies, guard,
    provider::{IdToken, ProviderError, Tokens},
    renew::Life,
    seal::Purpose,
    session::{BrowserSession, of_user},
    store::{Begun, Key, Name, NewRow},
};

#[derive(Deserialize)]
pub struct Query {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    error: Option<String>,
}

/// Why nobody is signed in.
enum Failed {
    /// The answer belongs to no sign-in of this browser, or the provider says no.
    Refused,
    /// It came before.
    Finished,
    Away,
}

pub async fn callback(bff: web::Data<Bff>, request: HttpRequest) -> HttpResponse {
    if !guard::is_navigation(request.headers()) {
        return answer::forbidden();
    }
    let Ok(query) = web::Query::<Query>::from_query(request.query_string()) else {
        return refused();
    };
    let name = cookies::sign_in(query.state.as_deref().unwrap_or_default());
    let Some(sign_in) = begun(&bff, &request, &name) else {
        return unknown(&bff, &request, &query).await;
    };
    let sign_in = Arc::new(sign_in);
    let done = finish(&bff, &sign_in, &query).await;
    let is_away = matches!(done, Err(Failed::Away));
    let mut answer = match done {
        Ok(cookie) => {
            let lasts = sign_in
                .remember
                .then_some(bff.0.settings.lifetimes.remembered);
            answer::see_other(&sign_in.return_to)
                .cookie(cookies::signed_in(cookie, lasts))
                .finish()
        }
        Err(Failed::Refused) => refused(),
        Err(Failed::Finished) => finished(&bff, &request, &sign_in.return_to).await,
        Err(Failed::Away) => away(),
    };
    // A sign-in is finished once; where nobody could tell, it can be tried again.
    if !is_away {
        // A cookie of this name and value can always be set.
        let _set = answer.add_cookie(&cookies::gone(name));
    }
    answer
}

/// The sign-in that this browser has begun.
fn begun(bff: &Bff, request: &HttpRequest, name: &str) -> Option<SignIn> {
    let sessions = &bff.0.sessions;
    let sealed = cookies::value(request, name)?;
    let sign_in: SignIn = sessions.keys.open(Purpose::SignIn, &sealed)?;
    (sessions.clock.now() < sign_in.until).then_some(sign_in)
}

/// This browser has begun no such sign-in, or has finished it.
async fn unknown(bff: &Bff, request: &HttpRequest, query: &Query) -> HttpResponse {
    let sessions = &bff.0.sessions;
    let state = query
        .state
        .as_deref()
        .filter(|state| cookies::is_random(state));
    let Some(state) = state else {
        return refused();
    };
    let name = Name::of_sign_in(sessions.provider.issuer(), state);
    match sessions.store.is_spent(&name).await {
        Ok(true) => finished(bff, request, "/").await,
        Ok(false) | Err(_) => refused(),
    }
}

/// Whoever is signed in goes on in the app.
async fn finished(bff: &Bff, request: &HttpRequest, return_to: &str) -> HttpResponse {
    if let Some(cookie) = cookies::session(request)
        && bff.0.sessions.life(Key::of_cookie(&cookie)).await == Life::Alive
    {
        return answer::see_other(return_to).finish();
    }
    answer::page(
        StatusCode::BAD_REQUEST,
        "This sign-in was already finished",
        "Go back to the app. If it does not know you, sign in again.",
    )
}

/// The value of the new session's cookie.
async fn finish(bff: &Bff, sign_in: &Arc<SignIn>, query: &Query) -> Result<String, Failed> {
    let provider = &bff.0.sessions.provider;
    let state = query.state.as_deref().unwrap_or_default();
    if !same(state, &sign_in.state) {
        return Err(refuse("the state is that of another sign-in"));
    }
    let metadata = provider.metadata().await.map_err(failed)?;
    // RFC 9207 2.4.
    let is_named = match query.iss.as_deref() {
        Some(issuer) => issuer == provider.issuer(),
        None => !metadata.says_its_name,
    };
    if !is_named {
        return Err(refuse("the answer is of another issuer"));
    }
    if let Some(error) = &query.error {
        return Err(refuse(error));
    }
    let code = query
        .code
        .as_deref()
        .ok_or_else(|| refuse("there is no code"))?;
    let place = provider.sign_in_place().await.map_err(failed)?;
    let (bff, sign_in, code) = (bff.clone(), sign_in.clone(), code.to_owned());
    // To its end, even if the browser goes away: what is noted for it is taken back where nothing comes of it.
    let finishing = tokio::spawn(async move {
        let _place = place;
        once(&bff, &sign_in, &code).await
    });
    finishing.await.unwrap_or(Err(Failed::Away))
}

/// A code that is presented twice ends at the provider what it gave for it. Of all callbacks of a sign-in one presents it.
async fn once(bff: &Bff, sign_in: &SignIn, code: &str) -> Result<String, Failed> {
    let sessions = &bff.0.sessions;
    let name = Name::of_sign_in(sessions.provider.issuer(), &sign_in.state);
    let spent = sessions.store.spend(&name, sign_in.until).await;
    if !spent.map_err(broken)? {
        tracing::info!("a sign-in was finished before");
        return Err(Failed::Finished);
    }
    let done = redeem(bff, sign_in, code).await;
    if done.is_err()
        && let Err(error) = sessions.store.unspend(&name).await
    {
        tracing::warn!(%error, "a sign-in that failed counts as finished");
    }
    done
}

async fn redeem(bff: &Bff, sign_in: &SignIn, code: &str) -> Result<String, Failed> {
    let provider = &bff.0.sessions.provider;
    let exchanged = provider.exchange(code, &sign_in.verifier, &sign_in.nonce);
    let (tokens, id_token) = exchanged.await.map_err(failed)?;
    let userinfo = provider.userinfo(&tokens.access_token, &id_token.sub);
    let userinfo = match userinfo.await {
        Ok(userinfo) => userinfo,
        Err(error @ ProviderError::Wrong(_)) => return Err(failed(error)),
        Err(error) => {
            tracing::warn!(%error, "a user's claims are those of the ID token alone");
            serde_json::Map::new()
        }
    };
    keep(bff, sign_in, tokens, id_token, &userinfo).await
}

/// How long a session waits for its first call, in seconds: a browser that has gone before the answer came has no cookie, and
/// nobody would ever end what it left.
const UNUSED: i64 = 600;

/// Under a key that nobody has known before. The session that the browser had ends first: it takes no place of another
/// browser's.
async fn keep(
    bff: &Bff,
    sign_in: &SignIn,
    tokens: Tokens,
    id_token: IdToken,
    userinfo: &serde_json::Map<String, serde_json::Value>,
) -> Result<String, Failed> {
    let sessions = &bff.0.sessions;
    let (now, issuer) = (sessions.clock.now(), sessions.provider.issuer());
    let lifetimes = &sessions.lifetimes;
    let lasts = if sign_in.remember {
        lifetimes.remembered
    } else {
        lifetimes.session
    };
    let mut claims = of_user(userinfo);
    claims.extend(of_user(&id_token.claims));
    let session = BrowserSession {
        sub: id_token.sub.clone(),
        claims,
        id_token: tokens.id_token.clone().unwrap_or_default(),
        access_until: now + tokens.lasts(),
        access_token: tokens.access_token,
        renewed_at: now,
        refresh_token: tokens.refresh_token,
        ends_at: now + lasts,
        remember: sign_in.remember,
    };
    if let Some(former) = sign_in.former() {
        super::logout::end_here(bff, former).await.map_err(broken)?;
    }
    let cookie = cookies::random(&*sessions.entropy);
    let key = Key::of_cookie(&cookie);
    let row = NewRow {
        sealed: sessions.seal(key, &session).map_err(broken)?,
        subject: Name::of_subject(issuer, &id_token.sub),
        sid: id_token
            .sid
            .as_deref()
            .map(|sid| Name::of_session(issuer, sid)),
        issued_at: id_token.issued_at,
        expires_at: sessions.expiry(&session).min(now + UNUSED),
    };
    let begun = sessions
        .store
        .begin(&key, &row, sessions.most, now)
        .await
        .map_err(broken)?;
    if begun == Begun::HasEnded {
        return Err(refuse("the session was ended at the provider meanwhile"));
    }
    Ok(cookie)
}

fn refuse(why: &str) -> Failed {
    let why: String = why.chars().take(100).collect();
    tracing::info!(why, "a sign-in is refused");
    Failed::Refused
}

fn failed(error: ProviderError) -> Failed {
    tracing::warn!(%error, "a sign-in fails");
    match error {
        ProviderError::Refused | ProviderError::Wrong(_) => Failed::Refused,
        ProviderError::Away(_) | ProviderError::Clock(_) => Failed::Away,
    }
}

fn broken(error: crate::store::StoreError) -> Failed {
    tracing::error!(%error, "a sign-in fails");
    Failed::Away
}

fn refused() -> HttpResponse {
    answer::page(
        StatusCode::BAD_REQUEST,
        "You are not signed in",
        "This sign-in was begun elsewhere, took too long, or was refused.",
    )
}
