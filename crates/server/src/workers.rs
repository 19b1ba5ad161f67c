//! Works off the jobs of the store. Every node does, each job is done by one of them: it is taken for a while, and where
//! its node dies another one takes it when that while is over.
//!
//! A worker is added as a [`JobHandler`]. One loop takes what is due and starts it, so that no kind of job keeps another
//! one waiting. The loop and each job are supervised: what panics or fails is tried again, later each time.

mod admissions;
mod audit;
mod bulk_ends;
mod sweep;

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::FutureExt;
use latchkey_protocol::{
    Clock, Entropy, Store, StoreError, Timestamp,
    jobs::{Job, NewJob, TakeJobs, retry_after},
    secret::new_id,
};
use tokio::{task::JoinSet, time::Instant};

pub use admissions::AdmissionHandler;
pub use audit::AuditHandler;
pub use bulk_ends::BulkEndHandler;
pub use sweep::SweepHandler;

use crate::supervised::{RESTS, Stopped, Supervised, told};

/// How often is looked for what other nodes and commands have added.
const LOOKED_EVERY: Duration = Duration::from_secs(1);

/// What came of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobOutcome {
    /// The job goes.
    Done,
    /// Done, and to be done again at this time.
    Repeat(Timestamp),
    /// Tried again later, unless it was tried often enough.
    Failed(String),
    /// Nothing will come of trying again.
    Dead(String),
}

/// Works off the jobs of one kind.
#[async_trait]
pub trait JobHandler: Send + Sync {
    /// What its jobs are called in the table.
    fn kind(&self) -> &'static str;
    /// Seconds that a job may take. It is given up a little earlier; others take it after that.
    fn lease(&self) -> i64;
    /// How many run at the same time in this process.
    fn at_once(&self) -> usize {
        1
    }
    /// After so many attempts that failed, or that no node survived, the job is dead. None: never.
    fn most_attempts(&self) -> Option<i64> {
        None
    }
    /// How often a job was tried, of those that count for [`JobHandler::most_attempts`].
    fn attempts(&self, job: &Job) -> i64 {
        job.lease.attempt
    }
    /// Of housekeeping that has to come again: how many seconds after it failed, however often it did. None: later each
    /// time.
    fn again_after(&self) -> Option<i64> {
        None
    }
    /// A job that is there without anybody having added it. Asked about once a second, on every node.
    async fn wanted(&self, _now: Timestamp) -> Result<Option<NewJob>, StoreError> {
        Ok(None)
    }
    /// Does a job. It may have been done before, in part or as a whole, by a node that died.
    async fn run(&self, job: &Job) -> JobOutcome;
}

/// What the loop and each job need.
struct Shared {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    handlers: Vec<Arc<dyn JobHandler>>,
    /// Who takes the jobs: this process, as long as it lives.
    owner: String,
}

/// The running workers. Dropped without [`Workers::stop`], they go on until the process ends.
pub struct Workers(Supervised);

impl Workers {
    /// Starts working off the jobs that `handlers` know, in a task of the runtime that is running.
    pub fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        handlers: Vec<Arc<dyn JobHandler>>,
    ) -> Self {
        let owner = new_id(clock.now(), &*entropy);
        let shared = Arc::new(Shared {
            store,
            clock,
            entropy,
            handlers,
            owner,
        });
        Self(Supervised::start(move |stopped| {
            work(shared.clone(), stopped)
        }))
    }

    /// Takes no more jobs, and lets those that have begun come to their end, for 5 seconds at most.
    pub async fn stop(self) {
        self.0.stop().await;
    }
}

