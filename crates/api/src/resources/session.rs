//! One session, live or ended: what is known of it.

use latchkey_operations::SessionTrace;
use latchkey_protocol::SessionId;
use schemars::JsonSchema;
use serde::Serialize;

use super::{deliveries::Delivery, sessions::Session};
use crate::{
    answer::Answer,
    asked::Asked,
    problem::{Kind, Problem},
};

/// A client that a session signed its user in to.
#[derive(Serialize, JsonSchema)]
pub struct ClientOfSession {
    /// Its `client_id`.
    client_id: String,
    /// When it first got tokens, in seconds since 1970.
    since: i64,
}

/// All that is known of a session.
#[derive(Serialize, JsonSchema)]
pub struct SessionRecord {
    /// The `sid`.
    id: String,
    /// Null when it has ended.
    session: Option<Session>,
    /// The clients that it signed its user in to.
    clients: Vec<ClientOfSession>,
    /// What these have heard of its end.
    receipts: Vec<Delivery>,
}

/// `GET /sessions/{id}`.
pub async fn show(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let id = SessionId::new(asked.part("id"));
    let trace = asked.operations().session_trace(&id).await?;
    if trace.is_empty() {
        return Err(Problem::new(
            Kind::Missing,
            format!("there is no session {id}"),
        ));
    }
    let SessionTrace {
        session,
        user,
        clients,
        receipts,
        ..
    } = trace;
    Answer::ok(&SessionRecord {
        id: id.into_string(),
        session: session
            .zip(user)
            .map(|(session, user)| Session::new(session, user.username)),
        clients: clients
            .into_iter()
            .map(|client| ClientOfSession {
                client_id: client.client_id.into_string(),
                since: client.since.as_seconds(),
            })
            .collect(),
        receipts: receipts.into_iter().map(Delivery::of).collect(),
    })
}
