use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_protocol::client::ReturnTo;

use super::render;
use crate::{Ui, Words, headers::words};

#[derive(Template)]
#[template(path = "form-post.html")]
struct FormPostPage<'a> {
    words: Words,
    base: &'a str,
    action: &'a str,
    pairs: &'a [(&'a str, &'a str)],
}

/// Posts the answer to the client, by itself where scripts run (OAuth 2.0 Form Post Response Mode 2).
pub fn form_post(ui: &Ui, request: &HttpRequest, to: &ReturnTo, pairs: &[(&str, &str)]) -> HttpResponse {
    let words = words(request, None);
    render(&FormPostPage { words, base: &ui.base, action: to.redirect_uri(), pairs }, StatusCode::OK, true)
}
