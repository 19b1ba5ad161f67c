//! Which of the connections to PostgreSQL does what. Each belongs to a thread.
//!
//! What is asked in groups never waits for a row that somebody else holds, and so has connections to itself, as soon as
//! there is more than one: callers who wait for one another, as those do who sign in with one name, hold up none of it.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};
use latchkey_protocol::StoreError;

use crate::{
    connection::{AnyConnection, unavailable},
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

/// The queues of the threads. No queue has a bound of its own: whoever fills one has.
pub struct Lanes {
    /// Of one verb of one caller at a time.
    pub tasks: Sender<Work>,
    /// Of what every request with an access token asks.
    pub support: Sender<Work>,
    /// Of the other look-ups, which need not wait for a commit.
    pub reads: Sender<Work>,
    pub writes: Sender<Work>,
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
    /// Starts `pool` threads, at least one, of which one has `first` already.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there can be no thread.
    pub fn start(link: &Arc<Link>, pool: usize, first: AnyConnection) -> Result<Self, StoreError> {
        let mut first = Some(first);
        let mut spawn = |queue: &Receiver<Work>, is_for_groups: bool| {
            let (queue, link, connection) = (queue.clone(), link.clone(), first.take());
            let work = move || {
                let held = match is_for_groups {
                    true => Held::for_groups(&link),
                    false => Held::new(&link, connection),
                };
                postgres::serve(&link, held, &queue);
            };
            std::thread::Builder::new()
                .name("postgres".into())
                .spawn(work)
                .map_err(unavailable)
        };
        let own = for_groups(pool);
        let (tasks, queue) = unbounded();
        for _ in own..pool.max(1) {
            spawn(&queue, false)?;
        }
        let mut lanes = Vec::with_capacity(own);
        for _ in 0..own {
            let (lane, queue) = unbounded();
            spawn(&queue, true)?;
            lanes.push(lane);
        }
        let lane = |n: usize| lanes.get(n).unwrap_or(&tasks).clone();
        Ok(Self {
            support: lane(0),
            reads: lane(own.saturating_sub(2)),
            writes: lane(own.saturating_sub(1)),
            tasks,
        })
    }
}
