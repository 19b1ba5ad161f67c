//! Follows the signing keys of the store: loads what others made, and makes the next one when it is due.

use anyhow::{Result, ensure};
use latchkey_jose::{KeyRing, MasterKey};
use latchkey_protocol::{
    Timestamp,
    rotation::{NextKey, Rotation, published_after},
    store::StoredKey,
};
use latchkey_provider::Provider;

use crate::wiring::{new_key, open_ring};

/// Looks at the keys again and again.
pub struct KeyWatch {
    master: MasterKey,
    rotation: Rotation,
    /// Keys that could not be opened; they are tried again when they change.
    unusable: Vec<StoredKey>,
    /// What has been complained of, so that each complaint is one line in the log.
    unread: bool,
    early: bool,
}

impl KeyWatch {
    pub fn new(master: MasterKey, rotation: Rotation) -> Self {
        Self {
            master,
            rotation,
            unusable: Vec::new(),
            unread: false,
            early: false,
        }
    }

    /// Loads keys that changed and rotates when it is time. What goes wrong is logged, and tried again at the next look.
    pub async fn look(&mut self, provider: &Provider) {
        match self.follow(provider).await {
            Ok(()) => self.unread = false,
            Err(error) if self.unread => tracing::debug!("signing keys: {error:#}"),
            Err(error) => {
                self.unread = true;
                tracing::error!(
                    "the signing keys cannot be followed, those in use stay: {error:#}"
                );
            }
        }
        let now = provider.clock.now();
        let early = provider.keys.ring().signs_early(now);
        if early && !self.early {
            tracing::warn!(
                now,
                "the clock is behind every signing key: the oldest one signs. Was the clock set back?"
            );
        }
        self.early = early;
    }

    async fn follow(&mut self, provider: &Provider) -> Result<()> {
        let stored = self.load(provider).await?;
        let now = provider.clock.now();
        let Some(due) = self.rotation.due(&stored, now) else {
            return Ok(());
        };
        let stray =
            |k: &&StoredKey| Some(&*k.kid) == due.predecessor && k.activates_at > due.activates_at;
        let stray = stored.iter().find(stray);
        if self.succeed(provider, due, now).await? {
            if let Some(StoredKey {
                kid, activates_at, ..
            }) = stray
            {
                tracing::warn!(
                    kid,
                    activates_at,
                    now,
                    "a key of the far future is retired. Was the clock set forward once?"
                );
            }
            self.load(provider).await?;
        }
        Ok(())
    }

    /// Compared with the ring itself, so that a key that came while the server started is not missed.
    async fn load(&mut self, provider: &Provider) -> Result<Vec<StoredKey>> {
        let stored = provider.store.signing_keys().await?;
        let ring = provider.keys.ring();
        if is_of(&ring, &stored) || stored == self.unusable {
            return Ok(stored);
        }
        match open_ring(&self.master, &stored, Some(&ring)) {
            Ok(next) => {
                ensure!(
                    next.entries().next().is_some(),
                    "the store holds no signing key"
                );
                tracing::info!(keys = next.entries().count(), "signing keys changed");
                provider.keys.replace(next);
                self.unusable.clear();
            }
            Err(error) => {
                tracing::error!(
                    "the new signing keys cannot be opened, the old ones stay: {error:#}"
                );
                self.unusable.clone_from(&stored);
            }
        }
        Ok(stored)
    }

    /// Makes the next key, unless another node is faster.
    async fn succeed(&self, provider: &Provider, due: NextKey<'_>, now: Timestamp) -> Result<bool> {
        let (master, activates_at) = (self.master.clone(), due.activates_at);
        // Finding the primes takes a good part of a second.
        let key =
            tokio::task::spawn_blocking(move || new_key(&master, now, activates_at)).await??;
        let retire = activates_at + published_after(&provider.lifetimes);
        let made = provider
            .store
            .succeed_key(&key, retire, due.predecessor)
            .await?;
        if made {
            tracing::info!(target: "audit", kid = key.kid, activates_at, "a new signing key is announced");
        }
        Ok(made)
    }
}

/// Whether `ring` holds exactly the keys that can still sign.
fn is_of(ring: &KeyRing, stored: &[StoredKey]) -> bool {
    let live: Vec<_> = stored.iter().filter(|s| s.sealed.is_some()).collect();
    let held = |s: &StoredKey| {
        ring.entries().any(|k| {
            k.key.kid() == s.kid && k.activates_at == s.activates_at && k.retires_at == s.retires_at
        })
    };
    live.len() == ring.entries().count() && live.into_iter().all(held)
}
