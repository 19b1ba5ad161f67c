//! Threads with a connection to PostgreSQL each: as many as there was work for at once, up to a number.
//!
//! Work goes to the thread that became idle last, whose connection has its statements prepared. A thread that nobody
//! needed for a while ends, and its connection with it: what a pool holds is what its load asks for.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use latchkey_protocol::StoreError;

use crate::{
    connection::{AnyConnection, unavailable},
    lanes::Work,
    postgres::{self, Held, Link, PATIENCE},
};

/// How long a thread stays that nobody needs.
const IDLE: Duration = Duration::from_secs(20);

/// Threads that share the work that they are given.
pub struct Crew(Arc<Shared>);

struct Shared {
    link: Arc<Link>,
    most: usize,
    /// How long a thread stays that nobody needs.
    idle: Duration,
    /// Makes the connection of another thread, if there can be one.
    connect: Connect,
    state: Mutex<State>,
}

type Connect = Box<dyn Fn() -> Option<AnyConnection> + Send + Sync>;

#[derive(Default)]
struct State {
    /// What no thread is free for. No bound of its own: whoever fills it has.
    waiting: VecDeque<Work>,
    /// The threads that wait for work, by their numbers; the last is asked first.
    idle: Vec<(usize, Sender<Work>)>,
    /// All threads.
    threads: usize,
    /// The number of the next one.
    next: usize,
    ended: bool,
}

impl Crew {
    /// Starts one thread, of at most so many, which has `first` already.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there can be no thread.
    pub fn start(link: &Arc<Link>, most: usize, first: AnyConnection) -> Result<Self, StoreError> {
        let known = Arc::clone(link);
        let connect = move || known.connection(Instant::now() + PATIENCE);
        let crew = Shared::new(link, most, IDLE, Box::new(connect));
        Self::of(crew, Some(first))
    }

    fn of(shared: Shared, first: Option<AnyConnection>) -> Result<Self, StoreError> {
        let shared = Arc::new(shared);
        shared.lock().threads = 1;
        shared.spawn(first)?;
        Ok(Self(shared))
    }

    /// Has it done, by the thread that is free or the next that is.
    pub fn send(&self, work: Work) {
        let mut state = self.0.lock();
        if let Some((_, thread)) = state.idle.pop() {
            // Nobody else has this sender, and the thread waits for what it sends.
            let _sent = thread.send(work);
            return;
        }
        state.waiting.push_back(work);
        if state.threads == self.0.most {
            return;
        }
        match self.0.spawn(None) {
            Ok(()) => state.threads += 1,
            // The others do it.
            Err(error) => tracing::error!(%error, "no thread for a connection to the database"),
        }
    }

    /// How much waits for a thread.
    pub fn waiting(&self) -> usize {
        self.0.lock().waiting.len()
    }
}

/// The threads end when they have done what waits.
impl Drop for Crew {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.ended = true;
        state.idle.clear();
    }
}

/// What a thread does next.
enum Next {
    Work(Work),
    Wait(usize, Receiver<Work>),
    End,
}

impl Shared {
    fn new(link: &Arc<Link>, most: usize, idle: Duration, connect: Connect) -> Self {
        Self {
            link: Arc::clone(link),
            most,
            idle,
            connect,
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(self: &Arc<Self>, connection: Option<AnyConnection>) -> Result<(), StoreError> {
        let this = Arc::clone(self);
        let work = move || this.serve(connection);
        std::thread::Builder::new()
            .name("postgres".into())
            .spawn(work)
            .map_err(unavailable)?;
        Ok(())
    }

    /// A thread's work. It takes none before it has a connection: those that have one are soon free.
    fn serve(&self, connection: Option<AnyConnection>) {
        let connection = connection.or_else(|| (self.connect)());
        let mut held = Held::new(&self.link, connection);
        if !held.is_connected() && self.leave() {
            return;
        }
        loop {
            let work = match self.next(held.is_connected()) {
                Next::Work(work) => work,
                Next::Wait(number, queue) => match self.wait(number, &queue) {
                    Some(work) => work,
                    None => return,
                },
                Next::End => return,
            };
            postgres::work_off(&self.link, &mut held, work);
        }
    }

    /// Whether the thread can end: some thread stays.
    fn leave(&self) -> bool {
        let mut state = self.lock();
        let leaves = state.threads > 1;
        state.threads -= usize::from(leaves);
        leaves
    }

    fn next(&self, is_connected: bool) -> Next {
        let mut state = self.lock();
        if let Some(work) = state.waiting.pop_front() {
            return Next::Work(work);
        }
        if state.ended {
            return Next::End;
        }
        let (sender, queue) = bounded(1);
        let number = state.next;
        state.next += 1;
        // One that lost its connection is asked last.
        let place = if is_connected { state.idle.len() } else { 0 };
        state.idle.insert(place, (number, sender));
        Next::Wait(number, queue)
    }

    /// The next work of an idle thread; none when it shall end.
    fn wait(&self, number: usize, queue: &Receiver<Work>) -> Option<Work> {
        loop {
            match queue.recv_timeout(self.idle) {
                Ok(work) => return Some(work),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let mut state = self.lock();
            let place = state.idle.iter().position(|(idle, _)| *idle == number);
            // If it is not among the idle, work has just been sent.
            if let Some(place) = place.filter(|_| state.threads > 1) {
                state.idle.remove(place);
                state.threads -= 1;
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests;
