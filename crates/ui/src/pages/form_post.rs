//! Pages that post a form by themselves.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
};
use askama::Template;
use latchkey_protocol::client::ReturnTo;

use crate::{
    render::{render, words},
    state::Ui,
    words::Words,
};

#[derive(Template)]
#[template(path = "form-post.html")]
struct FormPostPage<'a> {
    words: Words,
    /// The key of its text.
    title: &'static str,
    base: &'a str,
    action: &'a str,
    pairs: &'a [(&'a str, &'a str)],
}

/// Posts the answer to the client, by itself where scripts run (OAuth 2.0 Form Post Response Mode 2).
pub fn form_post(
    ui: &Ui,
    request: &HttpRequest,
    to: &ReturnTo,
    pairs: &[(&str, &str)],
) -> HttpResponse {
    let (words, action) = (words(request, None), to.redirect_uri());
    render(
        &FormPostPage {
            words,
            title: "form-post-title",
            base: ui.realm(request).issuer.base(),
            action,
            pairs,
        },
        StatusCode::OK,
        true,
    )
}

/// Posts to an address of ours, as [`form_post`] does to the client. The form says where it comes from, which is
/// here: without a referrer its `Origin` would be `null` (Fetch 3.2).
pub fn post_again(
    ui: &Ui,
    request: &HttpRequest,
    action: &str,
    pairs: &[(&str, &str)],
    ui_locales: Option<&str>,
) -> HttpResponse {
    let words = words(request, ui_locales);
    let page = FormPostPage {
        words,
        title: "post-again-title",
        base: ui.realm(request).issuer.base(),
        action,
        pairs,
    };
    let mut response = render(&page, StatusCode::OK, true);
    response.headers_mut().insert(
        header::REFERRER_POLICY,
        header::HeaderValue::from_static("same-origin"),
    );
    response
}
