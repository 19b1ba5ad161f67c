//! Whether a verified token was ended before its time: by the status lists of its issuer, which are followed in the
//! background, so that no request waits for them but the first one that names a list.

mod follow;
mod list;
mod push;
mod settings;
mod slot;
mod sticky;

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use latchkey_jose::Algorithm;
use latchkey_protocol::{Clock, Timestamp, status::StatusClaim};
use serde::Deserialize;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, watch},
};

use crate::{
    AccessToken, Refusal, Rejection, Unavailable, discovery::Advert, http::Client, keys::Keys,
};

pub use settings::{StatusLists, WhenStale};
use slot::{Bit, Slot};

/// The most lists that are followed at a time.
const MOST_LISTS: usize = 64;

/// The most lists that are fetched at a time.
const MOST_FETCHES: usize = 8;

/// The time until a task is begun anew that has ended in a panic, which only a [`Fetch`](crate::Fetch) or a clock of the
/// API's own can cause.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// A list that was not used for so many seconds makes room for another one.
const YIELDS_AFTER: i64 = 60;

/// The claim (draft 6.1).
const CLAIM: &str = "status";

/// What a request does: whether it may pass by a stale list is for the API to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Read,
    Change,
}

/// Where the status of one token stands.
#[derive(Clone)]
pub struct Standing {
    slot: Arc<Slot>,
    idx: u64,
}

impl Standing {
    /// Whether the list is still followed.
    pub fn is_followed(&self) -> bool {
        !self.slot.is_gone()
    }
}

/// The lists of one issuer. The tasks that follow them end with it.
pub struct Lists(Arc<Shared>);

struct Shared {
    settings: StatusLists,
    issuer: String,
    algorithms: Vec<Algorithm>,
    http: Client,
    keys: Keys,
    clock: Arc<dyn Clock>,
    advert: watch::Receiver<Advert>,
    slots: Mutex<HashMap<Box<str>, Arc<Slot>>>,
    waiting: AtomicUsize,
    fetches: Arc<Semaphore>,
    /// How many lists are followed: of changes is heard only while there are some.
    count: watch::Sender<usize>,
    /// Rises when the issuer says that a list has changed.
    changes: watch::Sender<u64>,
    is_pushed: AtomicBool,
    /// Whether the log says that there are too many.
    said_full: AtomicBool,
    /// Where lists are followed: it lives as long as the verifier, which that of a request need not.
    runtime: Handle,
}

/// How it stands with the status lists of the issuer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListsHealth {
    /// How many are followed: those that tokens of the last ten minutes named.
    pub count: usize,
    /// Whether the issuer says at once when one changes. Otherwise they are fetched by time.
    pub are_pushed: bool,
    /// Whether one of them has ended, and could not be fetched again.
    pub are_stale: bool,
}

impl Lists {
    pub fn new(
        settings: StatusLists,
        (issuer, algorithms): (String, Vec<Algorithm>),
        http: Client,
        keys: Keys,
        clock: Arc<dyn Clock>,
        advert: watch::Receiver<Advert>,
    ) -> Self {
        let shared = Arc::new(Shared {
            settings,
            issuer,
            algorithms,
            http,
            keys,
            clock,
            advert: advert.clone(),
            slots: Mutex::default(),
            waiting: AtomicUsize::new(0),
            fetches: Arc::new(Semaphore::new(MOST_FETCHES)),
            count: watch::Sender::default(),
            changes: watch::Sender::default(),
            is_pushed: AtomicBool::new(false),
            said_full: AtomicBool::new(false),
            runtime: Handle::current(),
        });
        let weak = Arc::downgrade(&shared);
        let listen = move || push::listen(weak.clone(), advert.clone());
        shared.runtime.spawn(again(listen));
        Self(shared)
    }

    /// Where the status of a verified token stands; none where it says nothing of one.
    pub fn standing(&self, token: &AccessToken) -> Result<Option<Standing>, Rejection> {
        let Some(claim) = token.more.get(CLAIM) else {
            return Ok(None);
        };
        // Another mechanism than this one is none that is known here.
        let StatusClaim { status_list } =
            StatusClaim::deserialize(claim).map_err(|_| Refusal::StatusUnreadable)?;
        Ok(Some(Standing {
            slot: self.0.slot(&status_list.uri)?,
            idx: status_list.idx,
        }))
    }

