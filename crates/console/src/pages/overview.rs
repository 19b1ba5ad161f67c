//! The first page.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_protocol::Issuer;
use latchkey_protocol::audit_row::AuditFilter;
use latchkey_ui::{failure::Failure, render::render};

use super::audit::{Row, newest};
use crate::{
    layout::{Frame, Section},
    visit::Visit,
};

#[derive(Template)]
#[template(path = "console/overview.html")]
struct Overview<'a> {
    frame: Frame<'a>,
    issuer: &'a Issuer,
    rows: Vec<Row>,
}

/// `GET /admin`.
pub async fn show(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let page = Overview {
        frame: Frame::new(visit, Section::Overview),
        issuer: &visit.call().realm.issuer,
        rows: newest(visit, &AuditFilter::default()).await?,
    };
    Ok(render(&page, StatusCode::OK, false))
}
