//! What is to be done later.

use async_trait::async_trait;

use super::Result;
use crate::{
    jobs::{EnqueueOutcome, Job, JobLease, NewJob, TakeJobs},
    time::Timestamp,
};

/// The queue of jobs. Whoever holds a [`JobLease`] and was too slow is told `false`: another one has taken the job, nothing
/// was written, and what it did may be done again.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Adds a job. Verbs that cause one add it in their own transaction instead. Of racing callers with one key, one hears
    /// [`EnqueueOutcome::Added`].
    async fn enqueue(&self, job: &NewJob) -> Result<EnqueueOutcome>;
    /// Takes jobs that are due, those that waited longest first. Of racing callers each job goes to one; none waits for
    /// another.
    async fn take_jobs(&self, take: &TakeJobs<'_>) -> Result<Vec<Job>>;
    /// It is done: the job goes.
    async fn finish_job(&self, lease: &JobLease) -> Result<bool>;
    /// It is done, and is to be done again at `run_at`.
    async fn repeat_job(&self, lease: &JobLease, run_at: Timestamp) -> Result<bool>;
    /// It failed, and is tried again at `run_at`. `error` is cut at [`crate::bounds::JOB_ERROR`] bytes.
    async fn retry_job(&self, lease: &JobLease, run_at: Timestamp, error: &str) -> Result<bool>;
    /// It failed for good: nobody takes it any more, until it is added once more.
    async fn bury_job(&self, lease: &JobLease, now: Timestamp, error: &str) -> Result<bool>;
    /// Whether any job of this kind is due.
    async fn has_due_jobs(&self, kind: &'static str, now: Timestamp) -> Result<bool>;
    /// Returns when a job was added by this process since the last time: what other nodes add is found by looking.
    async fn job_added(&self);
}
