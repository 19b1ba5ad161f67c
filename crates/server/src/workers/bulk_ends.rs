//! Ends of many sessions: begun by an operation, carried out here piece by piece, on one node at a time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use latchkey_operations::{
    Caller, Operations, Result,
    bulk_ends::{PIECES, WAITING_AT_MOST},
};
use latchkey_protocol::{
    Clock, Store, StoreError, Timestamp,
    bulk_end::BulkEnd,
    jobs::{Job, NewJob},
};

use super::{JobHandler, JobOutcome};
use crate::wiring::OsEntropy;

const KIND: &str = "bulk ends";
const LEASE: i64 = 60;
/// How long one job goes on; then another one begins, perhaps on another node.
const AT_MOST: Duration = Duration::from_secs(30);
/// Between two pieces, room for requests.
const PAUSE: Duration = Duration::from_millis(10);
/// Seconds until it is tried again after it failed, or found no room.
const EVERY: i64 = 2;

/// Ends sessions that are to end together.
pub struct BulkEndHandler {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    waiting_at_most: i64,
    /// The end of which the log says that it waits.
    said: AtomicI64,
    /// Until then this node asks for no job: one that is asked for is due at once, whenever it was to be repeated.
    waits_until: AtomicI64,
}

impl BulkEndHandler {
    /// Ends sessions in `store`, by the time of `clock`.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            waiting_at_most: WAITING_AT_MOST,
            said: AtomicI64::new(0),
            waits_until: AtomicI64::new(i64::MIN),
        }
    }

    /// Ends no sessions while so many logout tokens wait.
    #[must_use]
    pub fn waiting_at_most(self, waiting_at_most: i64) -> Self {
        Self {
            waiting_at_most,
            ..self
        }
    }

    /// The one that was begun first of those under way.
    async fn first(&self) -> std::result::Result<Option<BulkEnd>, StoreError> {
        let far = Timestamp::from_seconds(i64::MAX);
        Ok(self.store.bulk_ends(far).await?.pop())
    }

    /// Whether it has to wait for room: a job that were done would begin again at once.
    async fn work(&self) -> Result<bool> {
        let begun = Instant::now();
        for piece in 0.. {
            let Some(end) = self.first().await? else {
                break;
            };
            let operations = Operations {
                store: &*self.store,
                entropy: &OsEntropy,
                caller: Caller::server(),
                now: self.clock.now(),
            };
            let most = self.waiting_at_most;
            if piece % PIECES == 0 && !operations.make_room_for_logout_tokens(most).await? {
                if self.said.swap(end.id, Ordering::Relaxed) != end.id {
                    tracing::info!(
                        end = end.id,
                        "an end of many sessions waits until there is room for more logout tokens"
                    );
                }
                return Ok(true);
            }
            operations.continue_bulk_end(end.id).await?;
            if begun.elapsed() >= AT_MOST {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(false)
    }
}

#[async_trait]
impl JobHandler for BulkEndHandler {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn lease(&self) -> i64 {
        LEASE
    }

    fn again_after(&self) -> Option<i64> {
        Some(EVERY)
    }

    async fn wanted(&self, now: Timestamp) -> std::result::Result<Option<NewJob>, StoreError> {
        if now.as_seconds() < self.waits_until.load(Ordering::Relaxed) {
            return Ok(None);
        }
        Ok(self.first().await?.map(|_| NewJob::only(KIND, now)))
    }

    async fn run(&self, _job: &Job) -> JobOutcome {
        match self.work().await {
            Ok(true) => {
                let at = self.clock.now() + EVERY;
                self.waits_until.store(at.as_seconds(), Ordering::Relaxed);
                JobOutcome::Repeat(at)
            }
            Ok(false) => JobOutcome::Done,
            Err(error) => JobOutcome::Failed(error.to_string()),
        }
    }
}
