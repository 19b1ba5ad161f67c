//! `GET /bff/user`: who is signed in, in decoded claims. Never a token.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde_json::json;

use crate::{
    Bff, answer, cookies, guard,
    renew::{Outcome, Ready},
    store::Key,
};

pub async fn user(bff: web::Data<Bff>, request: HttpRequest) -> HttpResponse {
    let origin = &bff.0.settings.origin;
    if !guard::is_own_call(request.method(), request.headers(), origin) {
        return answer::forbidden();
    }
    let Some(cookie) = cookies::session(&request) else {
        return answer::not_signed_in(&request);
    };
    match bff.0.sessions.for_call(Key::of_cookie(&cookie)).await {
        Outcome::Ready(found) => shown(&found),
        Outcome::Ended => answer::session_ended(),
        Outcome::Away => answer::unavailable(),
    }
}

fn shown(found: &Ready) -> HttpResponse {
    let session = &found.session;
    let mut claims = session.claims.clone();
    claims.insert("sub".into(), json!(session.sub));
    claims.insert("session_ends_at".into(), json!(session.ends_at));
    answer::no_store(StatusCode::OK).json(claims)
}
