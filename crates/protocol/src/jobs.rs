//! What is to be done later: a sweep, a mail, a logout token. A job is a row that is written in the transaction of its
//! cause; workers on any number of nodes take it for a while, and who dies in the middle loses nothing.

use crate::time::Timestamp;

/// The longest wait between two attempts, in seconds.
const LONGEST_WAIT: i64 = 3600;

/// A job to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Which worker takes it.
    pub kind: &'static str,
    /// Of one kind and key there is one job at most.
    pub unique_key: Option<String>,
    /// What the worker needs to know, as JSON. No secrets: it stands in the database as it is.
    pub payload: String,
    /// Not before then.
    pub run_at: Timestamp,
    /// When its cause came about.
    pub created_at: Timestamp,
}

impl NewJob {
    /// The only job of its kind: there is nothing more to know of it, and it is due at once.
    pub fn only(kind: &'static str, now: Timestamp) -> Self {
        Self {
            kind,
            unique_key: Some(String::new()),
            payload: "{}".into(),
            run_at: now,
            created_at: now,
        }
    }
}

/// What came of adding a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnqueueOutcome {
    /// It waits to be worked off.
    Added,
    /// There is one of this kind and key, waiting or being worked on. One that was dead waits again, and one that was to
    /// come later comes earlier, unless it has failed and waits for its next attempt: both count as
    /// [`EnqueueOutcome::Added`].
    AlreadyThere,
    /// There are as many as there may be ([`crate::bounds::JOBS`]).
    Full,
}

/// Who wants to work, on what and for how long.
#[derive(Debug, Clone, Copy)]
pub struct TakeJobs<'a> {
    /// A name that no other worker has, on any node.
    pub owner: &'a str,
    /// Which worker asks.
    pub kind: &'static str,
    /// The moment of asking, in seconds since the epoch.
    pub now: Timestamp,
    /// Seconds until others may take them: longer than the work can last.
    pub lease: i64,
    /// How many at most.
    pub most: i64,
}

/// The right to say what came of a job, until somebody else takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobLease {
    /// The job's id.
    pub job: i64,
    /// Who took it.
    pub owner: String,
    /// The first is 1. A job that is taken again, by whomever, has another one.
    pub attempt: i64,
}

/// A job that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Which worker takes it.
    pub kind: String,
    /// Of one kind and key there is one job at most.
    pub unique_key: Option<String>,
    /// What the worker needs to know, as JSON.
    pub payload: String,
    /// The right to say what came of it.
    pub lease: JobLease,
}

/// How many seconds to wait after the attempt `attempt` (the first is 1) has failed: 2, 4, 8, ... up to an hour, less up to
/// half of it at random, so that what failed together does not come again together.
pub fn retry_after(attempt: i64, random: u32) -> i64 {
    let doubled = u32::try_from(attempt.clamp(1, 12)).unwrap_or(12);
    let longest = 2_i64.pow(doubled).min(LONGEST_WAIT);
    longest - i64::from(random) % (longest / 2 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour_and_are_never_less_than_half() {
        for (attempt, longest) in [
            (0, 2),
            (1, 2),
            (2, 4),
            (3, 8),
            (11, 2048),
            (12, 3600),
            (i64::MAX, 3600),
        ] {
            let waits: Vec<_> = (0..5000).map(|n| retry_after(attempt, n)).collect();
            assert_eq!(waits.iter().max(), Some(&longest), "attempt {attempt}");
            assert_eq!(
                waits.iter().min(),
                Some(&(longest / 2)),
                "attempt {attempt}"
            );
        }
    }
}
