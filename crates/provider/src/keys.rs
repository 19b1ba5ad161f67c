//! The key set as it is published.

use std::sync::{Arc, PoisonError, RwLock};

use actix_web::web::Bytes;
use latchkey_jose::KeyRing;
use latchkey_protocol::time::Timestamp;
use sha2::{Digest, Sha256};

/// The published key set, made once a second and for each ring.
#[derive(Default)]
pub struct PublishedKeys(RwLock<Option<KeySet>>);

#[derive(Clone)]
struct KeySet {
    /// What it was made of, and the second it was made for.
    ring: Arc<KeyRing>,
    at: Timestamp,
    body: Bytes,
    etag: String,
}

impl PublishedKeys {
    /// The JWK set of `ring` as published at `now`, and its entity tag.
    pub(crate) fn of(&self, ring: &Arc<KeyRing>, now: Timestamp) -> (Bytes, String) {
        {
            let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
            let fits = |set: &&KeySet| set.at == now && Arc::ptr_eq(&set.ring, ring);
            if let Some(set) = known.as_ref().filter(fits) {
                return (set.body.clone(), set.etag.clone());
            }
        }
        let body =
            Bytes::from(serde_json::to_vec(&ring.jwks(now.as_seconds())).unwrap_or_default());
        let etag = entity_tag(&body);
        let made = KeySet {
            ring: ring.clone(),
            at: now,
            body: body.clone(),
            etag: etag.clone(),
        };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(made);
        (body, etag)
    }
}

/// A strong entity tag (RFC 9110 8.8.3).
pub(crate) fn entity_tag(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let hex: String = digest[..12].iter().map(|b| format!("{b:02x}")).collect();
    format!("\"{hex}\"")
}
