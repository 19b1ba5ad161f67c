//! `latchkey overview`.

use anyhow::Result;
use latchkey_protocol::{
    overview::{Overview, Period, Span},
    tally::{Counted, Tally},
};
use serde_json::{Value, json};

use super::{
    at::At,
    print::{print_table, say, utc},
};

/// What servers have counted and not yet added up, at most a minute of it, is not known here.
pub async fn show(at: At, period: String, json: bool) -> Result<()> {
    let period = Period::from_name(&period).unwrap_or(Period::Day);
    let seen = at.operations().overview(period, &Tally::default()).await?;
    if json {
        say!("{}", shown(&seen));
        return Ok(());
    }
    say!("active sessions  {}", seen.active_sessions);
    say!("sign-ins         {}", seen.sum(Counted::SignIns));
    say!("failed sign-ins  {}", seen.sum(Counted::FailedSignIns));
    say!("tokens issued    {}", seen.sum(Counted::Tokens));
    say!("");
    print_table(
        &["FROM", "SIGN-INS", "FAILED", "TOKENS", "SESSIONS"],
        &seen.spans.iter().map(row).collect::<Vec<_>>(),
    );
    Ok(())
}

/// With the names of the administration API.
fn shown(seen: &Overview) -> Value {
    let span = |span: &Span| {
        json!({
            "begin": span.begin, "sign_ins": span.count(Counted::SignIns),
            "failed_sign_ins": span.count(Counted::FailedSignIns), "tokens": span.count(Counted::Tokens),
            "sessions": span.count(Counted::Sessions),
        })
    };
    json!({
        "period": seen.period.name(), "active_sessions": seen.active_sessions, "sign_ins": seen.sum(Counted::SignIns),
        "failed_sign_ins": seen.sum(Counted::FailedSignIns), "tokens": seen.sum(Counted::Tokens),
        "spans": seen.spans.iter().map(span).collect::<Vec<_>>(),
    })
}

fn row(span: &Span) -> Vec<String> {
    let of = |what| span.count(what).to_string();
    vec![
        utc(span.begin),
        of(Counted::SignIns),
        of(Counted::FailedSignIns),
        of(Counted::Tokens),
        of(Counted::Sessions),
    ]
}
