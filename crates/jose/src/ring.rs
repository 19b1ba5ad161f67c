//! The signing keys of every algorithm side by side, and which of them signs when.

use std::sync::Arc;

use serde::Serialize;

use crate::{
    Algorithm, Claims, Compact, DeterministicSigner, JoseError, JwkSet, Signer, SigningKey,
    Verifier,
};

/// Where a key stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Published, not signing yet, so that every cache has it before its first signature.
    Announced,
    /// Signs.
    Active,
    /// Published until the last token it signed has expired.
    Retiring,
    /// No longer published.
    Retired,
}

/// One key with its times, in seconds since the epoch.
#[derive(Debug, Clone)]
pub struct RingKey {
    /// The private key.
    pub key: SigningKey,
    /// When it was made.
    pub created_at: i64,
    /// From here on it may sign; the youngest such key does.
    pub activates_at: i64,
    /// From here on it is no longer published. `None` while it is announced or active.
    pub retires_at: Option<i64>,
}

#[derive(Debug)]
struct RingEntry {
    entry: RingKey,
    signer: Signer,
    verifier: Verifier,
}

/// All keys, with signers and verifiers built once. Immutable: a rotation builds the next ring.
#[derive(Debug, Default)]
pub struct KeyRing {
    keys: Vec<Arc<RingEntry>>,
}

impl KeyRing {
    /// Builds the ring, reusing what `previous` had already parsed.
    ///
    /// # Errors
    /// [`JoseError::Key`] when a key is unusable.
    pub fn new(keys: Vec<RingKey>, previous: Option<&KeyRing>) -> Result<Self, JoseError> {
        let mut loaded = Vec::with_capacity(keys.len());
        for entry in keys {
            let known = previous.and_then(|ring| {
                ring.keys.iter().find(|k| {
                    k.entry.key.kid() == entry.key.kid()
                        && k.entry.activates_at == entry.activates_at
                        && k.entry.retires_at == entry.retires_at
                })
            });
            loaded.push(match known {
                Some(known) => known.clone(),
                None => Arc::new(RingEntry {
                    signer: Signer::new(&entry.key)?,
                    verifier: Verifier::new(entry.key.public())?,
                    entry,
                }),
            });
        }
        loaded.sort_by_key(|k| (k.entry.activates_at, k.entry.created_at));
        Ok(Self { keys: loaded })
    }

    /// Of the keys of an algorithm the youngest that may sign; where the clock was set back to before all of them, the
    /// oldest published one, which verifiers have known for longest.
    fn active(&self, algorithm: Algorithm, now: i64) -> Option<&RingEntry> {
        let published = || {
            self.published(now)
                .filter(move |k| k.signer.algorithm() == algorithm)
        };
        published()
            .filter(|k| k.entry.activates_at <= now)
            .last()
            .or_else(|| published().next())
    }

    /// Whether a key that signs at `now` does so before its time: the clock was set back.
    pub fn signs_early(&self, now: i64) -> bool {
        let mut active = Algorithm::ALL
            .into_iter()
            .filter_map(|algorithm| self.active(algorithm, now));
        active.any(|k| now < k.entry.activates_at)
    }

    /// Every key, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &RingKey> {
        self.keys.iter().map(|k| &k.entry)
    }

    /// The RS256 key that signs at `now`: whatever is not signed as its client chose.
    ///
    /// # Errors
    /// [`JoseError::NoActiveKey`] when there is none.
    pub fn signer(&self, now: i64) -> Result<&Signer, JoseError> {
        self.signer_for(Algorithm::Rs256, now)
    }

    /// The key that signs with `algorithm` at `now`.
    ///
    /// # Errors
    /// [`JoseError::NoActiveKey`] when there is none.
    pub fn signer_for(&self, algorithm: Algorithm, now: i64) -> Result<&Signer, JoseError> {
        self.active(algorithm, now)
            .map(|k| &k.signer)
            .ok_or(JoseError::NoActiveKey)
    }

    /// The key that signs refresh tokens at `now`.
    ///
    /// # Errors
    /// [`JoseError::NoActiveKey`] when there is none.
    pub fn refresh_signer(&self, now: i64) -> Result<DeterministicSigner<'_>, JoseError> {
        let signer = self.signer(now)?;
        signer.deterministic().ok_or(JoseError::NoActiveKey)
    }

    /// The key `kid` while it is still published, to make a deterministic token once more.
    pub fn signer_by_id(&self, kid: &str, now: i64) -> Option<DeterministicSigner<'_>> {
        self.published(now)
            .find(|k| k.signer.kid() == kid)
            .and_then(|k| k.signer.deterministic())
    }

    fn published(&self, now: i64) -> impl Iterator<Item = &RingEntry> {
        self.keys
            .iter()
            .map(AsRef::as_ref)
            .filter(move |k| k.entry.retires_at.is_none_or(|at| now < at))
    }

    /// What the JWKS address shows at `now`: announced, active and retiring keys.
    pub fn jwks(&self, now: i64) -> JwkSet {
        JwkSet {
            keys: self
                .published(now)
                .map(|k| k.entry.key.public().clone())
                .collect(),
        }
    }

    /// Every key and its state, oldest first.
    pub fn states(&self, now: i64) -> Vec<(&RingKey, KeyState)> {
        let active = |k: &RingEntry| {
            let active = self.active(k.signer.algorithm(), now);
            active.is_some_and(|active| active.signer.kid() == k.signer.kid())
        };
        self.keys
            .iter()
            .map(|k| {
                let state = if k.entry.retires_at.is_some_and(|at| at <= now) {
                    KeyState::Retired
                } else if active(k) {
                    KeyState::Active
                } else if k.entry.activates_at > now {
                    KeyState::Announced
                } else {
                    KeyState::Retiring
                };
                (&k.entry, state)
            })
            .collect()
    }

    /// Verifies that `issuer` signed a token of this kind with a published key, and returns its claims. Times and
    /// audience are the caller's to check.
    ///
    /// # Errors
    /// [`JoseError`] naming the first thing that was wrong.
    pub fn verify<T: Claims>(&self, issuer: &str, token: &str, now: i64) -> Result<T, JoseError> {
        let compact = Compact::parse(token)?;
        compact.check_type::<T>()?;
        let kid = compact.unverified_header.kid.as_deref();
        let kid = kid.unwrap_or_default();
        let key = self
            .published(now)
            .find(|k| k.signer.kid() == kid)
            .ok_or_else(|| JoseError::UnknownKey(kid.chars().take(60).collect()))?;
        key.verifier.verify(&compact)?;
        compact.claims_of(issuer)
    }

    /// Whether a key is published under `kid` at `now`.
    pub fn publishes(&self, kid: &str, now: i64) -> bool {
        self.published(now).any(|k| k.signer.kid() == kid)
    }
}
