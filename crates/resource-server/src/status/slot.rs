//! One status list as it is known: who verifies looks here, and one task alone replaces it.

use std::{
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use latchkey_protocol::{Timestamp, status::StatusList};
use tokio::sync::{Notify, watch};

use super::sticky::Sticky;
use crate::seat::Seat;

/// The longest that a request waits for a list.
const WAIT: Duration = Duration::from_secs(2);

/// How far the list that is known may come from the future, in seconds: the clock was set back since, and says nothing of how
/// old it is.
const AHEAD: i64 = 60;

/// The shortest time between two fetches that requests cause.
pub const PAUSE: Duration = Duration::from_secs(1);

/// A list, by the address that tokens name.
pub struct Slot {
    pub uri: Box<str>,
    held: RwLock<Option<Held>>,
    used_at: AtomicI64,
    /// Whether the log says that it is stale.
    said_stale: AtomicBool,
    asks: Notify,
    is_asked: AtomicBool,
    rounds: watch::Sender<Option<Round>>,
    is_gone: AtomicBool,
}

/// How the last attempt to fetch it ended.
#[derive(Clone, Copy)]
struct Round {
    ended: Instant,
    failed: bool,
}

struct Held {
    list: StatusList,
    sticky: Sticky,
    iat: Timestamp,
    until: Timestamp,
}

impl Held {
    fn counts(&self, now: Timestamp) -> bool {
        now < self.until && !self.is_of_the_future(now)
    }

    fn is_of_the_future(&self, now: Timestamp) -> bool {
        self.iat - AHEAD > now
    }
}

/// What a list says of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bit {
    Good,
    /// Revoked, suspended, or whatever else is not good.
    Ended,
    /// Good, when the list was still worth something.
    Stale,
    /// Nothing: the list has no such place.
    Outside,
    /// There is no list.
    Unknown,
}

/// A list that was verified.
pub struct Fresh {
    pub list: StatusList,
    pub iat: Timestamp,
    pub until: Timestamp,
    /// How long it may be kept, as it says.
    pub ttl: Option<Duration>,
}

impl Slot {
    pub fn new(uri: &str, now: Timestamp) -> Self {
        Self {
            uri: uri.into(),
            held: RwLock::default(),
            used_at: AtomicI64::new(now.as_seconds()),
            said_stale: AtomicBool::new(false),
            asks: Notify::new(),
            is_asked: AtomicBool::new(false),
            rounds: watch::Sender::default(),
            is_gone: AtomicBool::new(false),
        }
    }

    pub fn look(&self, idx: u64, now: Timestamp) -> Bit {
        // Written once a second, so that callers on other cores are not slowed down.
        if self.used_at.load(Ordering::Relaxed) != now.as_seconds() {
            self.used_at.store(now.as_seconds(), Ordering::Relaxed);
        }
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let Some(held) = &*held else {
            return Bit::Unknown;
        };
        match held.list.get(idx) {
            None => Bit::Outside,
            Some(0) if held.counts(now) => Bit::Good,
            Some(0) => Bit::Stale,
            Some(_) => Bit::Ended,
        }
    }

    /// Takes what was fetched. An older list than the one that is known replaces it never: whoever can choose what is
    /// answered could take a revocation back. What it ends besides counts all the same: it may come from a node whose clock
    /// is behind.
    ///
    /// Returns whether it was taken.
    pub fn take(&self, fresh: Fresh, now: Timestamp) -> bool {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = &mut *held
            && fresh.iat < held.iat
            && !held.is_of_the_future(now)
        {
            held.sticky.add(&mut held.list, fresh.list);
            return false;
        }
        let mut sticky = held.take().map(|held| held.sticky).unwrap_or_default();
        *held = Some(Held {
            list: sticky.keep(fresh.list, now),
            sticky,
            iat: fresh.iat,
            until: fresh.until,
        });
        true
    }

    /// Has it fetched, unless that was tried a moment ago, and waits for that; whatever comes of it is seen in the list.
    /// After an attempt that failed nobody waits for the next one, nor does who finds no seat.
    pub async fn fetch(&self, waiting: &AtomicUsize) {
        let mut rounds = self.rounds.subscribe();
        let last = *rounds.borrow_and_update();
        if last.is_some_and(|last| last.ended.elapsed() < PAUSE) {
            return;
        }
        self.is_asked.store(true, Ordering::Release);
        self.asks.notify_one();
        if last.is_some_and(|last| last.failed) {
            return;
        }
        if let Ok(_seat) = Seat::take(waiting) {
            let _ = tokio::time::timeout(WAIT, rounds.changed()).await;
        }
    }

    /// Until somebody waits whom the last attempt did not help.
    pub async fn asked(&self) {
        while !self.is_asked.load(Ordering::Acquire) {
            self.asks.notified().await;
        }
    }

    /// An attempt has ended, and helped all who wait as far as it could.
    pub fn end_round(&self, failed: bool) {
        self.is_asked.store(false, Ordering::Release);
        let ended = Instant::now();
        self.rounds.send_replace(Some(Round { ended, failed }));
    }

    /// Whether it is known, and has not ended.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().is_some_and(|held| held.counts(now))
    }

    /// How long nobody has asked for it, in seconds.
    pub fn unused_for(&self, now: Timestamp) -> i64 {
        now - Timestamp::from_seconds(self.used_at.load(Ordering::Relaxed))
    }

    /// Notes that the log says it is stale, or no longer. Returns what it said before.
    pub fn say_stale(&self, is_stale: bool) -> bool {
        self.said_stale.swap(is_stale, Ordering::AcqRel)
    }

    /// Nobody follows it any more: whoever holds it looks for another.
    pub fn leave(&self) {
        self.is_gone.store(true, Ordering::Release);
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Acquire)
    }
}
