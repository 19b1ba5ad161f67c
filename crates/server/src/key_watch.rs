//! Follows the signing keys of the store: loads what others made, and makes the next one when it is due.

use anyhow::Result;
use latchkey_jose::MasterKey;
use latchkey_operations::{Caller, Operations, keys::new_key_for};
use latchkey_protocol::{
    SigningAlgorithm, Timestamp,
    rotation::{NextKey, Rotation, StoredKey},
};
use latchkey_provider::Provider;

use crate::wiring::OsEntropy;

/// Looks at the keys again and again.
pub struct KeyWatch {
    master: MasterKey,
    rotation: Rotation,
    /// What has been complained of, so that each complaint is one line in the log.
    unread: bool,
    early: bool,
}

impl KeyWatch {
    /// Follows the keys that `master` opens, and rotates them by `rotation`.
    pub fn new(master: MasterKey, rotation: Rotation) -> Self {
        Self {
            master,
            rotation,
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
        let early = provider
            .ui
            .only_realm
            .keys
            .ring()
            .signs_early(now.as_seconds());
        if early && !self.early {
            tracing::warn!(
                now = now.as_seconds(),
                "the clock is behind every signing key: the oldest one signs. Was the clock set back?"
            );
        }
        self.early = early;
    }

    async fn follow(&mut self, provider: &Provider) -> Result<()> {
        let stored = provider.ui.only_realm.keys.follow(&*provider.store).await?;
        for algorithm in SigningAlgorithm::ALL {
            let keys = stored.iter().filter(|key| key.algorithm == algorithm);
            let keys: Vec<_> = keys.cloned().collect();
            self.rotate(provider, algorithm, &keys).await?;
        }
        Ok(())
    }

    /// Makes the next key of an algorithm when it is due. An algorithm without a key gets none by itself.
    async fn rotate(
        &mut self,
        provider: &Provider,
        algorithm: SigningAlgorithm,
        stored: &[StoredKey],
    ) -> Result<()> {
        let now = provider.clock.now();
        let Some(due) = self.rotation.due(stored, now) else {
            return Ok(());
        };
        let stray =
            |k: &&StoredKey| Some(&*k.kid) == due.predecessor && k.activates_at > due.activates_at;
        let stray = stored.iter().find(stray);
        if self.succeed(provider, algorithm, due, now).await? {
            if let Some(StoredKey {
                kid, activates_at, ..
            }) = stray
            {
                tracing::warn!(
                    kid,
                    activates_at = activates_at.as_seconds(),
                    now = now.as_seconds(),
                    "a key of the far future is retired. Was the clock set forward once?"
                );
            }
            provider.ui.only_realm.keys.follow(&*provider.store).await?;
        }
        Ok(())
    }

    /// Makes the next key, unless another node is faster.
    async fn succeed(
        &self,
        provider: &Provider,
        algorithm: SigningAlgorithm,
        due: NextKey<'_>,
        now: Timestamp,
    ) -> Result<bool> {
        let (master, activates_at) = (self.master.clone(), due.activates_at);
        // Finding the primes takes a good part of a second.
        let make = move || new_key_for(algorithm, &master, &OsEntropy, now, activates_at);
        let key = tokio::task::spawn_blocking(make).await??;
        let operations = Operations {
            store: &*provider.store,
            entropy: &OsEntropy,
            caller: Caller::server(),
            now,
        };
        Ok(operations
            .announce_key(&key, due, &provider.ui.only_realm.lifetimes)
            .await?)
    }
}
