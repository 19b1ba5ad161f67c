//! Compares client secrets, and counts wrong ones, here and in the store.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use latchkey_protocol::{
    ClientId, Reason,
    attempts::{Allowance, WINDOW, network, of_guess, of_secret},
    client::Client,
    client_auth::Credentials,
    error::Refusal,
    secret::Pepper,
    store::Attempts,
    time::Timestamp,
};
use moka::sync::Cache;

use crate::ClientSecrets;

/// How long it is remembered from where a client has authenticated.
const REMEMBERED: Duration = Duration::from_secs(86_400);

/// Counts wrong client secrets: here at once, so that of parallel guesses no more are judged than are allowed, and in
/// the store, for all nodes together. A right secret costs a look into memory.
pub struct ClientGuard {
    store: Arc<dyn Attempts>,
    pepper: Pepper,
    /// By the key of what is counted. The least used go first.
    failures: Cache<[u8; 32], Arc<Failures>>,
    /// When a secret was wrong last, of whichever client: before that there is nothing to look for.
    last: AtomicI64,
    /// From where clients have authenticated, by hash.
    seen: Cache<u64, ()>,
    hasher: RandomState,
}

/// The different secrets that were wrong within one window.
#[derive(Debug, Default)]
struct Failures(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    since: Timestamp,
    /// The beginnings of keyed digests.
    guesses: Vec<[u8; 8]>,
    /// By what the other nodes counted.
    used_up: bool,
}

impl Failures {
    fn window(&self) -> MutexGuard<'_, Window> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn are_used_up(&self, most: usize, now: Timestamp) -> bool {
        let window = self.window();
        (now - window.since).abs() < WINDOW && (window.used_up || window.guesses.len() >= most)
    }

    /// Counts one more, unless it is counted already or `most` are.
    fn add(&self, guess: [u8; 8], most: usize, now: Timestamp) -> GuessOutcome {
        let mut window = self.window();
        if (now - window.since).abs() >= WINDOW {
            *window = Window {
                since: now,
                ..Window::default()
            };
        }
        if window.used_up {
            return GuessOutcome::NoRoom;
        }
        if window.guesses.contains(&guess) {
            return GuessOutcome::Known;
        }
        if window.guesses.len() >= most {
            return GuessOutcome::NoRoom;
        }
        window.guesses.push(guess);
        GuessOutcome::New
    }

    fn use_up(&self, now: Timestamp) {
        *self.window() = Window {
            since: now,
            used_up: true,
            guesses: Vec::new(),
        };
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GuessOutcome {
    New,
    Known,
    NoRoom,
}

fn most(allowance: &Allowance) -> usize {
    usize::try_from(allowance.most).unwrap_or(0)
}

impl ClientGuard {
    /// Counts in `store`, under keys that `pepper` makes.
    pub fn new(store: Arc<dyn Attempts>, pepper: Pepper) -> Self {
        let seen = Cache::builder()
            .max_capacity(20_000)
            .time_to_live(REMEMBERED)
            .build();
        let (failures, last) = (Cache::new(50_000), AtomicI64::new(i64::MIN / 2));
        Self {
            store,
            pepper,
            failures,
            last,
            seen,
            hasher: RandomState::new(),
        }
    }

    /// Compares what a caller from `address` presented with the registration of `client`, unless too many of the client's
    /// secrets were wrong from there.
    ///
    /// # Errors
    /// Whatever [`Credentials::authenticate`] refuses, [`Reason::ClientAuthLocked`].
    pub async fn authenticate(
        &self,
        secrets: &ClientSecrets,
        presented: &Credentials,
        client: &Client,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if client.secret.is_none() {
            return presented.authenticate(client, secrets.pepper(), now);
        }
        let locked = || {
            let received = format!("as many as are allowed, the last from {address}");
            Reason::ClientAuthLocked.because("fewer wrong secrets within ten minutes", received)
        };
        if self.is_locked(&client.id, address, now) {
            return Err(locked());
        }
        match presented.authenticate(client, secrets.pepper(), now) {
            Err(refused) if refused.reason == Reason::ClientSecretWrong => {
                Err(if self.failed(presented, address, now).await {
                    refused
                } else {
                    locked()
                })
            }
            Ok(()) => {
                self.succeeded(&client.id, address);
                Ok(())
            }
            Err(refused) => Err(refused),
        }
    }

    /// Whether secrets of this client are looked at from there now.
    fn is_locked(&self, client_id: &ClientId, address: IpAddr, now: Timestamp) -> bool {
        if (now.as_seconds() - self.last.load(Ordering::Relaxed)).abs() >= WINDOW {
            return false;
        }
        let used_up = |a: &Allowance| {
            self.failures
                .get(a.key.as_bytes())
                .is_some_and(|failures| failures.are_used_up(most(a), now))
        };
        self.allowances(client_id, address).iter().any(used_up)
    }

    /// A client that has authenticated from there is not locked by what others failed, nor fails for others.
    fn allowances(&self, client_id: &ClientId, address: IpAddr) -> Vec<Allowance> {
        let own = self.seen.contains_key(&self.place(client_id, address));
        of_secret(&self.pepper, client_id, address, own)
    }

    /// The secret was right: strangers' failures do not lock the client out from there.
    fn succeeded(&self, client_id: &ClientId, address: IpAddr) {
        let place = self.place(client_id, address);
        if !self.seen.contains_key(&place) {
            self.seen.insert(place, ());
        }
    }

    /// The secret was wrong. Whether the caller may hear so: beyond what is allowed nobody hears anything. A secret that
    /// was wrong before within the window is no new guess, so that a server with an old one does not lock out the others.
    async fn failed(&self, presented: &Credentials, address: IpAddr, now: Timestamp) -> bool {
        self.last.store(now.as_seconds(), Ordering::Relaxed);
        let client_id = &presented.client_id;
        let mut allowances = self.allowances(client_id, address);
        let guess = of_guess(&self.pepper, client_id, address, presented.secret());
        let here = |a: &Allowance| self.failures.get_with(*a.key.as_bytes(), Arc::default);
        let mut short = [0; 8];
        short.copy_from_slice(&guess.key.as_bytes()[..8]);
        let added: Vec<_> = allowances
            .iter()
            .map(|a| here(a).add(short, most(a), now))
            .collect();
        if added.contains(&GuessOutcome::NoRoom) {
            return false;
        }
        if !added.contains(&GuessOutcome::New) {
            return true;
        }
        let known = guess.key.clone();
        allowances.push(guess);
        match self.store.reserve_attempts(&allowances, now).await {
            Ok(None) => true,
            // Another node has counted it.
            Ok(Some(key)) if key == known => true,
            Ok(Some(key)) => {
                for used_up in allowances.iter().filter(|a| a.key == key) {
                    here(used_up).use_up(now);
                }
                false
            }
            Err(error) => {
                tracing::warn!(%error, "wrong client secrets are counted by this node alone");
                true
            }
        }
    }

    fn place(&self, client_id: &ClientId, address: IpAddr) -> u64 {
        self.hasher.hash_one((client_id, network(address)))
    }
}
