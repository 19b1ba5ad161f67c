//! Signatures, on threads of their own, so that workers stay free for what is cheap.
//!
//! A signature costs more than all the rest of a request. The queue takes what can still be in time: beyond that a
//! caller hears at once that the server is busy. When a job's turn comes it is looked at again, because signing for
//! somebody who has gone takes the time of somebody who waits.

use latchkey_protocol::ClientId;
use std::{
    cell::Cell,
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

/// What would wait longer is refused when it comes.
const ADMITTED: Duration = Duration::from_millis(700);
/// What has waited longer is refused when its turn comes: its caller has most likely given up.
const STALE: Duration = Duration::from_secs(1);
/// How many jobs may wait, whatever the clock says.
const MOST: usize = 20_000;
/// What a signature is taken to cost before the first was made, in nanoseconds, and the least it is taken to cost.
const GUESS: u64 = 400_000;
const LEAST: u64 = 20_000;
/// Below the workers, which only hand over and answer, and above the password threads.
const NICE: i32 = 5;

/// Answers that leave at once: each on its own would wake its worker.
const TOGETHER: usize = 8;

/// How far apart refusals leave, and how long one may be held back for that. Callers who come again at once would
/// otherwise keep the workers busy with nothing but refusing them.
const PACE: Duration = Duration::from_micros(400);
const HELD: Duration = Duration::from_millis(500);
/// Refusals that are held back leave together at the next of these: each on its own would interrupt a signature.
const TICK: Duration = Duration::from_millis(10);

thread_local! {
    /// How many requests have come to be signed on this worker.
    static COME: Cell<u64> = const { Cell::new(0) };
}

/// Too much is waiting to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much is waiting to be signed")]
pub struct Busy;

/// One answer's signatures.
trait Work: Send {
    /// Whether nobody waits for it any more.
    fn is_abandoned(&self) -> bool;
    /// Makes the signatures; what comes back tells the caller.
    fn run(self: Box<Self>) -> Box<dyn FnOnce() + Send>;
    fn refuse(self: Box<Self>);
}

struct Task<T, F> {
    answer: oneshot::Sender<Result<T, Busy>>,
    work: F,
}

impl<T: Send + 'static, F: FnOnce() -> T + Send> Work for Task<T, F> {
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(self: Box<Self>) -> Box<dyn FnOnce() + Send> {
        let (made, answer) = ((self.work)(), self.answer);
        Box::new(move || {
            // The caller may have gone meanwhile.
            let _gone = answer.send(Ok(made));
        })
    }

    fn refuse(self: Box<Self>) {
        let _gone = self.answer.send(Err(Busy));
    }
}

struct Job {
    /// A keyed digest of its name.
    client: u64,
    signatures: usize,
    since: Instant,
    work: Box<dyn Work>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Signatures that wait, by client.
    waiting: HashMap<u64, usize>,
    idle: usize,
}

struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
    ended: AtomicBool,
    threads: usize,
    clients: RandomState,
    /// Signatures that wait or are being made.
    ahead: AtomicUsize,
    /// Nanoseconds that a signature took of late, as a clock on the wall sees it.
    pace: AtomicU64,
    started: Instant,
    /// When the next refusal may leave.
    refusal: Mutex<Option<Instant>>,
}

/// The threads that sign, and their queue.
pub struct Signing(Arc<Shared>);

impl Signing {
    /// Starts `threads` threads.
    pub fn new(threads: usize) -> Self {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            filled: Condvar::new(),
            ended: AtomicBool::new(false),
            threads: threads.max(1),
            clients: RandomState::new(),
            ahead: AtomicUsize::new(0),
            pace: AtomicU64::new(GUESS),
            started: Instant::now(),
            refusal: Mutex::default(),
        });
        for _ in 0..shared.threads {
            let working = shared.clone();
            let spawned = std::thread::Builder::new()
                .name("signing".into())
                .spawn(move || working.work());
            if let Err(error) = spawned {
                tracing::error!(%error, "cannot start a signing thread");
            }
        }
        Self(shared)
    }

    /// Whether a job that came now would wait too long.
    pub fn is_full(&self) -> bool {
        self.0.wait() > ADMITTED
    }

    /// Whether a job of the client that is asked for now would wait too long, or has no room beside its others. Who the
    /// client is matters, and is asked, only when half of what may wait does.
    pub fn is_full_for(&self, client: impl FnOnce() -> Option<ClientId>) -> bool {
        let wait = self.0.wait();
        if wait <= ADMITTED / 2 {
            return false;
        }
        wait > ADMITTED || client().is_some_and(|client| self.0.has_its_half(&client))
    }

    /// Comes back when the next refusal may leave.
    pub async fn pace_refusal(&self) {
        let now = Instant::now();
        let at = {
            let mut next = self
                .0
                .refusal
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let at = next.map_or(now, |next| next.clamp(now, now + HELD));
            *next = Some(at + PACE);
            at
        };
        if at > now {
            let since = at
                .duration_since(self.0.started)
                .as_nanos()
                .next_multiple_of(TICK.as_nanos());
            let together = Duration::from_nanos(u64::try_from(since).unwrap_or(u64::MAX));
            tokio::time::sleep_until((self.0.started + together).into()).await;
        }
    }

    /// Runs `work`, which makes so many signatures for `client`: on a signing thread, or at once where nobody waits for anything.
    ///
    /// # Errors
    /// [`Busy`] when its turn would come, or came, too late, or when the client has its half of what may wait.
    pub async fn run<T: Send + 'static>(
        &self,
        client: &ClientId,
        signatures: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        if self.0.ahead.load(Ordering::Relaxed) == 0 && is_alone().await {
            return Ok(self.0.make(signatures, work));
        }
        if self.is_full() {
            return Err(Busy);
        }
        let (answer, answered) = oneshot::channel();
        let client = self.0.clients.hash_one(client);
        self.0.add(Job {
            client,
            signatures,
            since: Instant::now(),
            work: Box::new(Task { answer, work }),
        })?;
        answered.await.map_err(|_| Busy)?
    }
}

