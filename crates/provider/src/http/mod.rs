//! What all endpoints share of HTTP: forms in, JSON out, cross-origin calls.

use std::sync::LazyLock;

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder, Resource,
    http::{StatusCode, header},
    web,
};
use latchkey_protocol::{
    Params, Reason, attempts, client_auth::tried_basic, error::Refusal, observe::Observation,
    reason::RefusalText,
};
use serde::Serialize;

use crate::state::Provider;

/// A resource that browsers of other origins may call, and that names the methods it does not answer.
pub fn resource(path: &str) -> Resource {
    web::resource(path)
        .route(web::method(actix_web::http::Method::OPTIONS).to(preflight))
        .default_service(web::to(method_not_allowed))
}

async fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header(("Access-Control-Allow-Origin", "*"))
        .insert_header(("Access-Control-Allow-Methods", "GET, POST"))
        .insert_header((
            "Access-Control-Allow-Headers",
            "Authorization, Content-Type, If-None-Match, Prefer",
        ))
        .insert_header(("Access-Control-Max-Age", "86400"))
        .finish()
}

async fn method_not_allowed() -> HttpResponse {
    refused(Reason::MethodNotAllowed)
}

/// A refusal of which nothing is kept: anybody can have it, as often as they like.
pub fn refused(reason: Reason) -> HttpResponse {
    refused_by(reason, |_| {})
}

/// As [`refused`], of what may go well in a moment (RFC 9110 15.6.4).
pub fn refused_for_now(reason: Reason) -> HttpResponse {
    refused_by(reason, |answer| {
        answer.insert_header((header::RETRY_AFTER, header::HeaderValue::from_static("2")));
    })
}

fn refused_by(reason: Reason, more: impl FnOnce(&mut HttpResponseBuilder)) -> HttpResponse {
    let refusal = reason.refusal();
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    let body = serde_json::json!({ "error": refusal.code.0, "error_description": refusal.public });
    let mut builder = answer(status);
    more(&mut builder);
    builder.json(body)
}

/// The start of every answer that is not cached (RFC 6749 5.1).
pub fn answer(status: StatusCode) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(status);
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::PRAGMA, "no-cache"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "WWW-Authenticate"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        builder.insert_header((name, header::HeaderValue::from_static(value)));
    }
    builder
}

pub fn json(body: &impl Serialize) -> HttpResponse {
    answer(StatusCode::OK).json(body)
}

/// Reads a form whose parameters are still to be proven sound.
///
/// # Errors
/// [`Reason::ContentTypeWrong`].
pub fn params(request: &HttpRequest, body: &[u8]) -> Result<Params, Refusal> {
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    let media = content_type.split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(
            Reason::ContentTypeWrong.because("application/x-www-form-urlencoded", content_type)
        );
    }
    Ok(Params::parse(body))
}

/// Reads a form (RFC 6749 3.2): each parameter readable and once.
///
/// # Errors
/// [`Reason::ContentTypeWrong`], [`Reason::ParameterRepeated`], [`Reason::ParameterMalformed`].
pub fn form(request: &HttpRequest, body: &[u8]) -> Result<Params, Refusal> {
    let params = params(request, body)?;
    params.sound()?;
    Ok(params)
}

/// A challenge that explains itself (RFC 9110 11.6.1, RFC 6750 3), for callers that look at nothing else.
pub fn challenge(scheme: &str, refusal: &RefusalText, reference: &str) -> String {
    format!(
        "{scheme} realm=\"latchkey\", error=\"{}\", error_description=\"{}\", error_ref=\"{reference}\"",
        refusal.code.0, refusal.public
    )
}

/// An OAuth error as JSON (RFC 6749 5.2), with our reference.
pub fn refusal(provider: &Provider, request: &HttpRequest, refused: &Refusal) -> HttpResponse {
    let reference = provider.ui.note(request, refused);
    let refusal = refused.reason.refusal();
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut builder = answer(status);
    let authorization = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok());
    if status == StatusCode::UNAUTHORIZED && authorization.is_some_and(tried_basic) {
        builder.insert_header((
            header::WWW_AUTHENTICATE,
            challenge("Basic", &refusal, &reference),
        ));
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        builder.insert_header((header::RETRY_AFTER, attempts::WINDOW));
    }
    builder.json(serde_json::json!({
        "error": refusal.code.0,
        "error_description": refusal.public,
        "error_ref": reference,
    }))
}

/// What [`Reason::Busy`] says, made once.
static BUSY: LazyLock<String> = LazyLock::new(|| {
    let refusal = Reason::Busy.refusal();
    serde_json::json!({ "error": refusal.code.0, "error_description": refusal.public }).to_string()
});

/// Too much is waiting (RFC 9110 15.6.4). It comes in floods: nothing is kept of it, and the log counts it.
pub fn busy(request: &HttpRequest) -> HttpResponse {
    if let Some(observed) = request.extensions_mut().get_mut::<Observation>() {
        observed.refused = Some((Reason::Busy, String::new()));
    }
    answer(StatusCode::SERVICE_UNAVAILABLE)
        .insert_header((header::RETRY_AFTER, header::HeaderValue::from_static("1")))
        .insert_header((
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/json"),
        ))
        .body(BUSY.as_str())
}
