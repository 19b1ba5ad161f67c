//! One renewal at a time for each session of this process: whoever comes meanwhile waits for that one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::{Outcome, PATIENCE};
use crate::store::Key;

/// The most sessions that are renewed at once.
const MOST: usize = 10_000;

type Under = watch::Receiver<Option<Outcome>>;

/// The renewals under way.
#[derive(Clone, Default)]
pub struct Flights(Arc<Mutex<HashMap<Key, Under>>>);

impl Flights {
    /// What comes of the renewal under way, or of this one where there is none. It runs to its end even if everybody who
    /// waits for it goes away: the provider has rotated the token by then.
    pub async fn join<F>(&self, key: Key, renewal: impl FnOnce() -> F) -> Outcome
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let Some(mut under) = self.under(key, renewal) else {
            return Outcome::Away;
        };
        let outcome = under.wait_for(Option::is_some);
        let outcome = match tokio::time::timeout(PATIENCE, outcome).await {
            Ok(Ok(outcome)) => outcome.clone(),
            // Its task is gone, as it has panicked, or it takes longer.
            Ok(Err(_)) | Err(_) => None,
        };
        outcome.unwrap_or(Outcome::Away)
    }

    fn under<F>(&self, key: Key, renewal: impl FnOnce() -> F) -> Option<Under>
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let mut flights = self.lock();
        if let Some(under) = flights.get(&key) {
            return Some(under.clone());
        }
        if flights.len() >= MOST {
            return None;
        }
        let (said, under) = watch::channel(None);
        flights.insert(key, under.clone());
        drop(flights);
        let landing = Landing(self.clone(), key);
        let renewal = renewal();
        tokio::spawn(async move {
            let outcome = renewal.await;
            drop(landing);
            said.send_replace(Some(outcome));
        });
        Some(under)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Under>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the renewal off the list, however it ends.
struct Landing(Flights, Key);

impl Drop for Landing {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
    }
}
