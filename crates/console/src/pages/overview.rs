//! The first page.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_ui::{failure::Failure, render::render};

use crate::{
    layout::{Frame, Section},
    visit::Visit,
};

#[derive(Template)]
#[template(path = "console/overview.html")]
struct Overview<'a> {
    frame: Frame<'a>,
    issuer: &'a str,
}

/// `GET /admin`.
pub async fn show(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let page = Overview {
        frame: Frame::new(visit, Section::Overview),
        issuer: &visit.call().realm.issuer,
    };
    Ok(render(&page, StatusCode::OK, false))
}
