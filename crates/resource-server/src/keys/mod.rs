//! The published keys of the issuer: who verifies asks here, and one task alone fetches.

mod jwk;
mod keeper;
mod set;

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use latchkey_jose::{Algorithm, Compact};
use latchkey_protocol::{Clock, Timestamp};
use tokio::sync::{Notify, watch};

use crate::{Refusal, Rejection, Unavailable, seat::Seat, status::ListsHealth};

pub use keeper::Source;
use set::{Found, KeySet};

/// The longest that a request waits for keys.
const WAIT: Duration = Duration::from_secs(3);

/// How far a clock may be set back, in seconds.
const CLOCKS_DIFFER: i64 = 60;

/// After a fetch that failed the next one may come sooner than after one that brought keys.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How often keys are fetched, and how long they count.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long keys count after they were fetched, in seconds.
    pub stale_for: i64,
    /// The shortest time between two fetches that unknown keys cause.
    pub pause: Duration,
    /// The time between two fetches by themselves; none: as the answer says.
    pub every: Option<Duration>,
}

/// The keys of one issuer. The task that fetches them ends with the last clone.
#[derive(Clone)]
pub struct Keys(Arc<Shared>);

struct Shared {
    set: RwLock<Arc<KeySet>>,
    /// That of `set`, to be compared without a lock.
    generation: AtomicU64,
    /// When keys were fetched last.
    fetched_at: AtomicI64,
    clock: Arc<dyn Clock>,
    pace: Pace,
    /// Whether all goes on where the issuer has none.
    may_lack: bool,
    /// Whether the issuer has none, and never had any.
    has_none: AtomicBool,
    waiting: AtomicUsize,
    asked: Arc<Notify>,
    /// Whether the metadata is to be read anew before the next fetch.
    looks_again: AtomicBool,
    rounds: watch::Sender<Round>,
    /// Why the last fetch failed that did.
    failure: Mutex<Option<String>>,
}

/// How the last fetch ended.
#[derive(Debug, Clone, Copy, Default)]
struct Round {
    ended: Option<Instant>,
    failed: bool,
}

/// How it stands with the keys and the status lists of the issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Whether tokens can be verified now.
    pub is_ready: bool,
    /// When keys were fetched last.
    pub keys_fetched_at: Option<Timestamp>,
    /// Whether the last attempt to fetch them failed.
    pub is_issuer_away: bool,
    /// The status lists.
    pub lists: ListsHealth,
}

impl Keys {
    /// `may_lack`: the issuer can be asked about each token, and needs no keys.
    pub fn new(source: Source, pace: Pace, may_lack: bool, clock: Arc<dyn Clock>) -> Self {
        let shared = Arc::new(Shared {
            set: RwLock::new(Arc::new(KeySet::empty())),
            generation: AtomicU64::new(0),
            fetched_at: AtomicI64::new(i64::MIN),
            clock,
            pace,
            may_lack,
            has_none: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            asked: Arc::new(Notify::new()),
            looks_again: AtomicBool::new(false),
            rounds: watch::Sender::default(),
            failure: Mutex::default(),
        });
        tokio::spawn(keeper::keep(Arc::downgrade(&shared), source));
        Self(shared)
    }

    /// Waits until keys are there, or none are needed.
    pub async fn ready(&self, at_most: Duration) -> bool {
        let mut rounds = self.0.rounds.subscribe();
        let wait = rounds.wait_for(|_| self.0.are_usable() || self.are_none());
        matches!(tokio::time::timeout(at_most, wait).await, Ok(Ok(_)))
    }

    /// Whether the issuer has none, never had any, and can be asked about each token instead.
    pub fn are_none(&self) -> bool {
        self.0.has_none.load(Ordering::Acquire)
    }