/// Takes what is due and starts it, until it is told to stop; then waits for what has begun.
async fn work(shared: Arc<Shared>, mut stopped: Stopped) {
    let mut begun = JoinSet::new();
    let mut at_work: HashMap<&'static str, usize> = HashMap::new();
    let mut rest = RESTS.0;
    while !*stopped.borrow() {
        match shared.begin(&mut begun, &mut at_work).await {
            Ok(()) => rest = RESTS.0,
            Err(error) => {
                tracing::warn!(%error, "jobs cannot be taken");
                rest = (rest * 2).min(RESTS.1);
            }
        }
        let pause = if rest == RESTS.0 { LOOKED_EVERY } else { rest };
        tokio::select! {
            () = told(&mut stopped) => {}
            Some(ended) = begun.join_next() => {
                if let Ok(kind) = ended {
                    at_work.entry(kind).and_modify(|count| *count -= 1);
                }
            }
            () = shared.store.job_added(), if rest == RESTS.0 => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    while begun.join_next().await.is_some() {}
}

impl Shared {
    async fn begin(
        self: &Arc<Self>,
        begun: &mut JoinSet<&'static str>,
        at_work: &mut HashMap<&'static str, usize>,
    ) -> Result<(), StoreError> {
        for handler in &self.handlers {
            let now = self.clock.now();
            if let Some(job) = handler.wanted(now).await? {
                self.store.enqueue(&job).await?;
            }
            let kind = handler.kind();
            let count = at_work.entry(kind).or_default();
            let room = handler.at_once().saturating_sub(*count);
            if room == 0 || !self.store.has_due_jobs(kind, now).await? {
                continue;
            }
            // The lease counts from here, whatever was waited for before.
            let taken = Instant::now();
            let take = TakeJobs {
                owner: &self.owner,
                kind,
                now: self.clock.now(),
                lease: handler.lease(),
                most: i64::try_from(room).unwrap_or(i64::MAX),
            };
            for job in self.store.take_jobs(&take).await? {
                *count += 1;
                let (shared, handler) = (self.clone(), handler.clone());
                begun.spawn(async move {
                    let attempt = AssertUnwindSafe(shared.attempt(&*handler, &job, taken));
                    if attempt.catch_unwind().await.is_err() {
                        tracing::error!(kind, "a worker panicked; its job is taken again");
                    }
                    kind
                });
            }
        }
        Ok(())
    }

    /// Does a job, and says what came of it.
    async fn attempt(&self, handler: &dyn JobHandler, job: &Job, taken: Instant) {
        let tried = handler.attempts(job);
        let is_last = handler.most_attempts().is_some_and(|most| tried >= most);
        let outcome = if handler.most_attempts().is_some_and(|most| tried > most) {
            JobOutcome::Dead("no node survived its last attempt, or it took too long".into())
        } else {
            again(handler, run(handler, job, taken).await, self.clock.now())
        };
        let (store, lease, now) = (&self.store, &job.lease, self.clock.now());
        let said = match &outcome {
            JobOutcome::Done => store.finish_job(lease).await,
            JobOutcome::Repeat(at) => store.repeat_job(lease, *at).await,
            JobOutcome::Failed(error) if !is_last => {
                let mut random = [0; 4];
                self.entropy.fill(&mut random);
                let at = now + retry_after(tried, u32::from_le_bytes(random));
                tracing::warn!(
                    kind = job.kind,
                    tried,
                    error,
                    "a job failed; it is tried again"
                );
                store.retry_job(lease, at, error).await
            }
            JobOutcome::Failed(error) | JobOutcome::Dead(error) => {
                tracing::error!(kind = job.kind, tried, error, "a job is given up");
                store.bury_job(lease, now, error).await
            }
        };
        match said {
            Ok(true) => {}
            Ok(false) => tracing::warn!(
                kind = job.kind,
                "a job took longer than its lease: another node does it again"
            ),
            Err(error) => tracing::warn!(
                kind = job.kind, %error,
                "what came of a job could not be written: it is done again"
            ),
        }
    }
}

/// Housekeeping that failed comes again in its turn.
fn again(handler: &dyn JobHandler, outcome: JobOutcome, now: Timestamp) -> JobOutcome {
    match (outcome, handler.again_after()) {
        (JobOutcome::Failed(error), Some(wait)) => {
            let kind = handler.kind();
            tracing::warn!(kind, error, "a job failed; it comes again in its turn");
            JobOutcome::Repeat(now + wait)
        }
        (outcome, _) => outcome,
    }
}

/// Within its lease, which began when it was `taken`, less an eighth: whoever is that late says nothing any more.
async fn run(handler: &dyn JobHandler, job: &Job, taken: Instant) -> JobOutcome {
    let lease = Duration::from_secs(u64::try_from(handler.lease()).unwrap_or(1));
    let work = AssertUnwindSafe(handler.run(job)).catch_unwind();
    match tokio::time::timeout_at(taken + lease * 7 / 8, work).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => JobOutcome::Failed("it panicked".into()),
        Err(_) => JobOutcome::Failed("it took too long".into()),
    }
}
