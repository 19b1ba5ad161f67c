//! All sessions, or all of a client: the question with their number, and how far it is.

use actix_web::HttpResponse;
use latchkey_operations::OperationError;
use latchkey_protocol::{
    ClientId, Timestamp,
    bulk_end::{BulkEnd, SessionCount},
};
use latchkey_ui::failure::Failure;

use super::{
    client::named,
    confirm::{self, Question},
    problem::refusal,
};
use crate::{
    address,
    layout::{Section, number, utc},
    shell::word,
    visit::Visit,
};

/// How long after it began the page of sessions asks by itself how far it is, in seconds.
const WATCHED: i64 = 600;

/// An end of many sessions, as a line of a table.
pub struct BulkRow {
    /// Empty: of everyone.
    pub client: String,
    pub begun: String,
    pub ended: String,
    pub is_done: bool,
}

impl BulkRow {
    pub fn new(end: BulkEnd) -> Self {
        Self {
            client: end.client_id.map(ClientId::into_string).unwrap_or_default(),
            begun: utc(end.begun_at),
            ended: number(end.ended),
            is_done: end.done_at.is_some(),
        }
    }
}

/// Whether one is under way that began a moment ago.
pub fn is_watched(ends: &[BulkEnd], now: Timestamp) -> bool {
    let runs = |end: &BulkEnd| end.done_at.is_none() && now - end.begun_at < WATCHED;
    ends.iter().any(runs)
}

async fn count(visit: &Visit<'_>, client: Option<&ClientId>) -> Result<String, Failure> {
    let count = visit.operations().count_sessions(client).await;
    Ok(match count.map_err(Failure::broken)? {
        SessionCount::Exactly(count) => number(count),
        SessionCount::AtLeast(count) => {
            let words = visit.arrival.words();
            words.say_with("console-at-least", "count", &number(count))
        }
    })
}

/// Title, text and command of an end.
fn texts(client: Option<&ClientId>) -> (&'static str, &'static str, String) {
    match client {
        Some(id) => {
            let command = format!("latchkey session end --client {}", word(id));
            (
                "console-end-client-title",
                "console-end-client-text",
                command,
            )
        }
        None => {
            let command = "latchkey session end --all".to_owned();
            (
                "console-end-everyone-title",
                "console-end-everyone-text",
                command,
            )
        }
    }
}

/// Asks, with how many sessions it is about.
async fn question(
    visit: &Visit<'_>,
    client: Option<&ClientId>,
    problem: Option<String>,
) -> Result<HttpResponse, Failure> {
    let count = count(visit, client).await?;
    let (title, text, command) = texts(client);
    let back = client.map(|id| address::of_client(id));
    let asked = Question {
        title,
        text: &visit.arrival.words().say_with(text, "count", &count),
        whom: client.map(ClientId::as_str).unwrap_or_default(),
        press: "console-end-many",
        is_dangerous: true,
        back: back.as_deref().unwrap_or("/admin/sessions"),
        command,
        problem,
        section: Section::Sessions,
    };
    Ok(confirm::page(visit, &asked))
}

async fn begun(
    visit: &Visit<'_>,
    client: Option<&ClientId>,
    begun: Result<BulkEnd, OperationError>,
) -> Result<HttpResponse, Failure> {
    match begun {
        Ok(_) => Ok(visit.arrival.go("/admin/sessions?done=many-end")),
        Err(error) => question(visit, client, Some(refusal(visit, error)?)).await,
    }
}

/// `GET /admin/sessions/end-all`.
pub async fn ask_all(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    question(visit, None, None).await
}

/// `POST /admin/sessions/end-all`.
pub async fn all(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let done = visit.operations().end_all_sessions().await;
    begun(visit, None, done).await
}

/// `GET /admin/clients/{id}/end-sessions`.
pub async fn ask_client(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let id = named(visit).await?.id;
    question(visit, Some(&id), None).await
}

/// `POST /admin/clients/{id}/end-sessions`.
pub async fn client(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let id = named(visit).await?.id;
    let done = visit.operations().end_client_sessions(&id, None).await;
    begun(visit, Some(&id), done).await
}
