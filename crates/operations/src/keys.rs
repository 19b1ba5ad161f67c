//! Signing keys: make, seal and open them, list, rotate, retire.

use latchkey_jose::{Algorithm, KeyRing, KeyState, MasterKey, RingKey, SigningKey};
use latchkey_protocol::{
    Entropy, SigningAlgorithm, Timestamp,
    audit::TargetKind,
    authorization::Lifetimes,
    rotation::{KeyBound, NextKey, RotationOutcome, StoredKey, bound_hit, published_after},
};
use rand::{CryptoRng, RngCore};

use serde_json::{Value, json};

use crate::{
    AuditEvent, KeyMaker, Operation, OperationError, Operations, Result,
    audit::{self, Recording},
};

/// Randomness as the library of keys takes it.
struct Rng<'a>(&'a dyn Entropy);

impl RngCore for Rng<'_> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), rand::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl CryptoRng for Rng<'_> {}

/// An algorithm as the library of signatures calls it: neither crate knows the other.
pub fn jose_algorithm(algorithm: SigningAlgorithm) -> Algorithm {
    match algorithm {
        SigningAlgorithm::Rs256 => Algorithm::Rs256,
        SigningAlgorithm::Ps256 => Algorithm::Ps256,
        SigningAlgorithm::Es256 => Algorithm::Es256,
        SigningAlgorithm::EdDsa => Algorithm::EdDsa,
    }
}

/// Makes an RS256 key and seals it.
///
/// # Errors
/// When the libraries fail.
pub fn new_key(
    master: &MasterKey,
    entropy: &dyn Entropy,
    created_at: Timestamp,
    activates_at: Timestamp,
) -> Result<StoredKey> {
    let algorithm = SigningAlgorithm::Rs256;
    new_key_for(algorithm, master, entropy, created_at, activates_at)
}

/// Makes a key for `algorithm` and seals it. Finding the primes of an RSA key takes a good part of a second.
///
/// # Errors
/// When the libraries fail.
pub fn new_key_for(
    algorithm: SigningAlgorithm,
    master: &MasterKey,
    entropy: &dyn Entropy,
    created_at: Timestamp,
    activates_at: Timestamp,
) -> Result<StoredKey> {
    let random = &mut Rng(entropy);
    new_key_from(algorithm, master, random, created_at, activates_at)
}

/// As [`new_key_for`], from another source of randomness.
pub(crate) fn new_key_from(
    algorithm: SigningAlgorithm,
    master: &MasterKey,
    random: &mut (impl RngCore + CryptoRng),
    created_at: Timestamp,
    activates_at: Timestamp,
) -> Result<StoredKey> {
    let key = SigningKey::generate_for(jose_algorithm(algorithm), random)?;
    Ok(StoredKey {
        kid: key.kid().to_owned(),
        algorithm,
        sealed: Some(master.seal(key.pem())?),
        created_at,
        activates_at,
        retires_at: None,
    })
}

/// Opens the keys of the store that have not been forgotten. `previous`: the ring so far, whose opened keys are kept.
///
/// # Errors
/// When one was sealed under another master key.
pub fn open_ring(
    master: &MasterKey,
    stored: &[StoredKey],
    previous: Option<&KeyRing>,
) -> Result<KeyRing> {
    let open = |stored: &StoredKey| -> Option<Result<RingKey>> {
        let pem = master.open(stored.sealed.as_ref()?);
        let opened = pem.and_then(|pem| SigningKey::read(jose_algorithm(stored.algorithm), &pem));
        Some(match opened {
            Ok(key) => Ok(RingKey {
                key,
                created_at: stored.created_at.as_seconds(),
                activates_at: stored.activates_at.as_seconds(),
                retires_at: stored.retires_at.map(Timestamp::as_seconds),
            }),
            Err(error) => Err(OperationError::SigningKey {
                kid: stored.kid.clone(),
                error,
            }),
        })
    };
    let keys = stored.iter().filter_map(open).collect::<Result<_>>()?;
    Ok(KeyRing::new(keys, previous)?)
}

/// Whether `ring` holds exactly the keys that can still sign.
pub fn is_ring_of(ring: &KeyRing, stored: &[StoredKey]) -> bool {
    let live: Vec<_> = stored.iter().filter(|s| s.sealed.is_some()).collect();
    let held = |s: &StoredKey| {
        ring.entries().any(|k| {
            k.key.kid() == s.kid
                && k.activates_at == s.activates_at.as_seconds()
                && k.retires_at == s.retires_at.map(Timestamp::as_seconds)
        })
    };
    live.len() == ring.entries().count() && live.into_iter().all(held)
}

/// A signing key, and what it does now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedKey {
    /// The key as it is stored.
    pub key: StoredKey,
    /// Where it stands now.
    pub state: KeyState,
}

/// When another key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takeover {
    /// At once, for when the old key may be stolen.
    Now,
    /// After so many seconds, when every cache has it.
    Announced(i64),
}

