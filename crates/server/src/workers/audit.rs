//! The audit table: lines for what commands did, and the chain.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use latchkey_operations::{audit, audit_place};
use latchkey_protocol::{
    Clock, Store, StoreError, Timestamp,
    audit_chain::{ChainKey, Checkpoint},
    jobs::{Job, NewJob},
};

use super::{JobHandler, JobOutcome};

const KIND: &str = "audit";
const LEASE: i64 = 60;
/// Seconds until it is tried again after it failed.
const EVERY: i64 = 20;
/// Entries that go at once.
const AT_ONCE: i64 = 500;
/// How long one job goes on while more is left, as after an upgrade.
const AT_MOST: Duration = Duration::from_secs(30);
/// How often the log says where the chain ends, if it has grown.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(3600);

/// Writes the lines of what commands did into this server's log, so that they stand in one log with the rest, and seals
/// entries. One node at a time does both.
pub struct AuditHandler {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    key: ChainKey,
    said: Mutex<Option<(Instant, Checkpoint)>>,
    /// The last end of the chain that this process has seen: it can only grow.
    known: Mutex<Option<Checkpoint>>,
}

impl AuditHandler {
    /// Looks after the audit table of `store`. `key` seals its entries.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, key: ChainKey) -> Self {
        Self {
            store,
            clock,
            key,
            said: Mutex::default(),
            known: Mutex::default(),
        }
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

    fn known(&self) -> Option<Checkpoint> {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the chain goes on from what this process has seen of it; then it has seen all of it. Otherwise entries were
    /// taken out of the chain or replaced, and must not be sealed by us as if they were new.
    async fn goes_on(&self) -> Result<bool, StoreError> {
        if let Some(known) = self.known() {
            let place = audit_place(&*self.store, &self.key, known.position).await?;
            if !place.can_be(&known.hash) {
                say_replaced(&known);
                return Ok(false);
            }
        }
        let end = self.store.audit_checkpoint().await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_later = |end: &Checkpoint| known.is_none_or(|known| known.position < end.position);
        if let Some(end) = end.filter(is_later) {
            *known = Some(end);
        }
        Ok(true)
    }

    /// How many were sealed; none where the chain was replaced since it was looked at.
    async fn seal(&self) -> Result<Option<usize>, StoreError> {
        let (known, now) = (self.known(), self.clock.now());
        let sealed = self
            .store
            .seal_audit_entries(&self.key, known.as_ref(), now, AT_ONCE);
        let sealed = sealed.await?;
        if let (None, Some(known)) = (sealed, known) {
            say_replaced(&known);
        }
        Ok(sealed)
    }

    /// Only what is logged gets a place, so a line can stand twice after a crash, and is never missing.
    async fn look_after(&self) -> Result<JobOutcome, StoreError> {
        let begun = Instant::now();
        loop {
            let logged = self.log().await;
            let sealed = match self.goes_on().await? {
                true => self.seal().await?,
                false => None,
            };
            let Some(sealed) = sealed else {
                let replaced = "the audit chain was replaced or cut off";
                return logged.map(|_| JobOutcome::Failed(replaced.into()));
            };
            // What could not be logged does not keep others from their places.
            if (logged? == 0 && sealed == 0) || begun.elapsed() > AT_MOST {
                self.goes_on().await?;
                self.say_where_it_ends().await?;
                return Ok(JobOutcome::Done);
            }
        }
    }

    /// The log is kept elsewhere: whoever replaces the end of the chain in the database does not replace this line.
    async fn say_where_it_ends(&self) -> Result<(), StoreError> {
        let said = *self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_some_and(|(when, _)| when.elapsed() < CHECKPOINT_EVERY) {
            return Ok(());
        }
        let Some(end) = self.store.audit_checkpoint().await? else {
            return Ok(());
        };
        if said.is_none_or(|(_, before)| before != end) {
            audit::log_checkpoint(&end);
        }
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        *said = Some((Instant::now(), end));
        Ok(())
    }
}

fn say_replaced(known: &Checkpoint) {
    let position = known.position;
    tracing::error!(
        position,
        "the audit chain was replaced or cut off: nothing is sealed"
    );
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
        let is_first = self.known.lock().is_ok_and(|known| known.is_none());
        if is_first || is_new {
            // Each node looks, also while another one seals.
            self.goes_on().await?;
        }
        Ok(is_new.then(|| NewJob::only(KIND, now)))
    }

    async fn run(&self, _job: &Job) -> JobOutcome {
        match self.look_after().await {
            Ok(outcome) => outcome,
            Err(error) => JobOutcome::Failed(error.to_string()),
        }
    }
}
