//! The first page: how much happened lately, and what happened last.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_protocol::{
    Issuer,
    audit_row::AuditFilter,
    overview::{Overview as Seen, Period},
    tally::Counted,
};
use latchkey_ui::{failure::Failure, render::render};

use super::audit::{Row, newest};
use crate::{
    chart::Chart,
    layout::{Frame, Section, number},
    visit::Visit,
};

#[derive(Template)]
#[template(path = "console/overview.html")]
struct Overview<'a> {
    frame: Frame<'a>,
    issuer: &'a Issuer,
    period: Period,
    periods: [Period; 3],
    /// Words by their ids, how much, and where there is more about it.
    tiles: [(&'static str, String, &'static str); 4],
    charts: [Chart; 3],
    rows: Vec<Row>,
}

fn charts(seen: &Seen) -> [Chart; 3] {
    let signed_in = [(Counted::SignIns, "ok"), (Counted::FailedSignIns, "no")];
    [
        Chart::new("sign-ins", "console-chart-sign-ins", seen, &signed_in),
        Chart::new(
            "tokens",
            "console-chart-tokens",
            seen,
            &[(Counted::Tokens, "ok")],
        ),
        Chart::new(
            "sessions",
            "console-chart-sessions",
            seen,
            &[(Counted::Sessions, "ok")],
        ),
    ]
}

/// `GET /admin`.
pub async fn show(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let query = visit.arrival.query();
    let period = query.optional("period").and_then(Period::from_name);
    let period = period.unwrap_or(Period::Day);
    let seen = visit.operations().overview(period, &visit.ui().tally).await;
    let seen = seen.map_err(Failure::broken)?;
    let sum = |what| number(seen.sum(what));
    let page = Overview {
        frame: Frame::new(visit, Section::Overview),
        issuer: &visit.call().realm.issuer,
        period,
        periods: Period::ALL,
        tiles: [
            (
                "console-count-sessions",
                number(seen.active_sessions),
                "/admin/sessions",
            ),
            (
                "console-count-sign-ins",
                sum(Counted::SignIns),
                "/admin/audit?event=signed+in",
            ),
            (
                "console-count-failed-sign-ins",
                sum(Counted::FailedSignIns),
                "/admin/audit?outcome=refused",
            ),
            (
                "console-count-tokens",
                sum(Counted::Tokens),
                "/admin/clients",
            ),
        ],
        charts: charts(&seen),
        rows: newest(visit, &AuditFilter::default()).await?,
    };
    Ok(render(&page, StatusCode::OK, false))
}