impl Operations<'_> {
    /// All keys, retired ones too. `ring`: the opened ones.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn signing_keys(&self, ring: &KeyRing) -> Result<Vec<ListedKey>> {
        let states = ring.states(self.now.as_seconds());
        let listed = |key: StoredKey| {
            let state = states.iter().find(|(k, _)| k.key.kid() == key.kid);
            // A key whose private half has been forgotten is no longer in the ring.
            let state = state.map_or(KeyState::Retired, |(_, state)| *state);
            ListedKey { key, state }
        };
        let stored = self.store.signing_keys().await?;
        Ok(stored.into_iter().map(listed).collect())
    }

    /// Makes the first key, unless another node is faster, and returns the keys there are.
    ///
    /// # Errors
    /// When the libraries or the store fail.
    pub async fn first_key(&self, master: &MasterKey) -> Result<Vec<StoredKey>> {
        let key = new_key(master, self.entropy, self.now, self.now)?;
        let recording = self.recording_key(Operation::KeyCreate, &key.kid, made(&key));
        recording.store.add_first_key(&key).await?;
        Ok(self.store.signing_keys().await?)
    }

    /// Makes the key of an algorithm that has none, published and signing at once, so that a client can register the
    /// algorithm. Of callers at the same time, on any node, one makes it, and the others use it.
    ///
    /// # Errors
    /// [`OperationError::KeysBusy`]; when the libraries or the store fail.
    pub async fn ensure_key<'m>(
        &self,
        maker: impl Into<KeyMaker<'m>>,
        algorithm: SigningAlgorithm,
    ) -> Result<()> {
        let stored = self.store.signing_keys().await?;
        if stored.iter().any(|key| key.algorithm == algorithm) {
            return Ok(());
        }
        let at_once = (self.now, self.now);
        let key = (maker.into())
            .make(algorithm, self.entropy, at_once)
            .await?;
        let recording = self.recording_key(Operation::KeyCreate, &key.kid, made(&key));
        if recording.store.add_first_key(&key).await? {
            recording.done();
        }
        Ok(())
    }

    /// Makes a key for `algorithm`, published at once, and lets it take over; those of the algorithm before it retire when
    /// the last token that they signed is over. The first one signs at once.
    ///
    /// # Errors
    /// [`OperationError::KeysFull`], [`OperationError::KeysMadeInADay`]: not where a command replaces a key at once;
    /// [`OperationError::KeysBusy`]; when the libraries or the store fail.
    pub async fn rotate_key<'m>(
        &self,
        maker: impl Into<KeyMaker<'m>>,
        algorithm: SigningAlgorithm,
        takeover: Takeover,
        lifetimes: &Lifetimes,
    ) -> Result<StoredKey> {
        let (after, operation) = match takeover {
            Takeover::Now => (0, Operation::KeyRotateNow),
            Takeover::Announced(after) => (after, Operation::KeyRotate),
        };
        let maker = maker.into();
        let bounds = match (maker, takeover) {
            (KeyMaker::Here(_), Takeover::Now) => KeyBound::EMERGENCY,
            _ => KeyBound::ALL,
        };
        let full = |bound| OperationError::keys_full(bound, algorithm);
        let stored = self.store.signing_keys().await?;
        let is_first = !stored.iter().any(|key| key.algorithm == algorithm);
        let activates_at = self.now + if is_first { 0 } else { after };
        let times = (self.now, activates_at);
        // Before anything is made, and again when it is written.
        if let Some(bound) = bound_hit(&stored, algorithm, times, bounds) {
            return Err(full(bound));
        }
        let key = maker.make(algorithm, self.entropy, times).await?;
        let retire = activates_at + published_after(lifetimes);
        let recording = self.recording_key(operation, &key.kid, made(&key));
        match recording.store.rotate_key(&key, retire, bounds).await? {
            RotationOutcome::Full(bound) => Err(full(bound)),
            RotationOutcome::Done => {
                recording.done();
                Ok(key)
            }
        }
    }

    /// Adds `key` as the one that is due, unless another node was faster. Whether it was added.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn announce_key(
        &self,
        key: &StoredKey,
        due: NextKey<'_>,
        lifetimes: &Lifetimes,
    ) -> Result<bool> {
        let retire = due.activates_at + published_after(lifetimes);
        let recording = self.recording_key(Operation::KeyAnnounce, &key.kid, made(key));
        let added = recording
            .store
            .succeed_key(key, retire, due.predecessor)
            .await?;
        if added {
            audit::log(&AuditEvent::KeyAnnounced {
                kid: &key.kid,
                activates_at: due.activates_at,
            });
        }
        Ok(added)
    }

    /// Takes a key out of the published set at once, and forgets its private half.
    ///
    /// # Errors
    /// [`OperationError::KeyUnknown`], [`OperationError::KeySigns`].
    pub async fn retire_key(&self, ring: &KeyRing, kid: &str) -> Result<()> {
        let states = ring.states(self.now.as_seconds());
        let signs = states
            .iter()
            .any(|(k, state)| k.key.kid() == kid && *state == KeyState::Active);
        let stored = self.store.signing_keys().await?;
        let Some(key) = stored.iter().find(|k| k.kid == kid) else {
            return Err(OperationError::KeyUnknown(kid.to_owned()));
        };
        let retires_at = json!({ "old": key.retires_at, "new": self.now });
        let retired = json!({ "changed": { "retires_at": retires_at } });
        let recording = self.recording_key(Operation::KeyRetire, kid, retired);
        if signs || !recording.store.retire_key(kid, self.now).await? {
            return Err(OperationError::KeySigns(kid.to_owned()));
        }
        recording.done();
        Ok(())
    }

    fn recording_key<'b>(
        &'b self,
        operation: Operation,
        kid: &'b str,
        details: Value,
    ) -> Recording<'b> {
        self.recording(operation, (TargetKind::Key, kid, kid), details)
    }
}

/// What describes a new key.
fn made(key: &StoredKey) -> Value {
    let algorithm = key.algorithm.name();
    json!({ "new": { "algorithm": algorithm, "activates_at": key.activates_at } })
}
