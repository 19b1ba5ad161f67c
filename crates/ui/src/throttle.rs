use std::{net::IpAddr, sync::Arc};

use latchkey_protocol::{
    Store, StoreError,
    attempts::{Allowance, of_sign_in},
    secret::Pepper,
    time::Timestamp,
};

/// Counts sign-ins before their password is looked at, in the store: for all nodes together.
pub struct Throttle {
    store: Arc<dyn Store>,
    pepper: Pepper,
}

/// A sign-in that was counted.
#[derive(Debug)]
pub struct Attempt {
    allowances: Vec<Allowance>,
    at: Timestamp,
}

impl Throttle {
    /// `pepper` keeps what was typed out of the counts' keys.
    pub fn new(store: Arc<dyn Store>, pepper: Pepper) -> Self {
        Self { store, pepper }
    }

    /// Counts one more attempt at `subject`, before the password is looked at; `None` where no more are allowed. Of racing callers
    /// no more get one than are allowed. It stays counted unless it is given back.
    ///
    /// # Errors
    /// [`StoreError`]: nobody signs in while attempts cannot be counted.
    pub async fn reserve(
        &self,
        subject: &str,
        address: IpAddr,
        known_browser: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<Attempt>, StoreError> {
        let allowances = of_sign_in(&self.pepper, subject, address, known_browser);
        let used_up = self.store.reserve_attempts(&allowances, now).await?;
        Ok(used_up.is_none().then_some(Attempt { allowances, at: now }))
    }

    /// The password was not looked at.
    pub async fn give_back(&self, attempt: Attempt) {
        self.uncount(attempt, false).await;
    }

    /// A sign-in that worked clears what this name had failed from this network, or in this browser.
    pub async fn succeeded(&self, attempt: Attempt) {
        self.uncount(attempt, true).await;
    }

    async fn uncount(&self, attempt: Attempt, clear: bool) {
        let keys: Vec<_> = attempt.allowances.into_iter().map(|a| a.key).collect();
        if let Err(error) = self.store.give_back_attempts(&keys, clear, attempt.at).await {
            tracing::warn!(%error, "an attempt that did not fail stays counted");
        }
    }
}
