//! Where signing keys are made: finding the primes of one takes a good part of a second.

use std::sync::Arc;

use latchkey_jose::MasterKey;
use latchkey_protocol::{Entropy, SigningAlgorithm, Timestamp, rotation::StoredKey};
use rand::{SeedableRng, rngs::StdRng};
use tokio::sync::Semaphore;

use crate::{
    OperationError, Result,
    keys::{new_key_for, new_key_from},
    token_keys::Keys,
};

/// Keys that are being made or wait for that, of one process.
const PLACES: usize = 4;

/// One key is made at a time, so that those who sign in keep the other processors.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    turn: Arc<Semaphore>,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            all: Arc::new(Semaphore::new(PLACES)),
            turn: Arc::new(Semaphore::new(1)),
        }
    }
}

/// Who makes a signing key.
#[derive(Clone, Copy)]
pub enum KeyMaker<'a> {
    /// Whoever asks: a command.
    Here(&'a MasterKey),
    /// The threads of a server that answers others meanwhile.
    Threads(&'a Keys),
}

impl<'a> From<&'a MasterKey> for KeyMaker<'a> {
    fn from(master: &'a MasterKey) -> Self {
        Self::Here(master)
    }
}

impl<'a> From<&'a Keys> for KeyMaker<'a> {
    fn from(keys: &'a Keys) -> Self {
        Self::Threads(keys)
    }
}

impl KeyMaker<'_> {
    /// A new key, sealed.
    ///
    /// # Errors
    /// [`OperationError::KeysBusy`] where too many wait; when the libraries fail.
    pub(crate) async fn make(
        self,
        algorithm: SigningAlgorithm,
        entropy: &dyn Entropy,
        (created_at, activates_at): (Timestamp, Timestamp),
    ) -> Result<StoredKey> {
        let keys = match self {
            Self::Here(master) => {
                return new_key_for(algorithm, master, entropy, created_at, activates_at);
            }
            Self::Threads(keys) => keys,
        };
        let places = keys.places();
        let place = places.all.clone().try_acquire_owned();
        let place = place.map_err(|_| OperationError::KeysBusy)?;
        let gone = |_| OperationError::Broken("no key is made any more".into());
        let turn = places.turn.clone().acquire_owned().await.map_err(gone)?;
        let (master, mut seed) = (keys.master().clone(), [0; 32]);
        entropy.fill(&mut seed);
        let make = move || {
            // Until it is made, also when nobody waits for it any more.
            let _held = (place, turn);
            let mut random = StdRng::from_seed(seed);
            new_key_from(algorithm, &master, &mut random, created_at, activates_at)
        };
        let made = tokio::task::spawn_blocking(make).await;
        made.map_err(|error| OperationError::Broken(error.to_string()))?
    }
}
