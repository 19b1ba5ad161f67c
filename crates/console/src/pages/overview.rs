//! The first page: how much happened lately, and what happened last.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_protocol::{
    Issuer,
    audit_row::AuditFilter,
    tally::{Counted, HourlyCount},
};
use latchkey_ui::{failure::Failure, render::render};

use super::audit::{Row, newest};
use crate::{
    chart::{Chart, Period, Series},
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

/// What this process has counted since the last minute is there at once.
fn series(visit: &Visit<'_>, period: Period, counts: &[HourlyCount]) -> Series {
    let mut series = Series::new(period, counts, visit.now());
    for what in Counted::ALL {
        series.add(what, visit.ui().tally.so_far(what));
    }
    series
}

fn charts(series: &Series) -> [Chart; 3] {
    let signed_in = [(Counted::SignIns, "ok"), (Counted::FailedSignIns, "no")];
    [
        Chart::new("sign-ins", "console-chart-sign-ins", series, &signed_in),
        Chart::new(
            "tokens",
            "console-chart-tokens",
            series,
            &[(Counted::Tokens, "ok")],
        ),
        Chart::new(
            "sessions",
            "console-chart-sessions",
            series,
            &[(Counted::Sessions, "ok")],
        ),
    ]
}

/// `GET /admin`.
pub async fn show(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let query = visit.arrival.query();
    let period = query.optional("period").and_then(Period::from_name);
    let period = period.unwrap_or(Period::Day);
    let store = &visit.ui().store;
    let counts = store.hourly_counts(period.begin(visit.now())).await?;
    let sessions = counts.iter().rfind(|c| c.what == Counted::Sessions);
    let sessions = sessions.map_or(0, |counted| counted.count);
    let series = series(visit, period, &counts);
    let sum = |what| number(series.sum(what));
    let page = Overview {
        frame: Frame::new(visit, Section::Overview),
        issuer: &visit.call().realm.issuer,
        period,
        periods: Period::ALL,
        tiles: [
            (
                "console-count-sessions",
                number(sessions),
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
        charts: charts(&series),
        rows: newest(visit, &AuditFilter::default()).await?,
    };
    Ok(render(&page, StatusCode::OK, false))
}
