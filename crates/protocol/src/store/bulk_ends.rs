//! Ends of all sessions, or of all sessions of a client.

use async_trait::async_trait;

use super::Result;
use crate::{
    ClientId,
    bulk_end::{BulkEnd, SessionCount},
    time::Timestamp,
};

/// Ends of all sessions, or of all sessions of a client.
#[async_trait]
pub trait BulkEnds: Send + Sync {
    /// Begins to end all sessions, or all in which `client` has got a code, and all that was allowed in them or to the client,
    /// offline access too. From here on none of it counts: no verb that answers whether something lives finds it. None where
    /// there is no such client, or not at `version` where one is named.
    async fn begin_bulk_end(
        &self,
        client: Option<&ClientId>,
        version: Option<i64>,
        now: Timestamp,
    ) -> Result<Option<BulkEnd>>;
    /// Ends the next `most` sessions or so, with their entries and deliveries. Racing callers come one by one. How it stands
    /// then; none where there is no such end.
    async fn continue_bulk_end(
        &self,
        id: i64,
        now: Timestamp,
        most: i64,
    ) -> Result<Option<BulkEnd>>;
    /// Those that are under way, and those that were over after `since`, the newest first: 20 at most.
    async fn bulk_ends(&self, since: Timestamp) -> Result<Vec<BulkEnd>>;
    /// How many sessions live, or live and have given a code to `client`. It looks at twice as many as `most`, however many
    /// there are or are meant by an end that is under way, and counts up to `most`.
    async fn count_sessions(
        &self,
        client: Option<&ClientId>,
        most: i64,
        now: Timestamp,
    ) -> Result<SessionCount>;
}
