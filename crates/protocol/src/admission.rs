//! A client that admits fewer users than before, or nobody: its tokens are looked through.

use serde::{Deserialize, Serialize};

use crate::{ClientId, jobs::NewJob, time::Timestamp};

/// What such jobs are called.
pub const KIND: &str = "admissions";

#[derive(Serialize, Deserialize)]
struct Payload {
    client: ClientId,
}

/// The job that looks through what a client was given. One for each change: one that is under way may be past what the next
/// change means.
pub fn job(client: &ClientId, now: Timestamp) -> NewJob {
    let payload = Payload {
        client: client.clone(),
    };
    NewJob {
        kind: KIND,
        unique_key: None,
        payload: serde_json::to_string(&payload).unwrap_or_default(),
        run_at: now,
        created_at: now,
    }
}

/// Whose it is; none where the payload is no such job's.
pub fn client(payload: &str) -> Option<ClientId> {
    let payload: Payload = serde_json::from_str(payload).ok()?;
    Some(payload.client)
}
