//! The end of all sessions, or of all sessions of a client.

use latchkey_protocol::{Timestamp, bulk_end::BulkEnd};
use schemars::JsonSchema;
use serde::Serialize;

use super::clients;
use crate::{answer::Answer, asked::Asked, condition::as_read, problem::Problem};

/// The end of many sessions. It counts from its beginning; the sessions themselves are ended one after another.
#[derive(Serialize, JsonSchema)]
pub struct EndOfSessions {
    /// Its number; later ones are higher.
    id: i64,
    /// The client whose sessions end; null: all there are.
    client_id: Option<String>,
    /// When it began, in seconds since 1970. What began later is not meant.
    begun_at: i64,
    /// How many sessions it has ended so far.
    ended: i64,
    /// When all of them had ended; null while it is under way.
    done_at: Option<i64>,
}

impl EndOfSessions {
    fn of(end: BulkEnd) -> Self {
        Self {
            id: end.id,
            client_id: end.client_id.map(|id| id.into_string()),
            begun_at: end.begun_at.as_seconds(),
            ended: end.ended,
            done_at: end.done_at.map(Timestamp::as_seconds),
        }
    }
}

/// Ends of many sessions.
#[derive(Serialize, JsonSchema)]
pub struct EndsOfSessions {
    /// The newest first.
    items: Vec<EndOfSessions>,
}

/// `GET /sessions/ends`.
pub async fn list(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let ends = asked.operations().bulk_ends().await?;
    Answer::ok(&EndsOfSessions {
        items: ends.into_iter().map(EndOfSessions::of).collect(),
    })
}

/// `POST /sessions/end-all`.
pub async fn all(asked: &Asked<'_>) -> Result<Answer, Problem> {
    asked.no_input()?;
    let begun = asked.operations().end_all_sessions().await?;
    Answer::ok(&EndOfSessions::of(begun))
}

/// `POST /clients/{client_id}/end-sessions`.
pub async fn of_client(asked: &Asked<'_>) -> Result<Answer, Problem> {
    asked.no_input()?;
    let operations = asked.operations();
    as_read(async || {
        let client = operations.client(&asked.client_id()).await?;
        let is_seen = asked.matched_if_sent(&clients::etag(&client))?;
        let version = is_seen.then_some(client.version);
        let begun = operations.end_client_sessions(&client.id, version).await?;
        Answer::ok(&EndOfSessions::of(begun))
    })
    .await
}
