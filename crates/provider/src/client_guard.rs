use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use latchkey_protocol::{
    Store,
    attempts::{Allowance, WINDOW, network, of_secret},
    secret::Pepper,
    time::Timestamp,
};
use moka::sync::Cache;

/// How long it is remembered from where a client has authenticated.
const REMEMBERED: Duration = Duration::from_secs(86_400);

/// Counts wrong client secrets: here at once, so that of parallel guesses no more are judged than are allowed, and in
/// the store, for all nodes together. A right secret costs a look into memory.
pub struct ClientGuard {
    store: Arc<dyn Store>,
    pepper: Pepper,
    /// By the key of what is counted. The least used go first.
    failures: Cache<Vec<u8>, Arc<Failures>>,
    /// When a secret was wrong last, of whichever client: before that there is nothing to look for.
    last: AtomicI64,
    /// From where clients have authenticated, by hash.
    seen: Cache<u64, ()>,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Failures(Mutex<(Timestamp, i64)>);

impl Failures {
    fn within_window(&self, now: Timestamp) -> i64 {
        let (since, count) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if (now - since).abs() < WINDOW { count } else { 0 }
    }

    /// Counts one more, unless `most` are.
    fn add(&self, most: i64, now: Timestamp) -> bool {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if (now - counted.0).abs() >= WINDOW {
            *counted = (now, 0);
        }
        let room = counted.1 < most;
        counted.1 += i64::from(room);
        room
    }

    fn use_up(&self, most: i64, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (now, most);
    }
}

impl ClientGuard {
    pub fn new(store: Arc<dyn Store>, pepper: Pepper) -> Self {
        let seen = Cache::builder().max_capacity(20_000).time_to_live(REMEMBERED).build();
        let (failures, last) = (Cache::new(50_000), AtomicI64::new(i64::MIN / 2));
        Self { store, pepper, failures, last, seen, hasher: RandomState::new() }
    }

    /// Whether secrets of this client are looked at from there now.
    pub fn is_locked(&self, client_id: &str, address: IpAddr, now: Timestamp) -> bool {
        if (now - self.last.load(Ordering::Relaxed)).abs() >= WINDOW {
            return false;
        }
        let used_up = |a: &Allowance| {
            self.failures.get(a.key.as_bytes()).is_some_and(|failures| failures.within_window(now) >= a.most)
        };
        let [from_there, from_anywhere] = of_secret(&self.pepper, client_id, address);
        used_up(&from_there) || (used_up(&from_anywhere) && !self.seen.contains_key(&self.place(client_id, address)))
    }

    /// The secret was right: strangers' failures do not lock the client out from there.
    pub fn succeeded(&self, client_id: &str, address: IpAddr) {
        let place = self.place(client_id, address);
        if !self.seen.contains_key(&place) {
            self.seen.insert(place, ());
        }
    }

    /// The secret was wrong. Whether the caller may hear so: beyond what is allowed nobody hears anything.
    pub async fn failed(&self, client_id: &str, address: IpAddr, now: Timestamp) -> bool {
        self.last.store(now, Ordering::Relaxed);
        let mut allowances = of_secret(&self.pepper, client_id, address).to_vec();
        if self.seen.contains_key(&self.place(client_id, address)) {
            // A client that has authenticated from there is not locked by what others failed, nor fails for others.
            allowances.truncate(1);
        }
        let here = |a: &Allowance| self.failures.get_with(a.key.as_bytes().to_vec(), Arc::default);
        if !allowances.iter().all(|a| here(a).add(a.most, now)) {
            return false;
        }
        match self.store.reserve_attempts(&allowances, now).await {
            Ok(None) => true,
            Ok(Some(key)) => {
                for used_up in allowances.iter().filter(|a| a.key == key) {
                    here(used_up).use_up(used_up.most, now);
                }
                false
            }
            Err(error) => {
                tracing::warn!(%error, "wrong client secrets are counted by this node alone");
                true
            }
        }
    }

    fn place(&self, client_id: &str, address: IpAddr) -> u64 {
        self.hasher.hash_one((client_id, network(address)))
    }
}
