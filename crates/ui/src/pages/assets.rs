//! The files that pages load.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use latchkey_protocol::Reason;

use crate::state::Ui;

const ASSETS: [(&str, &str, &str); 7] = [
    (
        "latchkey.css",
        "text/css; charset=utf-8",
        include_str!("../../../../templates/assets/latchkey.css"),
    ),
    (
        "console.css",
        "text/css; charset=utf-8",
        include_str!("../../../../templates/assets/console.css"),
    ),
    (
        "reference.css",
        "text/css; charset=utf-8",
        include_str!("../../../../templates/assets/reference.css"),
    ),
    (
        "latchkey.svg",
        "image/svg+xml",
        include_str!("../../../../templates/assets/latchkey.svg"),
    ),
    (
        "form-post.js",
        "text/javascript; charset=utf-8",
        include_str!("../../../../templates/assets/form-post.js"),
    ),
    (
        "once.js",
        "text/javascript; charset=utf-8",
        include_str!("../../../../templates/assets/once.js"),
    ),
    (
        "onward.js",
        "text/javascript; charset=utf-8",
        include_str!("../../../../templates/assets/onward.js"),
    ),
];

/// The marks of other providers: trademarks of theirs, drawn from Simple Icons (CC0) where they have them.
const LOGOS: [(&str, &str); 9] = [
    (
        "upstream-apple.svg",
        include_str!("../../../../templates/assets/upstream/apple.svg"),
    ),
    (
        "upstream-github.svg",
        include_str!("../../../../templates/assets/upstream/github.svg"),
    ),
    (
        "upstream-gitlab.svg",
        include_str!("../../../../templates/assets/upstream/gitlab.svg"),
    ),
    (
        "upstream-google.svg",
        include_str!("../../../../templates/assets/upstream/google.svg"),
    ),
    (
        "upstream-kakao.svg",
        include_str!("../../../../templates/assets/upstream/kakao.svg"),
    ),
    (
        "upstream-latchkey.svg",
        include_str!("../../../../templates/assets/latchkey.svg"),
    ),
    (
        "upstream-microsoft.svg",
        include_str!("../../../../templates/assets/upstream/microsoft.svg"),
    ),
    (
        "upstream-naver.svg",
        include_str!("../../../../templates/assets/upstream/naver.svg"),
    ),
    (
        "upstream-openid.svg",
        include_str!("../../../../templates/assets/upstream/openid.svg"),
    ),
];

pub async fn asset(
    ui: web::Data<Ui>,
    request: HttpRequest,
    name: web::Path<String>,
) -> HttpResponse {
    let logos = LOGOS
        .iter()
        .map(|(known, body)| (*known, "image/svg+xml", *body));
    let mut assets = ASSETS.iter().copied().chain(logos);
    match assets.find(|(known, _, _)| *known == name.as_str()) {
        Some((_, kind, body)) => HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, kind))
            .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(body),
        None => ui.refuse(&request, &Reason::PageUnknown.into()),
    }
}
