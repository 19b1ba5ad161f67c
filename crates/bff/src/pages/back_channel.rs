//! `POST /bff/backchannel-logout`: the provider says that a session has ended (Back-Channel Logout 1.0 2.5).

use std::time::Duration;

use actix_web::{HttpResponse, http::StatusCode, web};
use latchkey_protocol::received_logout::{MARGIN, ReceivedLogout};
use serde_json::json;
use url::form_urlencoded;

use crate::{
    Bff, answer,
    provider::ProviderError,
    store::{Name, NamedEnd, NamedEnded},
};

/// The largest body, in bytes.
const LARGEST: usize = 64 * 1024;
/// How long it may take: strangers can send one.
const PATIENCE: Duration = Duration::from_secs(10);

/// 2.8. A token that came before has done its work: the provider may not have heard the answer, and hears 200 again.
pub async fn told(bff: web::Data<Bff>, payload: web::Payload) -> HttpResponse {
    let read = tokio::time::timeout(PATIENCE, payload.to_bytes_limited(LARGEST)).await;
    let Ok(Ok(Ok(body))) = read else {
        return refused("the body is too long, or too slow");
    };
    // Two would be one for each reader.
    let mut tokens = form_urlencoded::parse(&body).filter(|(name, _)| name == "logout_token");
    let (Some((_, token)), None) = (tokens.next(), tokens.next()) else {
        return refused("there is no logout token, or there are two");
    };
    let token = match bff.0.sessions.provider.logout_token(&token).await {
        Ok(token) => token,
        Err(ProviderError::Away(why)) => {
            tracing::warn!(why, "a logout token cannot be judged");
            return answer::unavailable();
        }
        Err(ProviderError::Clock(why)) => {
            tracing::error!(why, "a logout token cannot be judged");
            return answer::unavailable();
        }
        Err(error) => return refused(&error.to_string()),
    };
    let Some(end) = named(&token, bff.0.sessions.provider.issuer()) else {
        return refused("it names nobody");
    };
    match bff.0.sessions.store.end_named(&end).await {
        Ok(NamedEnded::Sessions(count)) => {
            tracing::info!(count, "sessions were ended by the provider");
            answer::no_store(StatusCode::OK).finish()
        }
        Ok(NamedEnded::Again) => answer::no_store(StatusCode::OK).finish(),
        Err(error) => {
            tracing::error!(%error, "a logout token was not acted upon");
            answer::unavailable()
        }
    }
}

/// The session that it names; all of the user where it names none.
fn named(token: &ReceivedLogout, issuer: &str) -> Option<NamedEnd> {
    let by_sid = token.sid.as_deref();
    let by_sid = by_sid.map(|sid| Name::of_session(issuer, sid));
    let by_sub = token.sub.as_deref();
    let by_sub = by_sub.map(|sub| Name::of_subject(issuer, sub));
    Some(NamedEnd {
        name: by_sid.or(by_sub)?,
        at: token.iat,
        jti: Name::of_logout_token(issuer, &token.jti),
        jti_until: token.exp + MARGIN,
    })
}

fn refused(why: &str) -> HttpResponse {
    tracing::warn!(why, "a logout token is refused");
    answer::no_store(StatusCode::BAD_REQUEST).json(json!({ "error": "invalid_request" }))
}
