//! The threads that hash passwords, and who waits for them.

use std::{
    hint::black_box,
    net::IpAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;

use crate::{hash_memory::HashMemory, line::Line};

/// Sign-ins that may wait for their hash, of browsers that are known and of others each.
const PLACES: usize = 128;
/// Of these, the most that one neighbourhood may hold (an IPv4 /24, an IPv6 /48).
const SHARE: usize = 64;
/// How long somebody waits before hearing that the server is busy.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a thread has nothing to do before what its last hash took goes back to the system.
const QUIET: Duration = Duration::from_secs(1);
/// One turn in so many is a stranger's while known browsers wait too.
const STRANGERS: u32 = 4;

/// Too many sign-ins are waiting.
#[derive(Debug, thiserror::Error)]
#[error("too many passwords are waiting to be checked")]
pub struct Busy;

/// Who waits for a hash.
#[derive(Debug, Clone, Copy)]
pub struct Waiter {
    /// From where.
    pub address: IpAddr,
    /// The browser has signed in as this user before.
    pub known: bool,
}

trait Work: Send {
    fn is_wanted(&self) -> bool;
    fn run(self: Box<Self>, memory: &mut HashMemory);
}

struct Task<F, R> {
    work: F,
    answer: oneshot::Sender<R>,
}

impl<R: Send, F: FnOnce(&mut HashMemory) -> R + Send> Work for Task<F, R> {
    fn is_wanted(&self) -> bool {
        !self.answer.is_closed()
    }

    fn run(self: Box<Self>, memory: &mut HashMemory) {
        // The caller may have gone.
        let _gone = self.answer.send((self.work)(memory));
    }
}

struct Lines {
    known: Line<Box<dyn Work>>,
    strangers: Line<Box<dyn Work>>,
    served: u32,
    ended: bool,
}

impl Lines {
    fn next(&mut self) -> Option<Box<dyn Work>> {
        self.served = self.served.wrapping_add(1);
        if self.served.is_multiple_of(STRANGERS) {
            self.strangers.pop().or_else(|| self.known.pop())
        } else {
            self.known.pop().or_else(|| self.strangers.pop())
        }
    }
}

#[derive(Default)]
struct Shared {
    lines: Mutex<Lines>,
    filled: Condvar,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            known: Line::new(PLACES, SHARE),
            strangers: Line::new(PLACES, SHARE),
            served: 0,
            ended: false,
        }
    }
}

impl Shared {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next task that somebody still waits for; `None` when it is over. A thread that waits long keeps no memory.
    fn wait(&self, memory: &mut HashMemory) -> Option<Box<dyn Work>> {
        let mut lines = self.lines();
        // What is left to do while nothing comes: what was given back the allocator gives on once it has seen it lie for a while.
        let mut idle = [HashMemory::give_back, |_: &mut HashMemory| purge()].into_iter();
        let mut next = idle.next();
        loop {
            if lines.ended {
                return None;
            }
            match lines.next() {
                Some(task) if task.is_wanted() => return Some(task),
                Some(_) => {}
                None if let Some(act) = next => {
                    let waited = self.filled.wait_timeout(lines, QUIET);
                    let (back, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                    lines = back;
                    if timeout.timed_out() {
                        act(memory);
                        next = idle.next();
                    }
                }
                None => {
                    let waited = self.filled.wait(lines);
                    lines = waited.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

/// The server's allocator gives freed pages back when it is next asked for a large piece, which a quiet thread never does:
/// without this the 19 MiB of the last hash stay with each thread.
fn purge() {
    drop(black_box(Vec::<u8>::with_capacity(2 << 20)));
}

/// The few threads that hash passwords, at a low priority, and the lines before them: a flood of logins neither takes
/// the memory nor starves the token endpoint, and one network's flood does not keep others from signing in.
pub struct Hashing(Arc<Shared>);

impl Hashing {
    /// Starts `threads` threads; each needs 19 MiB while it works.
    pub fn new(threads: usize) -> Self {
        let shared = Arc::new(Shared::default());
        for _ in 0..threads.max(1) {
            let shared = shared.clone();
            let spawned = std::thread::Builder::new()
                .name("password".into())
                .spawn(move || work(&shared));
            if let Err(error) = spawned {
                tracing::error!(%error, "cannot start a password thread");
            }
        }
        Self(shared)
    }

    /// Runs `work` when it is the waiter's turn, unless they have gone by then.
    ///
    /// # Errors
    /// [`Busy`] when too many are waiting, or it took too long.
    pub async fn run<R: Send + 'static>(
        &self,
        waiter: Waiter,
        work: impl FnOnce(&mut HashMemory) -> R + Send + 'static,
    ) -> Result<R, Busy> {
        let (answer, answered) = oneshot::channel();
        let task: Box<dyn Work> = Box::new(Task { work, answer });
        {
            let mut lines = self.0.lines();
            let line = if waiter.known {
                &mut lines.known
            } else {
                &mut lines.strangers
            };
            line.retain(|task| task.is_wanted());
            // Whoever has to go hears it by the end of its channel.
            drop(line.push(waiter.address, task));
        }
        self.0.filled.notify_one();
        match tokio::time::timeout(PATIENCE, answered).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_)) | Err(_) => Err(Busy),
        }
    }
}

impl Drop for Hashing {
    fn drop(&mut self) {
        self.0.lines().ended = true;
        self.0.filled.notify_all();
    }
}

fn work(shared: &Shared) {
    // On Linux this lowers the one thread. Where it is not allowed, it works all the same.
    let _priority = rustix::process::nice(10);
    let mut memory = HashMemory::default();
    while let Some(task) = shared.wait(&mut memory) {
        if catch_unwind(AssertUnwindSafe(|| task.run(&mut memory))).is_err() {
            tracing::error!("checking a password panicked");
        }
    }
}
