//! The threads that work on PostgreSQL, a connection each, and how they get one back when the server has gone.

use std::{
    hash::{BuildHasher, RandomState},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crossbeam_channel::Receiver;
use diesel::{Connection, PgConnection, connection::SimpleConnection};
use latchkey_protocol::StoreError;

use crate::{
    connection::{AnyConnection, unavailable},
    lanes::Work,
    task::{AT_MOST, Task, TaskOutcome},
};

/// How long a task waits for a connection.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// A connection that was not used for so long is tried before use.
const QUIET: Duration = Duration::from_secs(5);
/// The pause after the first failure to connect, and the longest. Each is up to half shorter, so that nodes that lost
/// the same server do not come back in step.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How often a task is run whose connections break.
pub const RUNS: usize = 3;
/// libpq's own limits, unless the address sets them: without them a server that was switched off, or is behind a
/// broken network, is noticed after minutes.
const LIMITS: [(&str, &str); 5] = [
    ("connect_timeout", "3"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "10000"),
];

/// # Errors
/// [`StoreError::Unavailable`].
pub fn connect(url: &str) -> Result<AnyConnection, StoreError> {
    Ok(AnyConnection::Postgres(
        PgConnection::establish(&limited(url)).map_err(unavailable)?,
    ))
}

fn limited(url: &str) -> String {
    let given = parameters(url);
    let is_given = |name: &str| {
        given.is_some_and(|all| {
            all.split('&')
                .any(|one| one.split('=').next() == Some(name))
        })
    };
    let (mut limited, mut joint) = (url.to_owned(), if given.is_some() { '&' } else { '?' });
    for (name, value) in LIMITS.into_iter().filter(|(name, _)| !is_given(name)) {
        limited += &format!("{joint}{name}={value}");
        joint = '&';
    }
    limited
}

/// What follows the `?` of an address, where libpq sees it: not in the user's name or password, which end with the first
/// `@` before any `/`.
fn parameters(url: &str) -> Option<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.find('/').unwrap_or(rest.len());
    let place = rest[..authority]
        .find('@')
        .map_or(rest, |at| &rest[at + 1..]);
    place.split_once('?').map(|(_, parameters)| parameters)
}

/// What the threads know together of the server.
pub struct Link {
    url: String,
    state: Mutex<State>,
    changed: Condvar,
    /// Connections that broke, of all threads: where one did, others may have, and are tried before use.
    breaks: AtomicUsize,
}

struct State {
    /// One thread at a time connects, so that a server that comes back is not met by all of them at once.
    connecting: bool,
    failures: u32,
    next: Instant,
}

impl Link {
    pub fn new(url: &str) -> Self {
        let state = State {
            connecting: false,
            failures: 0,
            next: Instant::now(),
        };
        Self {
            url: url.to_owned(),
            state: Mutex::new(state),
            changed: Condvar::new(),
            breaks: AtomicUsize::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new connection, unless there can be none by `deadline`.
    pub fn connection(&self, deadline: Instant) -> Option<AnyConnection> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if now >= deadline {
                return None;
            }
            if !state.connecting && state.next <= now {
                state.connecting = true;
                drop(state);
                let made = connect(&self.url);
                state = self.lock();
                state.connecting = false;
                self.changed.notify_all();
                match made {
                    Ok(connection) => {
                        if state.failures > 0 {
                            tracing::info!(failures = state.failures, "the database answers again");
                        }
                        state.failures = 0;
                        return Some(connection);
                    }
                    Err(error) => {
                        state.failures = state.failures.saturating_add(1);
                        state.next = Instant::now() + pause(state.failures);
                        tracing::error!(failures = state.failures, %error, "no connection to the database");
                    }
                }
                continue;
            }
            let until = if state.connecting {
                deadline
            } else {
                state.next
            };
            if until > deadline {
                return None;
            }
            state = self
                .changed
                .wait_timeout(state, until - now)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn breaks(&self) -> usize {
        self.breaks.load(Ordering::Relaxed)
    }
}

/// Twice as long with each failure, with a jitter.
fn pause(failures: u32) -> Duration {
    let whole = FIRST_PAUSE
        .saturating_mul(1 << (failures - 1).min(16))
        .min(LONGEST_PAUSE);
    // The standard library's hash keys are random, and this needs no better.
    let random = u32::try_from(RandomState::new().hash_one(failures) % 1000).unwrap_or_default();
    whole - whole / 2000 * random
}

/// What the connections of groups are told. Each of their questions finds rows by their keys: a plan that reads a table
/// or an index from end to end, which a generic plan may be that was made while the table was small, is never right, and
/// to plan for each number of questions anew costs as much as to ask a few.
const BY_KEYS: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
    SET enable_hashjoin = off; SET enable_mergejoin = off";

/// A thread's connection.
pub struct Held<'a> {
    link: &'a Link,
    /// Whether it is for groups alone.
    is_for_groups: bool,
    connection: Option<AnyConnection>,
    last_used: Instant,
    known_breaks: usize,
}

impl<'a> Held<'a> {
    pub fn new(link: &'a Link, connection: Option<AnyConnection>) -> Self {
        Self {
            link,
            is_for_groups: false,
            connection,
            last_used: Instant::now(),
            known_breaks: link.breaks(),
        }
    }

