//! Which of the connections to PostgreSQL does what. Each belongs to a thread.
//!
//! What is asked in groups never waits for a row that somebody else holds, and so has connections to itself, as soon as
//! there is more than one: callers who wait for one another, as those do who sign in with one name, hold up none of it.

use std::sync::Arc;

use crossbeam_channel::{SendError, Sender, unbounded};
use latchkey_protocol::StoreError;

use crate::{
    connection::{AnyConnection, unavailable},
    crew::Crew,
    group::Waits,
    postgres::{self, Held, Link},
    task::Task,
};

/// What a thread with a connection is given to do.
pub enum Work {
    Task(Box<dyn Task>),
    /// Questions of a kind wait to be asked.
    Group(Arc<dyn Waits>),
}

/// Where a kind of question is asked.
#[derive(Clone)]
pub enum Lane {
    /// By a thread that does nothing else.
    Own(Sender<Work>),
    /// By those that do everything else as well.
    Shared(Arc<Crew>),
}

impl Lane {
    /// Has it done.
    ///
    /// # Errors
    /// Its thread has ended.
    pub fn send(&self, work: Work) -> Result<(), SendError<Work>> {
        match self {
            Self::Own(queue) => queue.send(work),
            Self::Shared(crew) => {
                crew.send(work);
                Ok(())
            }
        }
    }
}

/// The queues of the threads. No queue has a bound of its own: whoever fills one has.
pub struct Lanes {
    /// Of one verb of one caller at a time.
    pub tasks: Arc<Crew>,
    /// Of what every request with an access token asks.
    pub support: Lane,
    /// Of the other look-ups, which need not wait for a commit.
    pub reads: Lane,
    pub writes: Lane,
}

/// How many of so many connections are for groups alone.
fn for_groups(pool: usize) -> usize {
    match pool {
        0 | 1 => 0,
        2 => 1,
        3..8 => 2,
        8.. => 3,
    }
}

impl Lanes {
    /// Starts the threads, `pool` of them at most and at least one, of which one has `first` already.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there can be no thread.
    pub fn start(link: &Arc<Link>, pool: usize, first: AnyConnection) -> Result<Self, StoreError> {
        let own = for_groups(pool);
        let tasks = Arc::new(Crew::start(link, pool.max(1) - own, first)?);
        let lanes: Vec<_> = (0..own).map(|_| alone(link)).collect::<Result<_, _>>()?;
        let shared = Lane::Shared(Arc::clone(&tasks));
        let lane = |n: usize| lanes.get(n).unwrap_or(&shared).clone();
        Ok(Self {
            support: lane(0),
            reads: lane(own.saturating_sub(2)),
            writes: lane(own.saturating_sub(1)),
            tasks,
        })
    }
}

/// The queue of a thread for groups alone.
fn alone(link: &Arc<Link>) -> Result<Lane, StoreError> {
    let (lane, queue) = unbounded();
    let link = Arc::clone(link);
    let work = move || postgres::serve(&link, Held::for_groups(&link), &queue);
    std::thread::Builder::new()
        .name("postgres".into())
        .spawn(work)
        .map_err(unavailable)?;
    Ok(Lane::Own(lane))
}