/// Lets this worker do all else that is ready, and says whether that brought nobody else to sign for. Then handing over
/// to another thread would only cost time.
async fn is_alone() -> bool {
    let mine = COME.get() + 1;
    COME.set(mine);
    tokio::task::yield_now().await;
    COME.get() == mine
}

impl Drop for Signing {
    fn drop(&mut self) {
        let queue = self.0.lock();
        self.0.ended.store(true, Ordering::Relaxed);
        drop(queue);
        self.0.filled.notify_all();
    }
}

/// Signatures that are made until this is dropped.
struct Ahead<'a>(&'a AtomicUsize, usize);

impl Drop for Ahead<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::Relaxed);
    }
}

impl Queue {
    /// The job waits no more.
    fn leave(&mut self, job: &Job) {
        if let Some(waiting) = self.waiting.get_mut(&job.client) {
            *waiting -= job.signatures;
            if *waiting == 0 {
                self.waiting.remove(&job.client);
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self) -> Duration {
        self.time_for(self.ahead.load(Ordering::Relaxed))
    }

    fn time_for(&self, signatures: usize) -> Duration {
        Duration::from_nanos(
            signatures as u64 * self.pace.load(Ordering::Relaxed) / self.threads as u64,
        )
    }

    /// Whether not even one more signature of the client may wait.
    fn has_its_half(&self, client: &ClientId) -> bool {
        let waiting = self
            .lock()
            .waiting
            .get(&self.clients.hash_one(client))
            .copied();
        waiting.is_some_and(|waiting| self.is_over_half(waiting + 1))
    }

    /// The other half is for others, however much one client asks for.
    fn is_over_half(&self, signatures: usize) -> bool {
        self.time_for(signatures) > ADMITTED / 2
    }

    fn add(&self, job: Job) -> Result<(), Busy> {
        let mut queue = self.lock();
        // The estimate may be wrong, as when the threads get no processor: the oldest job knows better.
        let late = queue
            .jobs
            .front()
            .is_some_and(|oldest| oldest.since.elapsed() > ADMITTED);
        if late || queue.jobs.len() >= MOST {
            return Err(Busy);
        }
        let of_client = queue.waiting.entry(job.client).or_default();
        if *of_client > 0 && self.is_over_half(*of_client + job.signatures) {
            return Err(Busy);
        }
        *of_client += job.signatures;
        self.ahead.fetch_add(job.signatures, Ordering::Relaxed);
        queue.jobs.push_back(job);
        let sleeping = queue.idle > 0;
        drop(queue);
        if sleeping {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// A thread's work, until the end.
    fn work(&self) {
        // On Linux this lowers the one thread. Where it is not allowed, it works all the same.
        let _priority = rustix::process::nice(NICE);
        let mut made: Vec<Box<dyn FnOnce() + Send>> = Vec::with_capacity(TOGETHER);
        loop {
            if made.len() >= TOGETHER || (!made.is_empty() && self.lock().jobs.is_empty()) {
                made.drain(..).for_each(|tell| tell());
            }
            let Some(job) = self.next() else {
                return made.into_iter().for_each(|tell| tell());
            };
            let signatures = job.signatures;
            if job.work.is_abandoned() {
                drop(job);
            } else if job.since.elapsed() > STALE {
                job.work.refuse();
            } else {
                let started = Instant::now();
                let work = std::panic::AssertUnwindSafe(|| job.work.run());
                match std::panic::catch_unwind(work) {
                    Ok(tell) => made.push(tell),
                    Err(_) => tracing::error!("a signature ended in a panic"),
                }
                self.learn(started.elapsed(), signatures);
            }
            self.ahead.fetch_sub(signatures, Ordering::Relaxed);
        }
    }

    /// Makes the signatures here and now.
    fn make<T>(&self, signatures: usize, work: impl FnOnce() -> T) -> T {
        self.ahead.fetch_add(signatures, Ordering::Relaxed);
        // After a panic too: otherwise nobody would be alone again.
        let _made = Ahead(&self.ahead, signatures);
        work()
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if self.ended.load(Ordering::Relaxed) {
                return None;
            }
            if let Some(job) = queue.jobs.pop_front() {
                queue.leave(&job);
                return Some(job);
            }
            queue.idle += 1;
            queue = self
                .filled
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }

    /// Keeps a moving average; a lost race between two threads loses one measurement.
    fn learn(&self, took: Duration, signatures: usize) {
        let each = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) / signatures.max(1) as u64;
        let pace = self.pace.load(Ordering::Relaxed);
        self.pace.store(
            ((pace * 31).saturating_add(each) / 32).max(LEAST),
            Ordering::Relaxed,
        );
    }
}

#[cfg(test)]
mod tests;
