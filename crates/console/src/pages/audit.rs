//! The audit log: who did what to whom, the newest first.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_protocol::{
    Params, StoreError, Timestamp,
    audit::AuditOutcome,
    audit_row::{AuditFilter, AuditRow},
    names::Login,
    page::Page,
    uri,
};
use latchkey_ui::{Words, failure::Failure, render::render};

use crate::{
    audit_words::{ACTOR, EVENT, FRONT_END, TARGET, events, said},
    layout::{Frame, Section, cut, utc},
    visit::Visit,
};

/// Entries on a page.
const LIMIT: i64 = 50;
/// Entries beside something else.
const FEW: i64 = 10;

/// An entry as a line of a table.
pub struct Row {
    pub at: String,
    /// As it is stored.
    pub event: String,
    /// In the language of the page, as its actor, front end and kind.
    pub said: String,
    pub by: String,
    pub front_end: String,
    pub of: String,
    pub kind: String,
    pub is_refused: bool,
    pub address: String,
    pub count: i64,
    pub details: String,
}

impl Row {
    pub fn new(words: Words, row: AuditRow) -> Self {
        let either = |name: Option<String>, id: Option<String>| name.or(id).unwrap_or_default();
        Self {
            at: utc(row.at),
            said: said(words, EVENT, &row.event),
            event: row.event,
            by: match either(row.actor_name, row.actor) {
                nobody if nobody.is_empty() => said(words, ACTOR, &row.actor_kind),
                named => named,
            },
            front_end: said(words, FRONT_END, &row.front_end),
            of: either(row.target_name, row.target),
            kind: said(words, TARGET, &row.target_kind.unwrap_or_default()),
            is_refused: row.outcome == AuditOutcome::Refused.name(),
            address: row.address.unwrap_or_default(),
            count: row.count,
            details: Some(row.details).filter(|d| d != "{}").unwrap_or_default(),
        }
    }
}

/// The newest entries to which `filter` applies, beside something else.
///
/// # Errors
/// When storage fails.
pub async fn newest(visit: &Visit<'_>, filter: &AuditFilter) -> Result<Vec<Row>, StoreError> {
    let page = Page::first(FEW);
    let rows = visit.ui().store.audit_entries(filter, &page).await?;
    let words = visit.arrival.words();
    Ok(rows.into_iter().map(|row| Row::new(words, row)).collect())
}

#[derive(Template)]
#[template(path = "console/audit.html")]
struct Audit<'a> {
    frame: Frame<'a>,
    event: &'a str,
    /// What can be asked for, in groups.
    events: [(&'static str, Vec<(&'static str, String)>); 2],
    user: &'a str,
    outcome: &'a str,
    rows: Vec<Row>,
    is_first: bool,
    next: Option<String>,
}

impl Audit<'_> {
    /// An event that is none of this version's.
    fn is_foreign(&self) -> bool {
        let mut known = self.events.iter().flat_map(|(_, events)| events);
        !self.event.is_empty() && !known.any(|(name, _)| *name == self.event)
    }
}

/// Where a page goes on: a moment and an id. What is none begins at the beginning.
fn after(query: &Params) -> Option<(Timestamp, i64)> {
    let (at, id) = query.optional("after")?.split_once('.')?;
    Some((Timestamp::from_seconds(at.parse().ok()?), id.parse().ok()?))
}

/// The user whom a name or an address names; else it is taken for a subject, perhaps of somebody who was deleted.
async fn subject(visit: &Visit<'_>, typed: &str) -> Result<Option<String>, StoreError> {
    if typed.is_empty() {
        return Ok(None);
    }
    let found = visit.ui().store.user_by_login(&Login::new(typed)).await?;
    Ok(Some(
        found.map_or(typed.to_owned(), |user| user.id.to_string()),
    ))
}

/// `GET /admin/audit`.
pub async fn list(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let query = visit.arrival.query();
    query.sound()?;
    let typed = |name| query.optional(name).unwrap_or_default().trim();
    let (event, user, outcome) = (typed("event"), typed("user"), typed("outcome"));
    let filter = AuditFilter {
        event: Some(event.to_owned()).filter(|event| !event.is_empty()),
        user: subject(visit, user).await?,
        outcome: AuditOutcome::from_name(outcome),
        ..AuditFilter::default()
    };
    let after = after(&query);
    let is_first = after.is_none();
    let page = Page {
        after,
        // One more than is shown says whether there is a next page.
        limit: LIMIT + 1,
    };
    let mut rows = visit.ui().store.audit_entries(&filter, &page).await?;
    let goes_on = cut(&mut rows, LIMIT);
    let next = rows.last().filter(|_| goes_on).map(|last| {
        let after = format!("{}.{}", last.at.as_seconds(), last.id);
        let asked = [("event", event), ("user", user), ("outcome", outcome)];
        let asked = asked.into_iter().filter(|(_, value)| !value.is_empty());
        let query: Vec<_> = asked.chain([("after", after.as_str())]).collect();
        uri::with_query(&format!("{}/admin/audit", visit.arrival.base()), &query)
    });
    let words = visit.arrival.words();
    let page = Audit {
        frame: Frame::new(visit, Section::Audit),
        event,
        user,
        outcome,
        events: events(words),
        rows: rows.into_iter().map(|row| Row::new(words, row)).collect(),
        is_first,
        next,
    };
    Ok(render(&page, StatusCode::OK, false))
}
