//! A set of published keys, ready to verify.

use latchkey_jose::{Algorithm, Compact, JoseError, Jwk, Verifier};
use serde_json::Value;

use super::jwk::{self, Skipped};

/// The most keys of one set.
const MOST: usize = 100;

/// The keys of an issuer at one moment.
pub struct KeySet {
    /// Which set of this process it is: rises with each other set.
    pub generation: u64,
    /// As they were read: the next answer is compared with these.
    published: Vec<Jwk>,
    keys: Vec<Key>,
}

struct Key {
    kid: String,
    algorithm: Algorithm,
    verifier: Verifier,
}

/// What a set has under a `kid`.
pub enum Found<'a> {
    Key(&'a Verifier),
    /// A key of another algorithm.
    OtherAlgorithm,
    Nothing,
}

impl KeySet {
    pub const fn empty() -> Self {
        Self {
            generation: 0,
            published: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// The keys that can be used, each once checked for itself. What is left out, and is no mere stranger, is logged.
    pub fn new(published: Vec<Jwk>, generation: u64) -> Self {
        let mut keys = Vec::new();
        for jwk in &published {
            match Verifier::new(jwk) {
                Ok(verifier) => keys.push(Key {
                    kid: jwk.kid.clone(),
                    algorithm: jwk.alg,
                    verifier,
                }),
                Err(error) => tracing::warn!(kid = ?jwk.kid, %error, "a published key is left out"),
            }
        }
        Self {
            generation,
            published,
            keys,
        }
    }

    /// Compared only: strangers choose the `kid` of what they send.
    pub fn find(&self, kid: &str, algorithm: Algorithm) -> Found<'_> {
        let mut named = self.keys.iter().filter(|key| key.kid == kid).peekable();
        if named.peek().is_none() {
            return Found::Nothing;
        }
        let fitting = named.find(|key| key.algorithm == algorithm);
        fitting.map_or(Found::OtherAlgorithm, |key| Found::Key(&key.verifier))
    }

    pub fn is_of(&self, published: &[Jwk]) -> bool {
        self.published == published
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// The keys of a JWK set (RFC 7517 5) that may be used. One that is not understood spoils no other.
pub fn read(body: &[u8]) -> Result<Vec<Jwk>, String> {
    let document: Value =
        serde_json::from_slice(body).map_err(|_| "the answer is no JSON".to_owned())?;
    let keys = document.get("keys").and_then(Value::as_array);
    let keys = keys.ok_or("the answer is no JWK set")?;
    let mut published = Vec::new();
    for key in keys.iter().take(MOST) {
        match jwk::read(key) {
            Ok(jwk) => published.push(jwk),
            Err(Skipped::OtherUse) => {}
            Err(Skipped::Bad(why)) => {
                tracing::warn!(kid = ?key.get("kid"), why, "a published key is left out");
            }
        }
    }
    Ok(published)
}

/// Whether the key signed the token, by the algorithm that it is used with.
pub fn verify(verifier: &Verifier, token: &Compact<'_>) -> Result<(), crate::Refusal> {
    verifier.verify(token).map_err(|error| match error {
        JoseError::Algorithm(_) => crate::Refusal::Algorithm,
        _ => crate::Refusal::Signature,
    })
}
