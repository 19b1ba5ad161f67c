//! A template as an answer: the headers of every page, its language, and how a user is called on it.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
};
use askama::Template;
use latchkey_protocol::user::User;

use crate::{words::Language, words::Words};

/// Renders a page; with `script`, our own scripts may run on it.
pub fn render(page: &impl Template, status: StatusCode, script: bool) -> HttpResponse {
    let policy = if script { WITH_SCRIPT } else { PLAIN };
    answer(page, status, policy)
}

/// Renders a page with a script of ours that shows frames of these origins, and no others.
pub fn render_framing(page: &impl Template, origins: &[String]) -> HttpResponse {
    let policy = format!("{WITH_SCRIPT}; frame-src {}", origins.join(" "));
    answer(page, StatusCode::OK, &policy)
}

fn answer(page: &impl Template, status: StatusCode, policy: &str) -> HttpResponse {
    match page.render() {
        Ok(html) => {
            let mut builder = HttpResponse::build(status);
            page_headers(&mut builder, policy);
            builder.body(html)
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            HttpResponse::InternalServerError().finish()
        }
    }
}

const PLAIN: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";
const WITH_SCRIPT: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What every page carries: nothing runs, or with a script our own files alone; nothing is loaded from elsewhere,
/// nobody frames it, nothing is stored.
///
/// `form-action` is left out: Chromium holds it against the redirects that follow a form, and those lead to the
/// client's address by design. `Cross-Origin-Opener-Policy` is left out too: an app that signs users in in a popup
/// would lose it.
fn page_headers(builder: &mut HttpResponseBuilder, policy: &str) {
    builder
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((
            "Permissions-Policy",
            "camera=(), geolocation=(), microphone=()",
        ))
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"));
}

/// The language of a request.
pub fn words(request: &HttpRequest, ui_locales: Option<&str>) -> Words {
    let accept = request
        .headers()
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|v| v.to_str().ok());
    Words(Language::choose(ui_locales, accept))
}

/// How a user is called on a page.
pub fn display_name(user: &User) -> &str {
    user.name.as_deref().unwrap_or(&user.username)
}
