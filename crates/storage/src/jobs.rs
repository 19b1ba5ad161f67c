//! The SQL of what is to be done later.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};
use latchkey_protocol::{
    bounds,
    jobs::{EnqueueOutcome, Job, JobLease, NewJob, TakeJobs},
    store::{Jobs, Result},
    time::Timestamp,
};

use crate::{
    connection::{AnyConnection, Database, on},
    error::RowError,
    schema::jobs,
    statement::{binds, statement},
};

/// One that was dead is waiting again. One that waits for its time comes earlier, if that is asked for; a lease of more than
/// a day was taken when the clock was wrong. On PostgreSQL it waits for whoever is adding the same key.
const ENQUEUE: &str = "INSERT INTO jobs (kind, unique_key, payload, run_at, created_at) VALUES (?, ?, ?, ?, ?) \
    ON CONFLICT (kind, unique_key) DO UPDATE SET payload = excluded.payload, run_at = excluded.run_at, \
    created_at = excluded.created_at, attempts = 0, lease_owner = NULL, last_error = NULL, dead_at = NULL \
    WHERE jobs.dead_at IS NOT NULL OR jobs.run_at > excluded.run_at + 86400 \
    OR (jobs.run_at > excluded.run_at AND jobs.attempts = 0)";

/// Within the transaction of what causes the job. Whether it was added; otherwise there is one of its key already.
pub fn enqueue(c: &mut AnyConnection, job: &NewJob) -> std::result::Result<bool, RowError> {
    let binds = binds![
        job.kind,
        &job.unique_key,
        &job.payload,
        job.run_at,
        job.created_at,
    ];
    Ok(on!(c => statement(ENQUEUE, binds).execute(c))? == 1)
}

macro_rules! take {
    ($lock:literal) => {
        concat!(
            "WITH due AS (SELECT id FROM jobs WHERE kind = ? AND dead_at IS NULL AND run_at <= ? ORDER BY run_at, id LIMIT ? ",
            $lock,
            ") UPDATE jobs SET lease_owner = ?, run_at = ?, attempts = attempts + 1 FROM due WHERE jobs.id = due.id \
            RETURNING jobs.id AS id, kind, unique_key, payload, attempts"
        )
    };
}
/// One writer at a time.
const TAKE_SQLITE: &str = take!("");
const TAKE_POSTGRES: &str = take!("FOR UPDATE SKIP LOCKED");

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    unique_key: Option<String>,
    #[diesel(sql_type = Text)]
    payload: String,
    #[diesel(sql_type = BigInt)]
    attempts: i64,
}

/// What a caller asks for, as its own.
struct Take {
    owner: String,
    kind: &'static str,
    now: Timestamp,
    until: Timestamp,
    most: i64,
}

fn take(c: &mut AnyConnection, asked: &Take) -> std::result::Result<Vec<Taken>, RowError> {
    let binds = binds![asked.kind, asked.now, asked.most, &asked.owner, asked.until];
    Ok(match c {
        AnyConnection::Sqlite(c) => statement(TAKE_SQLITE, binds).load(c)?,
        AnyConnection::Postgres(c) => statement(TAKE_POSTGRES, binds).load(c)?,
    })
}

const DUE: &str = "SELECT id FROM jobs WHERE kind = ? AND dead_at IS NULL AND run_at <= ? LIMIT 1";