    /// One that is for groups alone.
    pub fn for_groups(link: &'a Link) -> Self {
        Self {
            is_for_groups: true,
            ..Self::new(link, None)
        }
    }

    /// Lets go of one that does not answer, where that is to be feared.
    fn doubt(&mut self) {
        let breaks = self.link.breaks();
        let doubtful = self.last_used.elapsed() > QUIET || self.known_breaks != breaks;
        self.known_breaks = breaks;
        let tried = |c: &mut AnyConnection| c.batch_execute("SELECT 1").is_err();
        if doubtful && self.connection.as_mut().is_some_and(tried) {
            // Others may have broken with it, and what comes next may be a write of theirs.
            self.lose();
            self.known_breaks = self.link.breaks();
        }
    }

    /// One that is not known to be broken, a new one if need be, unless there can be none by `deadline`.
    pub fn connection(&mut self, deadline: Instant) -> Option<&mut AnyConnection> {
        self.doubt();
        if self.connection.is_none() {
            self.connection = self.link.connection(deadline);
            if self.is_for_groups {
                // Where that breaks, so will the question, and finds another.
                let told = |c: &mut AnyConnection| c.batch_execute(BY_KEYS);
                let _told = self.connection.as_mut().map(told);
            }
            if self.connection.is_some() {
                // What others hold may be older than what went wrong: they look before they write.
                self.link.breaks.fetch_add(1, Ordering::Relaxed);
                self.known_breaks = self.link.breaks();
            }
        }
        self.connection.as_mut()
    }

    /// Whether there is one, broken or not.
    pub fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// It was found to be broken.
    pub fn lose(&mut self) {
        self.connection = None;
        self.link.breaks.fetch_add(1, Ordering::Relaxed);
    }

    pub fn used(&mut self) {
        self.last_used = Instant::now();
    }
}

/// A thread's work, until the queue ends.
pub fn serve(link: &Link, mut held: Held<'_>, queue: &Receiver<Work>) {
    while let Ok(work) = queue.recv() {
        work_off(link, &mut held, work);
    }
}

/// Does what a thread was given.
pub fn work_off(link: &Link, held: &mut Held<'_>, work: Work) {
    match work {
        Work::Group(group) => group.ask(held),
        Work::Task(task) if task.asked().elapsed() > AT_MOST => {
            task.refuse(StoreError::Unavailable("it did not answer in time".into()));
        }
        Work::Task(task) => {
            held.doubt();
            run(link, &mut held.connection, task);
        }
    }
    held.used();
}

/// Runs a task; once more on another connection where nothing of it was done.
fn run(link: &Link, connection: &mut Option<AnyConnection>, mut task: Box<dyn Task>) {
    let deadline = task.asked() + PATIENCE;
    for last in (0..RUNS).rev() {
        if connection.is_none() {
            *connection = link.connection(deadline);
        }
        let Some(open) = connection.as_mut() else {
            return task.refuse(StoreError::Unavailable("there is no connection".into()));
        };
        // A caller that was told that nothing was done may have gone on by that: nothing may be done any more.
        if last + 1 < RUNS && (task.asked().elapsed() > AT_MOST || task.is_abandoned()) {
            return task.refuse(StoreError::Unavailable("it did not answer in time".into()));
        }
        let Ok(ran) = catch_unwind(AssertUnwindSafe(|| task.run(open))) else {
            // Dropped, the task tells its caller.
            *connection = None;
            return;
        };
        if ran != TaskOutcome::Done {
            *connection = None;
            link.breaks.fetch_add(1, Ordering::Relaxed);
        }
        if ran != TaskOutcome::Undone || last == 0 {
            return task.tell(Ok(()));
        }
    }
}

#[cfg(test)]
mod tests;
