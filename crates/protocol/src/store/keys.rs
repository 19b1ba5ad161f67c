//! Signing keys at rest, and their succession.

use async_trait::async_trait;

use super::Result;
use crate::{
    rotation::{KeyBound, RotationOutcome, StoredKey},
    time::Timestamp,
};

/// Signing keys at rest, and their succession.
#[async_trait]
pub trait SigningKeys: Send + Sync {
    /// All signing keys, retired ones too.
    async fn signing_keys(&self) -> Result<Vec<StoredKey>>;
    /// Adds the first key of its algorithm. `false` when there is one already: another node was faster.
    async fn add_first_key(&self, key: &StoredKey) -> Result<bool>;
    /// Adds a key, and sets when those of its algorithm before it retire; one that would only have signed after it retires
    /// at once. Nothing is done where one of `bounds` [keeps it out](crate::rotation::bound_hit); of
    /// racing callers none gets past them.
    async fn rotate_key(
        &self,
        key: &StoredKey,
        others_retire_at: Timestamp,
        bounds: &'static [KeyBound],
    ) -> Result<RotationOutcome>;
    /// As `rotate_key`, if `predecessor` is still the one key of the algorithm that no other has superseded; none: if
    /// there is no such key. Of racing callers one gets `true`, and nothing comes of the others' keys.
    async fn succeed_key(
        &self,
        key: &StoredKey,
        others_retire_at: Timestamp,
        predecessor: Option<&str>,
    ) -> Result<bool>;
    /// Takes a key out of service and forgets its private half. `false` when there is none, or when it is the one that
    /// signs with its algorithm at `at`.
    async fn retire_key(&self, kid: &str, at: Timestamp) -> Result<bool>;
}