    /// Whether the token is good, as far as can be said without waiting.
    pub fn is_good(&self, standing: Option<&Standing>, now: Timestamp) -> bool {
        match standing {
            Some(at) => at.slot.look(at.idx, now) == Bit::Good,
            None => !self.0.are_there(),
        }
    }

    /// Judges by the list, which may have to be fetched first; where that is stale, by what the API says.
    pub async fn check(
        &self,
        standing: Option<&Standing>,
        access: Access,
    ) -> Result<(), Rejection> {
        let Some(Standing { slot, idx }) = standing else {
            let is_needed = self.0.are_there();
            return if is_needed {
                Err(Refusal::StatusMissing.into())
            } else {
                Ok(())
            };
        };
        let mut bit = slot.look(*idx, self.0.now());
        if !matches!(bit, Bit::Good | Bit::Ended) {
            slot.fetch(&self.0.waiting).await;
            bit = slot.look(*idx, self.0.now());
        }
        match bit {
            Bit::Good => Ok(()),
            Bit::Ended => Err(Refusal::Revoked.into()),
            Bit::Outside => Err(Refusal::StatusUnreadable.into()),
            Bit::Stale | Bit::Unknown => {
                self.0.say_stale(slot);
                self.0.policy(access)
            }
        }
    }

    pub fn health(&self) -> ListsHealth {
        let slots = self.0.slots();
        let now = self.0.now();
        ListsHealth {
            count: slots.len(),
            are_pushed: self.0.is_pushed.load(Ordering::Acquire),
            are_stale: slots.values().any(|slot| !slot.is_fresh(now)),
        }
    }
}

impl Shared {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether the issuer publishes lists: then each token of its has a status.
    fn are_there(&self) -> bool {
        self.advert.borrow().is_there
    }

    fn policy(&self, access: Access) -> Result<(), Rejection> {
        let passes = match self.settings.when_stale {
            WhenStale::Refuse => false,
            WhenStale::AllowReads => access == Access::Read,
            WhenStale::Allow => true,
        };
        if passes {
            Ok(())
        } else {
            Err(Unavailable::StatusList.into())
        }
    }

    /// The list of this address, which is followed from now on.
    fn slot(self: &Arc<Self>, uri: &str) -> Result<Arc<Slot>, Rejection> {
        let mut slots = self.slots();
        if let Some(slot) = slots.get(uri) {
            return Ok(slot.clone());
        }
        if !self.settings.may_be_at(uri, &self.issuer) {
            return Err(Refusal::StatusUnreadable.into());
        }
        let now = self.now();
        if slots.len() >= MOST_LISTS && !make_room(&mut slots, now) {
            if !self.said_full.swap(true, Ordering::AcqRel) {
                tracing::warn!(uri, "more status lists than can be followed are in use");
            }
            return Err(Unavailable::StatusList.into());
        }
        let slot = Arc::new(Slot::new(uri, now));
        slots.insert(uri.into(), slot.clone());
        self.count.send_replace(slots.len());
        self.said_full.store(false, Ordering::Release);
        let (weak, followed) = (Arc::downgrade(self), slot.clone());
        let follow = move || follow::follow(weak.clone(), followed.clone());
        self.runtime.spawn(again(follow));
        Ok(slot)
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<Box<str>, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Once, until there is a list again.
    fn say_stale(&self, slot: &Slot) {
        if !slot.say_stale(true) {
            let policy = self.settings.when_stale;
            tracing::warn!(uri = &*slot.uri, ?policy, "the status list is stale");
        }
    }
}

/// Does it once more after a panic, until it ends by itself.
async fn again<F: Future<Output = ()> + Send + 'static>(task: impl Fn() -> F) {
    while tokio::spawn(task())
        .await
        .is_err_and(|error| error.is_panic())
    {
        tokio::time::sleep(AFTER_PANIC).await;
    }
}

/// Up to so many percent sooner, by chance: so that many APIs do not come at once.
fn sooner(time: Duration, percent: u64) -> Duration {
    let thousandths = RandomState::new().hash_one(()) % (percent * 10);
    time - time.mul_f64(thousandths as f64 / 1000.0)
}

/// Takes away the list that was not used for the longest time.
fn make_room(slots: &mut HashMap<Box<str>, Arc<Slot>>, now: Timestamp) -> bool {
    let idle = slots.values().max_by_key(|slot| slot.unused_for(now));
    let Some(idle) = idle.filter(|slot| slot.unused_for(now) >= YIELDS_AFTER) else {
        return false;
    };
    idle.leave();
    let uri = idle.uri.clone();
    slots.remove(&uri);
    true
}
