//! The requests that were refused, the newest first.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_protocol::{
    Params, Reason, Timestamp,
    observe::{KeptRefusal, RefusalFilter},
    page::Page,
    uri,
};
use latchkey_ui::{failure::Failure, render::render};

use super::refusal;
use crate::{
    layout::{Frame, Section, cut, utc},
    visit::Visit,
};

/// Refusals on a page.
const LIMIT: i64 = 50;
/// How far a list goes back, in seconds, by the words of the filter.
const SPANS: [(&str, i64); 3] = [("hour", 3600), ("six-hours", 6 * 3600), ("day", 86_400)];

struct Row {
    reference: String,
    reason: String,
    said: String,
    endpoint: String,
    client: String,
    at: String,
}

impl Row {
    fn new(visit: &Visit<'_>, kept: KeptRefusal) -> Self {
        Self {
            said: refusal::said(visit.arrival.words(), &kept.reason),
            reference: kept.reference,
            reason: kept.reason,
            endpoint: kept.endpoint,
            client: kept.client_id.unwrap_or_default(),
            at: utc(kept.at),
        }
    }
}

/// What is asked for, as it was typed.
struct Asked<'a> {
    reason: &'a str,
    client: &'a str,
    /// One of [`SPANS`]; what is none asks for all.
    within: &'a str,
}

impl<'a> Asked<'a> {
    fn new(query: &'a Params) -> Self {
        let typed = |name| query.optional(name).unwrap_or_default().trim();
        Self {
            reason: typed("reason"),
            client: typed("client"),
            within: typed("within"),
        }
    }

    fn filter(&self, now: Timestamp) -> RefusalFilter {
        let named = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let span = SPANS.iter().find(|(name, _)| *name == self.within);
        RefusalFilter {
            client_id: named(self.client),
            reason: named(self.reason),
            since: span.map(|(_, seconds)| now - *seconds),
            until: None,
        }
    }

    /// The same list, from its beginning or after a place.
    fn same(&self, base: &str, after: Option<&str>) -> String {
        let asked = [
            ("reason", self.reason),
            ("client", self.client),
            ("within", self.within),
        ];
        let asked = asked.into_iter().filter(|(_, value)| !value.is_empty());
        let query: Vec<_> = asked.chain(after.map(|after| ("after", after))).collect();
        uri::with_query(&format!("{base}/admin/refusals"), &query)
    }
}

#[derive(Template)]
#[template(path = "console/refusals.html")]
struct Refusals<'a> {
    frame: Frame<'a>,
    asked: &'a Asked<'a>,
    spans: [(&'static str, i64); 3],
    /// Every reason that there can be, for the field that filters by it.
    reasons: &'static [Reason],
    rows: Vec<Row>,
    is_first: bool,
    /// The first page of the same list.
    first: String,
    next: Option<String>,
}

/// Where a page goes on: a moment and a reference. What is none begins at the beginning.
fn after(query: &Params) -> Option<(Timestamp, String)> {
    let (at, reference) = query.optional("after")?.split_once('.')?;
    let at = Timestamp::from_seconds(at.parse().ok()?);
    Some((at, reference.to_owned()))
}

/// `GET /admin/refusals`.
pub async fn list(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let query = visit.arrival.query();
    query.sound()?;
    let pasted = query.optional("reference").unwrap_or_default().trim();
    if !pasted.is_empty() {
        return refusal::explain(visit, pasted).await;
    }
    let asked = Asked::new(&query);
    let after = after(&query);
    let is_first = after.is_none();
    let page = Page {
        after,
        // One more than is shown says whether there is a next page.
        limit: LIMIT + 1,
    };
    let filter = asked.filter(visit.now());
    let mut kept = visit.ui().store.refusals(&filter, &page).await?;
    let goes_on = cut(&mut kept, LIMIT);
    let base = visit.arrival.base();
    let last = kept.last().filter(|_| goes_on);
    let next = last.map(|last| format!("{}.{}", last.at.as_seconds(), last.reference));
    let page = Refusals {
        frame: Frame::new(visit, Section::Refusals),
        asked: &asked,
        spans: SPANS,
        reasons: Reason::ALL,
        rows: kept.into_iter().map(|kept| Row::new(visit, kept)).collect(),
        is_first,
        first: asked.same(base, None),
        next: next.map(|after| asked.same(base, Some(&after))),
    };
    Ok(render(&page, StatusCode::OK, false))
}
