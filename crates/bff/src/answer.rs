//! The answers that are the same everywhere.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
};
use serde_json::json;

use crate::cookies;

/// Says that the session is over, so that an app knows it from an API's own 401. The cookie is taken away with it.
pub const SESSION_HEADER: &str = "latchkey-session";

/// Where a sign-in begins.
pub const LOGIN: &str = "/bff/login";

pub fn no_store(status: StatusCode) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    answer
}

fn error(status: StatusCode, code: &str) -> HttpResponse {
    no_store(status).json(json!({ "error": code }))
}

/// There is no session any more.
pub fn session_ended() -> HttpResponse {
    let mut answer = login_required();
    // A cookie of this name and value can always be set.
    let _set = answer.add_cookie(&cookies::gone(cookies::SESSION));
    answer
}

/// There is no session. A cookie is taken away only from whoever sent one: a sign-in in another tab may have set it while
/// this call was under way.
pub fn not_signed_in(request: &HttpRequest) -> HttpResponse {
    if cookies::is_sent(request, cookies::SESSION) {
        return session_ended();
    }
    login_required()
}

fn login_required() -> HttpResponse {
    no_store(StatusCode::UNAUTHORIZED)
        .insert_header((SESSION_HEADER, "ended"))
        .json(json!({ "error": "login_required", "login": LOGIN }))
}

/// Nobody can tell now. The session stays, and the call may be made again.
pub fn unavailable() -> HttpResponse {
    no_store(StatusCode::SERVICE_UNAVAILABLE)
        .insert_header((header::RETRY_AFTER, "1"))
        .json(json!({ "error": "temporarily_unavailable" }))
}

/// No call of the app's own scripts.
pub fn forbidden() -> HttpResponse {
    error(StatusCode::FORBIDDEN, "forbidden")
}

pub fn bad_request() -> HttpResponse {
    error(StatusCode::BAD_REQUEST, "invalid_request")
}

pub fn not_found() -> HttpResponse {
    error(StatusCode::NOT_FOUND, "not_found")
}

pub fn not_allowed() -> HttpResponse {
    error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
}

pub fn too_large() -> HttpResponse {
    error(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large")
}

pub fn too_slow() -> HttpResponse {
    error(StatusCode::REQUEST_TIMEOUT, "request_timeout")
}

/// The API did not answer, or with what cannot be passed on.
pub fn bad_gateway() -> HttpResponse {
    error(StatusCode::BAD_GATEWAY, "bad_gateway")
}

pub fn gateway_timeout() -> HttpResponse {
    error(StatusCode::GATEWAY_TIMEOUT, "gateway_timeout")
}

pub fn see_other(to: &str) -> HttpResponseBuilder {
    let mut answer = no_store(StatusCode::SEE_OTHER);
    answer
        .insert_header((header::LOCATION, to))
        .insert_header((header::REFERRER_POLICY, "no-referrer"));
    answer
}

/// A page of a sentence, for whoever came by a link.
pub fn page(status: StatusCode, title: &str, sentence: &str) -> HttpResponse {
    let policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><h1>{title}</h1><p>{sentence}</p>\
         <p><a href=\"{LOGIN}\">Sign in</a> <a href=\"/\">Back</a></p></html>"
    );
    no_store(status)
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .content_type("text/html; charset=utf-8")
        .body(body)
}
