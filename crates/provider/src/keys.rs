//! The keys in force, shared by all workers.

use std::sync::{Arc, PoisonError, RwLock};

use actix_web::web::Bytes;
use latchkey_jose::{Claims, Compact, JoseError, JwkSet, KeyRing};
use latchkey_protocol::{claims::TokenClaims, time::Timestamp};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The ring in use, replaced as a whole when a key is announced, activated or retired, and the issuer that it signs for.
pub struct Keys {
    issuer: String,
    ring: RwLock<Arc<KeyRing>>,
    published: RwLock<PublishedKeys>,
}

#[derive(Default, Clone)]
struct PublishedKeys {
    /// The second it was made for; none while the ring has just changed.
    at: Option<Timestamp>,
    body: Bytes,
    etag: String,
}

impl Keys {
    pub fn new(ring: KeyRing, issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            ring: RwLock::new(Arc::new(ring)),
            published: RwLock::default(),
        }
    }

    pub fn ring(&self) -> Arc<KeyRing> {
        self.ring
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub fn replace(&self, ring: KeyRing) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        self.published
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .at = None;
    }

    /// The JWK set as published at `now`, and its entity tag.
    pub(crate) fn published(&self, now: Timestamp) -> (Bytes, String) {
        {
            let known = self
                .published
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            if known.at == Some(now) {
                return (known.body.clone(), known.etag.clone());
            }
        }
        let set: JwkSet = self.ring().jwks(now);
        let body = Bytes::from(serde_json::to_vec(&set).unwrap_or_default());
        let etag = entity_tag(&body);
        let made = PublishedKeys {
            at: Some(now),
            body: body.clone(),
            etag: etag.clone(),
        };
        *self
            .published
            .write()
            .unwrap_or_else(PoisonError::into_inner) = made;
        (body, etag)
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
    issuer: &str,
    token: &str,
    now: Timestamp,
) -> Result<T, JoseError> {
    let RingClaims(claims) = ring.verify(issuer, token, now)?;
    Ok(claims)
}

/// What a token says, whoever signed it.
pub(crate) fn unverified<T: TokenClaims>(token: &str) -> Option<T> {
    let compact = Compact::parse_any(token).ok()?;
    let RingClaims(claims) = compact.unverified_claims().ok()?;
    Some(claims)
}

/// Claims of `protocol` as `jose` asks for them: neither knows the other.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct RingClaims<T>(pub T);

impl<T: TokenClaims> Claims for RingClaims<T> {
    const TYPES: &'static [&'static str] = T::TYPES;

    fn issuer(&self) -> &str {
        self.0.issuer()
    }

    fn is_of_kind(&self) -> bool {
        self.0.is_of_kind()
    }
}

/// A strong entity tag (RFC 9110 8.8.3).
pub(crate) fn entity_tag(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let hex: String = digest[..12].iter().map(|b| format!("{b:02x}")).collect();
    format!("\"{hex}\"")
}
