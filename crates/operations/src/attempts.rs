//! The login throttle: counts sign-ins, in the store, so that no more passwords are judged than are allowed.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use latchkey_protocol::{
    Digest, StoreError,
    attempts::{Guess, of_sign_in},
    kind,
    secret::Pepper,
    store::Attempts,
    time::Timestamp,
};
use tokio::runtime::Handle;

/// Counts sign-ins before their password is looked at, in the store: for all nodes together.
pub struct Throttle {
    store: Arc<dyn Attempts>,
    pepper: Pepper,
}

/// A sign-in that was counted. Whoever judges the password holds a clone: when the last one is gone, it is given back
/// unless the password was wrong. So a caller that leaves has used up nothing when nothing was judged, and keeps what
/// they used up when a wrong password was, however late that turns out.
#[derive(Clone)]
pub struct Attempt(Arc<NetworkCount>);

struct NetworkCount {
    store: Arc<dyn Attempts>,
    keys: Vec<Digest<kind::Attempts>>,
    at: Timestamp,
    /// Nothing is left to give back.
    settled: AtomicBool,
    /// Where the last clone goes there may be no runtime.
    runtime: Handle,
}

impl Attempt {
    /// The password was wrong: it stays counted.
    pub fn was_wrong(&self) {
        self.0.settled.store(true, Ordering::SeqCst);
    }

    /// A sign-in that worked clears what was failed as was typed from this network, or in this browser.
    pub async fn succeeded(self) {
        if self.0.settled.swap(true, Ordering::SeqCst) {
            return;
        }
        // A task of its own: it is done once, even when the caller leaves meanwhile.
        let _over = self
            .0
            .runtime
            .spawn(uncount(
                self.0.store.clone(),
                self.0.keys.clone(),
                true,
                self.0.at,
            ))
            .await;
    }
}

impl Drop for NetworkCount {
    fn drop(&mut self) {
        if !self.settled.swap(true, Ordering::SeqCst) {
            let keys = std::mem::take(&mut self.keys);
            self.runtime
                .spawn(uncount(self.store.clone(), keys, false, self.at));
        }
    }
}

async fn uncount(
    store: Arc<dyn Attempts>,
    keys: Vec<Digest<kind::Attempts>>,
    clear: bool,
    at: Timestamp,
) {
    if let Err(error) = store.give_back_attempts(&keys, clear, at).await {
        tracing::warn!(%error, "an attempt that did not fail stays counted");
    }
}

impl Throttle {
    /// `pepper` keeps what was typed out of the counts' keys.
    pub fn new(store: Arc<dyn Attempts>, pepper: Pepper) -> Self {
        Self { store, pepper }
    }

    /// Counts one more attempt, before the password is looked at; `None` where no more are allowed. Of racing callers
    /// no more get one than are allowed.
    ///
    /// # Errors
    /// [`StoreError`]: nobody signs in while attempts cannot be counted.
    pub async fn reserve(
        &self,
        guess: Guess<'_>,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Option<Attempt>, StoreError> {
        let allowances = of_sign_in(&self.pepper, guess, address);
        let (store, runtime) = (self.store.clone(), Handle::current());
        // The count is written whether or not the caller still waits. This task then holds the attempt, and drops it.
        let reserved = Handle::current().spawn(async move {
            if store.reserve_attempts(&allowances, now).await?.is_some() {
                return Ok(None);
            }
            let keys = allowances.into_iter().map(|a| a.key).collect();
            let counted = NetworkCount {
                store,
                keys,
                at: now,
                settled: AtomicBool::new(false),
                runtime,
            };
            Ok(Some(Attempt(Arc::new(counted))))
        });
        reserved
            .await
            .map_err(|error| StoreError::Failed(error.to_string()))?
    }
}