#[derive(QueryableByName)]
struct Due {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

const HOLD: &str = "UPDATE jobs SET payload = payload \
    WHERE id = ? AND lease_owner = ? AND attempts = ? AND dead_at IS NULL";
const SET_PAYLOAD: &str = "UPDATE jobs SET payload = ? WHERE id = ?";

/// In the transaction of a part of a job: whether it is still the caller's. If so nobody takes it before that is over.
pub fn hold(c: &mut AnyConnection, lease: &JobLease) -> std::result::Result<bool, RowError> {
    let binds = binds![lease.job, &lease.owner, lease.attempt];
    Ok(on!(c => statement(HOLD, binds).execute(c))? == 1)
}

/// What whoever takes it next has to know. It is held.
pub fn set_payload(
    c: &mut AnyConnection,
    lease: &JobLease,
    payload: &str,
) -> std::result::Result<(), RowError> {
    let binds = binds![payload, lease.job];
    on!(c => statement(SET_PAYLOAD, binds).execute(c))?;
    Ok(())
}

const FINISH: &str =
    "DELETE FROM jobs WHERE id = ? AND lease_owner = ? AND attempts = ? AND dead_at IS NULL";
const REPEAT: &str = "UPDATE jobs SET run_at = ?, attempts = 0, lease_owner = NULL, last_error = NULL \
    WHERE id = ? AND lease_owner = ? AND attempts = ? AND dead_at IS NULL";
const RETRY: &str = "UPDATE jobs SET run_at = ?, last_error = ?, lease_owner = NULL \
    WHERE id = ? AND lease_owner = ? AND attempts = ? AND dead_at IS NULL";
const BURY: &str = "UPDATE jobs SET dead_at = ?, last_error = ?, lease_owner = NULL \
    WHERE id = ? AND lease_owner = ? AND attempts = ? AND dead_at IS NULL";

/// As much of a text as is kept.
fn short(error: &str) -> String {
    let mut end = error.len().min(bounds::JOB_ERROR);
    while !error.is_char_boundary(end) {
        end -= 1;
    }
    error[..end].to_owned()
}

/// How many jobs there are, the dead ones too.
pub fn count(c: &mut AnyConnection) -> std::result::Result<i64, RowError> {
    Ok(on!(c => jobs::table.count().get_result(c))?)
}

/// Of dead jobs, those that nobody has looked after for long, and the oldest beyond the bound.
const FORGOTTEN: &str =
    "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE dead_at <= ? LIMIT ?)";
const SURPLUS: &str = "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE dead_at IS NOT NULL \
    ORDER BY dead_at DESC LIMIT ? OFFSET ?)";

pub fn forget_dead(
    c: &mut AnyConnection,
    now: Timestamp,
    most: i64,
) -> std::result::Result<usize, RowError> {
    let old = binds![now - bounds::DEAD_JOBS_KEPT, most];
    let surplus = binds![most, bounds::DEAD_JOBS];
    Ok(on!(c => statement(FORGOTTEN, old).execute(c))?
        + on!(c => statement(SURPLUS, surplus).execute(c))?)
}

#[async_trait]
impl Jobs for Database {
    async fn enqueue(&self, job: &NewJob) -> Result<EnqueueOutcome> {
        if self.queued.load(Ordering::Relaxed) >= bounds::JOBS {
            return Ok(EnqueueOutcome::Full);
        }
        let job = job.clone();
        if !self.write_one(move |c| enqueue(c, &job)).await? {
            return Ok(EnqueueOutcome::AlreadyThere);
        }
        self.note_jobs(1);
        Ok(EnqueueOutcome::Added)
    }

    async fn take_jobs(&self, asked: &TakeJobs<'_>) -> Result<Vec<Job>> {
        let owner = asked.owner.to_owned();
        let own = Take {
            owner: owner.clone(),
            kind: asked.kind,
            now: asked.now,
            until: asked.now + asked.lease,
            most: asked.most,
        };
        let mut taken = self.write(move |c| take(c, &own)).await?;
        // RETURNING has no order.
        taken.sort_by_key(|row| row.id);
        let job = |row: Taken| Job {
            lease: JobLease {
                job: row.id,
                owner: owner.clone(),
                attempt: row.attempts,
            },
            kind: row.kind,
            unique_key: row.unique_key,
            payload: row.payload,
        };
        Ok(taken.into_iter().map(job).collect())
    }

    async fn finish_job(&self, lease: &JobLease) -> Result<bool> {
        let held = lease.clone();
        let finished = self
            .write_one(move |c| {
                let binds = binds![held.job, &held.owner, held.attempt];
                Ok(on!(c => statement(FINISH, binds).execute(c))? == 1)
            })
            .await?;
        if finished {
            self.queued.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(finished)
    }

    async fn repeat_job(&self, lease: &JobLease, run_at: Timestamp) -> Result<bool> {
        let held = lease.clone();
        self.write_one(move |c| {
            let binds = binds![run_at, held.job, &held.owner, held.attempt];
            Ok(on!(c => statement(REPEAT, binds).execute(c))? == 1)
        })
        .await
    }

    async fn retry_job(&self, lease: &JobLease, run_at: Timestamp, error: &str) -> Result<bool> {
        let (held, error) = (lease.clone(), short(error));
        self.write_one(move |c| {
            let binds = binds![run_at, &error, held.job, &held.owner, held.attempt];
            Ok(on!(c => statement(RETRY, binds).execute(c))? == 1)
        })
        .await
    }

    async fn bury_job(&self, lease: &JobLease, now: Timestamp, error: &str) -> Result<bool> {
        let (held, error) = (lease.clone(), short(error));
        self.write_one(move |c| {
            let binds = binds![now, &error, held.job, &held.owner, held.attempt];
            Ok(on!(c => statement(BURY, binds).execute(c))? == 1)
        })
        .await
    }

    async fn has_due_jobs(&self, kind: &'static str, now: Timestamp) -> Result<bool> {
        self.read(move |c| {
            let due: Vec<Due> = on!(c => statement(DUE, binds![kind, now]).load(c))?;
            Ok(due.first().is_some_and(|due| due.id > 0))
        })
        .await
    }

    async fn job_added(&self) {
        self.job_added.notified().await;
    }
}

impl Database {
    /// A verb has added so many jobs.
    pub(crate) fn note_jobs(&self, count: i64) {
        if count > 0 {
            self.queued.fetch_add(count, Ordering::Relaxed);
            self.job_added.notify_one();
        }
    }
}