    /// Why there are none, as far as a fetch has failed.
    pub fn failure(&self) -> Option<String> {
        let failure = self.0.failure.lock();
        failure.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Verifies the signature by the published key of this `kid` and algorithm. Returns the generation of the set that
    /// had it. A key that is not known is fetched, once for all who wait.
    pub async fn verify(
        &self,
        token: &Compact<'_>,
        kid: &str,
        algorithm: Algorithm,
    ) -> Result<u64, Rejection> {
        if let Some(judged) = self.0.verify(token, kid, algorithm) {
            return Ok(judged?);
        }
        self.0.fetch_again().await?;
        match self.0.verify(token, kid, algorithm) {
            Some(judged) => Ok(judged?),
            None if self.0.are_usable() => Err(Refusal::UnknownKey.into()),
            None => Err(Unavailable::Keys.into()),
        }
    }

    /// Has the issuer's metadata read anew, not sooner than another fetch is made for somebody.
    pub fn look_again(&self) {
        self.0.looks_again.store(true, Ordering::Release);
        self.0.asked.notify_one();
    }

    /// Whether what was verified by the set of this generation is so by the keys of now.
    pub fn still_prove(&self, generation: u64) -> bool {
        self.0.generation.load(Ordering::Acquire) == generation && self.0.are_usable()
    }

    pub fn health(&self) -> Health {
        let at = self.0.fetched_at.load(Ordering::Acquire);
        Health {
            is_ready: self.0.are_usable() || self.are_none(),
            keys_fetched_at: (at != i64::MIN).then_some(Timestamp::from_seconds(at)),
            is_issuer_away: self.0.rounds.borrow().failed,
            lists: ListsHealth::default(),
        }
    }
}

impl Shared {
    /// None when the key is not known, or no key may be used any more.
    fn verify(
        &self,
        token: &Compact<'_>,
        kid: &str,
        algorithm: Algorithm,
    ) -> Option<Result<u64, Refusal>> {
        if !self.are_usable() {
            return None;
        }
        let set = self.set();
        match set.find(kid, algorithm) {
            Found::Key(key) => Some(set::verify(key, token).map(|()| set.generation)),
            Found::OtherAlgorithm => Some(Err(Refusal::Algorithm)),
            Found::Nothing => None,
        }
    }

    fn are_usable(&self) -> bool {
        let at = self.fetched_at.load(Ordering::Acquire);
        let until = Timestamp::from_seconds(at) + self.pace.stale_for;
        let now = self.clock.now();
        // Fetched later than now: the clock has gone back, and says nothing of how old they are.
        at != i64::MIN && now < until && Timestamp::from_seconds(at) <= now + CLOCKS_DIFFER
    }

    fn set(&self) -> Arc<KeySet> {
        self.set
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Has the keys fetched, unless that was done a moment ago: whoever sends unknown key ids causes no more fetches.
    async fn fetch_again(&self) -> Result<(), Unavailable> {
        let mut rounds = self.rounds.subscribe();
        let last = *rounds.borrow_and_update();
        if last.is_recent(self.pace.pause) {
            return last.outcome();
        }
        let _seat = Seat::take(&self.waiting)?;
        self.asked.notify_one();
        match tokio::time::timeout(WAIT, rounds.changed()).await {
            Ok(Ok(())) => rounds.borrow().outcome(),
            Ok(Err(_)) | Err(_) => Err(Unavailable::Keys),
        }
    }
}

/// So that the task sees that nobody is left.
impl Drop for Shared {
    fn drop(&mut self) {
        self.asked.notify_one();
    }
}

impl Round {
    fn pause(self, pause: Duration) -> Duration {
        if self.failed {
            pause.min(AFTER_FAILURE)
        } else {
            pause
        }
    }

    fn is_recent(self, pause: Duration) -> bool {
        self.ended
            .is_some_and(|at| at.elapsed() < self.pause(pause))
    }

    fn outcome(self) -> Result<(), Unavailable> {
        if self.failed {
            Err(Unavailable::Keys)
        } else {
            Ok(())
        }
    }
}
