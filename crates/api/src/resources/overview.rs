//! The figures of the overview: how much happened lately.

use latchkey_protocol::{
    overview::{self, Period},
    tally::Counted,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{answer::Answer, asked::Asked, problem::Problem};

/// How much happened in a part of the period.
#[derive(Serialize, JsonSchema)]
pub struct OverviewSpan {
    /// When it began, in seconds since 1970. It ends where the next one begins.
    begin: i64,
    /// Users who signed in.
    sign_ins: i64,
    /// Attempts to sign in that failed or were refused.
    failed_sign_ins: i64,
    /// Answers of the token endpoint with an access token.
    tokens: i64,
    /// The most sessions that lived at a time, as they were counted each minute.
    sessions: i64,
}

/// Sign-ins and failures, tokens and sessions.
#[derive(Serialize, JsonSchema)]
pub struct Overview {
    /// `day`, `week` or `month`: 24 hours, 7 or 30 days.
    period: String,
    /// Sessions that live, as they were last counted: each minute.
    active_sessions: i64,
    /// Users who signed in within the period.
    sign_ins: i64,
    /// Attempts to sign in that failed or were refused within the period.
    failed_sign_ins: i64,
    /// Answers of the token endpoint with an access token within the period.
    tokens: i64,
    /// The parts of the period, of an hour, 6 hours or a day each (UTC), the oldest first; the last is not over yet.
    spans: Vec<OverviewSpan>,
}

impl OverviewSpan {
    fn of(span: &overview::Span) -> Self {
        Self {
            begin: span.begin.as_seconds(),
            sign_ins: span.count(Counted::SignIns),
            failed_sign_ins: span.count(Counted::FailedSignIns),
            tokens: span.count(Counted::Tokens),
            sessions: span.count(Counted::Sessions),
        }
    }
}

/// `GET /overview`.
pub async fn show(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let period = asked.read("period", "day, week or month", Period::from_name)?;
    let period = period.unwrap_or(Period::Day);
    let seen = asked.operations().overview(period, &asked.ui.tally).await?;
    Answer::ok(&Overview {
        period: period.name().to_owned(),
        active_sessions: seen.active_sessions,
        sign_ins: seen.sum(Counted::SignIns),
        failed_sign_ins: seen.sum(Counted::FailedSignIns),
        tokens: seen.sum(Counted::Tokens),
        spans: seen.spans.iter().map(OverviewSpan::of).collect(),
    })
}
