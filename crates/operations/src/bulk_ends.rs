//! Ends of all sessions, and of all sessions of a client.

use latchkey_protocol::{ClientId, audit::TargetKind, bulk_end::BulkEnd};
use serde_json::Value;

use crate::{Operation, OperationError, Operations, Result};

/// Sessions that one step ends: what it holds meanwhile, others wait for.
const AT_ONCE: i64 = 200;
/// For so long it is shown that one is over, in seconds.
const SHOWN_FOR: i64 = 3600;
/// So many sessions are counted one by one.
const COUNTED: i64 = 10_000;

/// How many sessions there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionCount {
    /// So many.
    Exactly(i64),
    /// More than that: they were not counted further.
    MoreThan(i64),
}

impl Operations<'_> {
    /// Ends all sessions and everything that was allowed to any client. It counts at once; the sessions are ended one after
    /// another by [`Operations::continue_bulk_end`], which the server calls by itself.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn end_all_sessions(&self) -> Result<BulkEnd> {
        let target = (TargetKind::Session, "all", "all");
        let recording = self.recording(Operation::SessionEndAll, target, Value::Null);
        let begun = recording.store.begin_bulk_end(None, self.now).await?;
        let begun = begun.ok_or_else(|| OperationError::Broken("it did not begin".into()))?;
        recording.done();
        Ok(begun)
    }

    /// As [`Operations::end_all_sessions`], of those in which users signed in to a client, and of what was allowed to it.
    ///
    /// # Errors
    /// [`OperationError::ClientUnknown`].
    pub async fn end_client_sessions(&self, id: &ClientId) -> Result<BulkEnd> {
        self.client(id).await?;
        let target = (TargetKind::Client, &**id, &**id);
        let recording = self.recording(Operation::SessionEndClient, target, Value::Null);
        let begun = recording.store.begin_bulk_end(Some(id), self.now).await?;
        let begun = begun.ok_or_else(|| OperationError::ClientUnknown(id.clone()))?;
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

    /// How many sessions live, or live and have given a code to a client.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn count_sessions(&self, client: Option<&ClientId>) -> Result<SessionCount> {
        let count = self.store.count_sessions(client, COUNTED + 1, self.now);
        Ok(match count.await? {
            count if count > COUNTED => SessionCount::MoreThan(COUNTED),
            count => SessionCount::Exactly(count),
        })
    }
}
