//! The page that says what went wrong, in the words of `reason.rs` of the crate `protocol`.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
};
use askama::Template;
use latchkey_protocol::{Params, Reason, attempts};

use crate::{
    render::{render, words},
    state::Ui,
    words::Words,
};

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    words: Words,
    base: &'a str,
    code: &'a str,
    sentence: String,
    reference: &'a str,
    /// The login page that it happened on the way from.
    back: Option<&'a str>,
}

/// A final page: it names the problem and leads nowhere.
pub fn error_page(ui: &Ui, request: &HttpRequest, reason: Reason, reference: &str) -> HttpResponse {
    error_page_before(ui, request, reason, reference, None)
}

/// As [`error_page`], with a link back to the login page.
pub fn error_page_before(
    ui: &Ui,
    request: &HttpRequest,
    reason: Reason,
    reference: &str,
    back: Option<&str>,
) -> HttpResponse {
    let params = Params::parse(request.query_string().as_bytes());
    let words = words(request, params.optional("ui_locales"));
    let refusal = reason.refusal();
    let sentence = sentence(words, reason);
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    let page = ErrorPage {
        words,
        base: ui.realm(request).issuer.base(),
        code: refusal.code.0,
        sentence,
        reference,
        back,
    };
    let mut response = render(&page, status, false);
    match status {
        StatusCode::TOO_MANY_REQUESTS => {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, attempts::WINDOW.into());
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, header::HeaderValue::from_static("2"));
        }
        _ => {}
    }
    response
}

/// What is said of a refusal, in the language of the page.
pub fn sentence(words: Words, reason: Reason) -> String {
    words
        .find(&format!("reason-{}", reason.name()), None)
        .unwrap_or_else(|| reason.refusal().public.to_owned())
}
