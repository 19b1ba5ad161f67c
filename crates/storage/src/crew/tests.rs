//! Threads begin when there is work for them, stay with it, and end.

//! How many threads there are for so much work, and when they end.

use std::{
    sync::{Arc, Barrier, mpsc},
    thread::ThreadId,
    time::{Duration, Instant},
};

use super::{Connect, Crew, Shared};
use crate::{
    connection::AnyConnection,
    group::Waits,
    lanes::Work,
    postgres::{Held, Link},
    sqlite,
};

const SOON: Duration = Duration::from_secs(30);

/// Work that waits for others, and tells which thread did it.
struct Meet {
    others: Arc<Barrier>,
    done: mpsc::SyncSender<ThreadId>,
}

impl Waits for Meet {
    fn ask(self: Arc<Self>, _held: &mut Held<'_>) {
        self.others.wait();
        let _told = self.done.send(std::thread::current().id());
    }
}

fn connection() -> Option<AnyConnection> {
    // Any will do: nothing is asked of it.
    Some(sqlite::connect(":memory:").unwrap())
}

fn crew(most: usize, idle: Duration) -> Crew {
    with(most, idle, Box::new(connection))
}

/// One whose first thread has a connection and whose others have what `connect` gives.
fn with(most: usize, idle: Duration, connect: Connect) -> Crew {
    let link = Arc::new(Link::new("postgres://nobody@127.0.0.1:1/none"));
    Crew::of(Shared::new(&link, most, idle, connect), connection()).unwrap()
}

/// The threads that do so many pieces of work, each of which ends when `at_once` of them are under way.
fn threads(crew: &Crew, work: usize, at_once: usize) -> Vec<ThreadId> {
    let (done, threads) = mpsc::sync_channel(work);
    let others = Arc::new(Barrier::new(at_once));
    for _ in 0..work {
        let (others, done) = (Arc::clone(&others), done.clone());
        crew.send(Work::Group(Arc::new(Meet { others, done })));
    }
    (0..work)
        .map(|_| threads.recv_timeout(SOON).unwrap())
        .collect()
}

fn distinct(mut threads: Vec<ThreadId>) -> usize {
    threads.sort_by_key(|id| format!("{id:?}"));
    threads.dedup();
    threads.len()
}

/// Until so many wait for work.
fn until_idle(crew: &Crew, idle: usize, threads: usize) {
    let begun = Instant::now();
    loop {
        let state = crew.0.lock();
        if (state.idle.len(), state.threads) == (idle, threads) {
            return;
        }
        drop(state);
        assert!(begun.elapsed() < SOON);
        std::thread::yield_now();
    }
}

#[test]
fn what_is_sent_at_once_is_done_at_once_by_as_many_threads() {
    let crew = crew(4, SOON);
    assert_eq!(distinct(threads(&crew, 4, 4)), 4);
}

#[test]
fn more_work_than_threads_waits_and_is_done() {
    let crew = crew(2, SOON);
    assert!(distinct(threads(&crew, 50, 2)) <= 2);
    assert_eq!(crew.waiting(), 0);
}

#[test]
fn work_after_work_stays_with_the_thread_that_was_used_last() {
    let crew = crew(4, SOON);
    threads(&crew, 4, 4);
    until_idle(&crew, 4, 4);
    let last = threads(&crew, 1, 1)[0];
    for _ in 0..20 {
        until_idle(&crew, 4, 4);
        assert_eq!(threads(&crew, 1, 1), [last]);
    }
}

#[test]
fn threads_that_nobody_needs_end_but_one() {
    let crew = crew(4, Duration::from_millis(1));
    threads(&crew, 4, 4);
    until_idle(&crew, 1, 1);
    assert_eq!(distinct(threads(&crew, 3, 3)), 3);
}

#[test]
fn a_thread_that_gets_no_connection_takes_no_work_and_ends() {
    let crew = with(4, SOON, Box::new(|| None));
    let first = threads(&crew, 1, 1);
    for _ in 0..5 {
        assert_eq!(distinct([first.clone(), threads(&crew, 20, 1)].concat()), 1);
    }
    until_idle(&crew, 1, 1);
}
