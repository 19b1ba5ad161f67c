//! Ends of all sessions, and of all sessions of a client.

use latchkey_protocol::{
    ClientId,
    audit::TargetKind,
    bounds,
    bulk_end::{BulkEnd, SessionCount},
    deliveries::GivenUp,
};
use serde_json::Value;

use crate::{Operation, OperationError, Operations, Result};

/// Sessions that one step ends: what it holds meanwhile, others wait for.
const AT_ONCE: i64 = 200;
/// For so long it is shown that one is over, in seconds.
const SHOWN_FOR: i64 = 3600;
/// So many sessions are counted one by one.
const COUNTED: i64 = 10_000;
/// While so many logout tokens wait, no more sessions are ended: what is beyond [`bounds::WAITING_DELIVERIES`] would be dead
/// letters. It counts as ended all the same.
pub const WAITING_AT_MOST: i64 = bounds::WAITING_DELIVERIES / 10 * 9;
/// Logout tokens that are given up in a transaction: what it holds meanwhile, others wait for. And how often, before it is
/// looked again: together more than the pieces between two looks add.
const GIVEN_UP_AT_ONCE: i64 = 5000;
const GIVEN_UP_TIMES: usize = 10;
/// What waits for a client is given up only where that is more than this part of what may wait.
const SHARES: i64 = 10;
/// Pieces of an end between two looks at that: they add far less than the tenth that is left.
pub const PIECES: usize = 10;

impl Operations<'_> {
    /// Ends all sessions and everything that was allowed to any client. It counts at once; the sessions are ended one after
    /// another by [`Operations::continue_bulk_end`], which the server calls by itself.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn end_all_sessions(&self) -> Result<BulkEnd> {
        let target = (TargetKind::Session, "all", "all");
        let recording = self.recording(Operation::SessionEndAll, target, Value::Null);
        let begun = recording.store.begin_bulk_end(None, None, self.now).await?;
        let begun = begun.ok_or_else(|| OperationError::Broken("it did not begin".into()))?;
        recording.done();
        Ok(begun)
    }

    /// As [`Operations::end_all_sessions`], of those in which users signed in to a client, and of what was allowed to it; with
    /// `version` only while the client is at that.
    ///
    /// # Errors
    /// [`OperationError::ClientUnknown`]; [`OperationError::Contended`] where somebody else has changed it since.
    pub async fn end_client_sessions(
        &self,
        id: &ClientId,
        version: Option<i64>,
    ) -> Result<BulkEnd> {
        self.client(id).await?;
        let target = (TargetKind::Client, &**id, &**id);
        let recording = self.recording(Operation::SessionEndClient, target, Value::Null);
        let begun = (recording.store).begin_bulk_end(Some(id), version, self.now);
        let begun = begun.await?.ok_or_else(|| match version {
            None => OperationError::ClientUnknown(id.clone()),
            Some(_) => OperationError::Contended(id.to_string()),
        })?;
        recording.done();
        Ok(begun)
    }

    /// Ends the next sessions of an end that is under way, and says how it stands. None where there is no such end.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn continue_bulk_end(&self, id: i64) -> Result<Option<BulkEnd>> {
        let continued = self.store.continue_bulk_end(id, self.now, AT_ONCE);
        Ok(continued.await?)
    }

    /// Ends of many sessions that are under way, or were over within the last hour, the newest first.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn bulk_ends(&self) -> Result<Vec<BulkEnd>> {
        Ok(self.store.bulk_ends(self.now - SHOWN_FOR).await?)
    }

    /// Whether fewer than `most` logout tokens wait, so that more sessions may be ended. Where more wait, the oldest of clients
    /// that keep failing, and have a tenth of them or more, are given up: receivers that are dead do not keep those that live from being told.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn make_room_for_logout_tokens(&self, most: i64) -> Result<bool> {
        if self.has_room(most).await? {
            return Ok(true);
        }
        // Who holds less is not why there is no room.
        let share = (most / SHARES).max(1);
        let given_up =
            self.store
                .give_up_failing(share, GIVEN_UP_AT_ONCE, GIVEN_UP_TIMES, self.now);
        if let Some(GivenUp { client_id, count }) = given_up.await? {
            let client = client_id.as_str();
            tracing::error!(
                client,
                count,
                "too many logout tokens wait: of a client that keeps failing the oldest are dead letters now"
            );
        }
        self.has_room(most).await
    }

    async fn has_room(&self, most: i64) -> Result<bool> {
        Ok(self.store.waiting_deliveries(most).await? < most)
    }

    /// How many sessions live, or live and have given a code to a client.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn count_sessions(&self, client: Option<&ClientId>) -> Result<SessionCount> {
        let count = self.store.count_sessions(client, COUNTED, self.now);
        Ok(count.await?)
    }
}
