//! The keys in force of one issuer, and the tokens that they prove.

use std::sync::{Arc, PoisonError, RwLock};

use latchkey_jose::{Algorithm, Claims, Compact, JoseError, KeyRing, MasterKey};
use latchkey_protocol::{
    Issuer, Store, StoreError, claims::TokenClaims, rotation::StoredKey, time::Timestamp,
};
use serde::Deserialize;

use crate::{
    key_maker::Places,
    keys::{is_ring_of, open_ring},
};

/// The ring in use, replaced as a whole when a key is announced, activated or retired, and the issuer that it signs for.
pub struct Keys {
    issuer: Issuer,
    ring: RwLock<Arc<KeyRing>>,
    master: MasterKey,
    /// Keys of the store that could not be opened; they are tried again when they change. Held while the ring is compared
    /// with the store, so that nobody puts an older one in the place of a newer.
    unusable: tokio::sync::Mutex<Vec<StoredKey>>,
    places: Places,
}

impl Keys {
    /// `ring` signs for `issuer`; `master` opens the keys that come.
    pub fn new(ring: KeyRing, master: MasterKey, issuer: &Issuer) -> Self {
        Self {
            issuer: issuer.to_owned(),
            ring: RwLock::new(Arc::new(ring)),
            master,
            unusable: tokio::sync::Mutex::default(),
            places: Places::default(),
        }
    }

    /// Those who have new keys made.
    pub(crate) fn places(&self) -> &Places {
        &self.places
    }

    /// The ring in use.
    pub fn ring(&self) -> Arc<KeyRing> {
        self.ring
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What keys are sealed under.
    pub fn master(&self) -> &MasterKey {
        &self.master
    }

    /// Puts another ring in its place, at once for every worker.
    pub fn replace(&self, ring: KeyRing) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }

    /// Loads what others made, if anything changed, and returns what the store has. Compared with the ring itself, so that
    /// a key that came while the server started is not missed. What cannot be opened is logged once; the ring stays.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn follow(&self, store: &dyn Store) -> Result<Vec<StoredKey>, StoreError> {
        let mut unusable = self.unusable.lock().await;
        let stored = store.signing_keys().await?;
        let ring = self.ring();
        if is_ring_of(&ring, &stored) || stored == *unusable {
            return Ok(stored);
        }
        match open_ring(&self.master, &stored, Some(&ring)) {
            Ok(next) if next.entries().next().is_some() => {
                tracing::info!(keys = next.entries().count(), "signing keys changed");
                self.replace(next);
                unusable.clear();
            }
            opened => {
                let why = opened.err().map(|error| error.to_string());
                let why = why.unwrap_or_else(|| "the store holds none".into());
                tracing::error!("the new signing keys cannot be opened, the old ones stay: {why}");
                unusable.clone_from(&stored);
            }
        }
        Ok(stored)
    }

    /// `ring`, if it signs with `algorithm`; else what the store has now. A client that another process has just switched
    /// to an algorithm is not kept waiting until the next look at the keys.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn with(
        &self,
        algorithm: Algorithm,
        ring: Arc<KeyRing>,
        store: &dyn Store,
        now: Timestamp,
    ) -> Result<Arc<KeyRing>, StoreError> {
        if ring.signer_for(algorithm, now.as_seconds()).is_ok() {
            return Ok(ring);
        }
        self.follow(store).await?;
        Ok(self.ring())
    }

    /// Proves that a token of the kind `T` was issued here: type, key, signature, `iss`. Its times are the caller's to check.
    ///
    /// # Errors
    /// [`JoseError`] naming the first thing that was wrong.
    pub fn verify<T: TokenClaims>(&self, token: &str, now: Timestamp) -> Result<T, JoseError> {
        verify(&self.ring(), &self.issuer, token, now)
    }
}

/// As [`Keys::verify`], with a ring at hand.
///
/// # Errors
/// As [`Keys::verify`].
pub fn verify<T: TokenClaims>(
    ring: &KeyRing,
    issuer: &Issuer,
    token: &str,
    now: Timestamp,
) -> Result<T, JoseError> {
    let RingClaims(claims) = ring.verify(issuer, token, now.as_seconds())?;
    Ok(claims)
}

/// What a token says, whoever signed it.
pub fn unverified<T: TokenClaims>(token: &str) -> Option<T> {
    let compact = Compact::parse_any(token).ok()?;
    let RingClaims(claims) = compact.unverified_claims().ok()?;
    Some(claims)
}

/// Claims of `protocol` as `jose` asks for them: neither knows the other.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct RingClaims<T>(pub T);

impl<T: TokenClaims> Claims for RingClaims<T> {
    const TYPES: &'static [&'static str] = T::TYPES;

    fn issuer(&self) -> &str {
        self.0.issuer()
    }

    fn is_of_kind(&self) -> bool {
        self.0.is_of_kind()
    }
}
