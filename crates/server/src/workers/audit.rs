//! The audit table: lines for what commands did, and places for the chain.

use std::sync::Arc;

use async_trait::async_trait;
use latchkey_operations::audit;
use latchkey_protocol::{
    Clock, Store, StoreError, Timestamp,
    jobs::{Job, NewJob},
};

use super::{JobHandler, JobOutcome};

const KIND: &str = "audit";
const LEASE: i64 = 60;
/// Seconds until it is tried again after it failed.
const EVERY: i64 = 20;
/// Entries that go at once.
const AT_ONCE: i64 = 500;

/// Writes the lines of what commands did into this server's log, so that they stand in one log with the rest, and gives
/// entries their places in the order that a chain of hashes follows. One node at a time does both.
pub struct AuditHandler {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl AuditHandler {
    /// Looks after the audit table of `store`.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// How many lines it wrote.
    async fn log(&self) -> Result<usize, StoreError> {
        let unlogged = self.store.unlogged_audit_entries(AT_ONCE).await?;
        unlogged.iter().for_each(audit::log_entry);
        let ids: Vec<_> = unlogged.iter().map(|stored| stored.id).collect();
        if !ids.is_empty() {
            self.store.note_logged(&ids).await?;
        }
        Ok(ids.len())
    }

    /// Only what is logged gets a place, so a line can stand twice after a crash, and is never missing.
    async fn look_after(&self) -> Result<(), StoreError> {
        loop {
            let logged = self.log().await;
            let placed = self
                .store
                .place_audit_entries(self.clock.now(), AT_ONCE)
                .await?;
            // What could not be logged does not keep others from their places.
            if logged? == 0 && placed == 0 {
                return Ok(());
            }
        }
    }
}

#[async_trait]
impl JobHandler for AuditHandler {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn lease(&self) -> i64 {
        LEASE
    }

    fn again_after(&self) -> Option<i64> {
        Some(EVERY)
    }

    /// Not in the transactions of those who write entries: they would wait for one another.
    async fn wanted(&self, now: Timestamp) -> Result<Option<NewJob>, StoreError> {
        let is_new = self.store.has_new_audit_entries(now).await?;
        Ok(is_new.then(|| NewJob::only(KIND, now)))
    }

    async fn run(&self, _job: &Job) -> JobOutcome {
        match self.look_after().await {
            Ok(()) => JobOutcome::Done,
            Err(error) => JobOutcome::Failed(error.to_string()),
        }
    }
}
