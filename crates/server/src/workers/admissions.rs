//! Tokens of a client that was disabled, or that admits fewer users, end in the status lists.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use latchkey_protocol::{
    Clock, Store,
    admission::{self, Review},
    jobs::Job,
};

use super::{JobHandler, JobOutcome};

/// Longer than a page may take, and what a node that dies holds a review up for.
const LEASE: i64 = 16;
/// How long one job goes on; then it is the turn of another review, and a node that is told to stop has time for that.
const AT_MOST: Duration = Duration::from_secs(1);
/// After so many attempts in a row that failed with their first page what is left goes on until it expires: they take longer
/// than most tokens live.
const ATTEMPTS: i64 = 10;
/// Authorizations that are looked at in one transaction.
const AT_ONCE: i64 = 1000;
/// Between two pieces, room for requests.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks through what clients were given, when they admit fewer users than before.
pub struct AdmissionHandler {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl AdmissionHandler {
    /// Ends tokens in `store`, by the time of `clock`.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }
}

#[async_trait]
impl JobHandler for AdmissionHandler {
    fn kind(&self) -> &'static str {
        admission::KIND
    }

    fn lease(&self) -> i64 {
        LEASE
    }

    fn at_once(&self) -> usize {
        4
    }

    fn most_attempts(&self) -> Option<i64> {
        Some(ATTEMPTS)
    }

    /// Since the last page: a review that comes further is not given up, however many nodes die over it.
    fn attempts(&self, job: &Job) -> i64 {
        let attempt = job.lease.attempt;
        Review::read(&job.payload).map_or(attempt, |review| review.attempts(attempt))
    }

    /// From where the job was left: each page writes that down.
    async fn run(&self, job: &Job) -> JobOutcome {
        let Some(mut review) = Review::read(&job.payload) else {
            return JobOutcome::Dead("its payload names no client".into());
        };
        let (begun, mut told, mut pages) = (Instant::now(), BTreeSet::new(), 0);
        while begun.elapsed() < AT_MOST {
            let (store, now) = (&self.store, self.clock.now());
            let page = store.review_admissions(&job.lease, &review, AT_ONCE, now);
            let page = match page.await {
                Ok(page) => page.unwrap_or_default(),
                Err(error) if pages > 0 => {
                    tracing::warn!(%error, "a review goes on after a page that failed");
                    return JobOutcome::Repeat(self.clock.now() + 1);
                }
                Err(error) => return JobOutcome::Failed(error.to_string()),
            };
            pages += 1;
            for row in page.unreadable {
                if told.insert(row.clone()) {
                    tracing::error!(row, "a row cannot be read: it admits nobody");
                }
            }
            let Some(next) = page.next else {
                return JobOutcome::Done;
            };
            review = next;
            tokio::time::sleep(PAUSE).await;
        }
        JobOutcome::Repeat(self.clock.now())
    }
}
