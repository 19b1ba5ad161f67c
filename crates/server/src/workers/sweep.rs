//! The sweep: one job for all nodes, which is there again as soon as it is done.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use latchkey_protocol::{
    Clock, Store, StoreError, Timestamp,
    audit_chain::ChainKey,
    bounds,
    jobs::{Job, NewJob},
};

use super::{JobHandler, JobOutcome};

const KIND: &str = "sweep";
/// Seconds between two sweeps, on all nodes together.
const EVERY: i64 = 20;
const LEASE: i64 = 120;
/// How many expired rows of each kind go at once.
const AT_ONCE: i64 = 1000;
/// Between two slices, room for requests.
const PAUSE: Duration = Duration::from_millis(50);
/// How long one job goes on while more is left.
const AT_MOST: Duration = Duration::from_secs(30);
/// How often is looked whether the job is there: an installation that was put back from a backup may lack it.
const ADDED_EVERY: Duration = Duration::from_secs(600);

/// Deletes what has expired and what exceeds the bounds of its table.
pub struct SweepHandler {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// How long an entry of the audit table is kept, in seconds.
    audit_keep: i64,
    key: ChainKey,
    added: Mutex<Option<Instant>>,
    counted: Mutex<Option<Instant>>,
}

impl SweepHandler {
    /// Sweeps `store` by the time of `clock`. `audit_keep`: how long entries of the audit table are kept, in seconds; 0: for ever.
    /// `key` seals the records of those that go.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        audit_keep: i64,
        key: ChainKey,
    ) -> Self {
        Self {
            store,
            clock,
            audit_keep,
            key,
            added: Mutex::default(),
            counted: Mutex::default(),
        }
    }

    /// How many rows of one kind went, at most.
    async fn slice(&self, now: Timestamp) -> Result<usize, StoreError> {
        let gone = self.store.sweep(now, AT_ONCE).await?;
        let forgotten = match self.audit_keep {
            0 => 0,
            keep => {
                let (store, key) = (&self.store, &self.key);
                store.forget_audit_entries(key, keep, now, AT_ONCE).await?
            }
        };
        let (key, entries) = (&self.key, bounds::AUDIT_ENTRIES);
        let beyond = self
            .store
            .bound_audit_entries(key, entries, AT_ONCE)
            .await?;
        // Each of them may have left some.
        Ok(gone.max(forgotten).max(beyond))
    }
}

/// Whether that was long ago; if so, it is now.
fn is_due(last: &Mutex<Option<Instant>>, every: Duration) -> bool {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let due = last.is_none_or(|last| last.elapsed() >= every);
    if due {
        *last = Some(Instant::now());
    }
    due
}

#[async_trait]
impl JobHandler for SweepHandler {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn lease(&self) -> i64 {
        LEASE
    }

    fn again_after(&self) -> Option<i64> {
        Some(EVERY)
    }

    /// The nodes that do not sweep count what is left, too.
    async fn wanted(&self, now: Timestamp) -> Result<Option<NewJob>, StoreError> {
        let every = Duration::from_secs(EVERY.unsigned_abs());
        if is_due(&self.counted, every) {
            self.store.recount().await?;
        }
        Ok(is_due(&self.added, ADDED_EVERY).then(|| NewJob::only(KIND, now)))
    }

    async fn run(&self, _job: &Job) -> JobOutcome {
        let begun = Instant::now();
        loop {
            match self.slice(self.clock.now()).await {
                Ok(gone) if gone < usize::try_from(AT_ONCE).unwrap_or(usize::MAX) => break,
                Ok(_) if begun.elapsed() >= AT_MOST => break,
                Ok(_) => tokio::time::sleep(PAUSE).await,
                Err(error) => return JobOutcome::Failed(error.to_string()),
            }
        }
        JobOutcome::Repeat(self.clock.now() + EVERY)
    }
}
