//! The custom claims for all clients.

use async_trait::async_trait;

use super::Result;
use crate::claims::{CustomClaims, Mapping};

/// What came of setting a custom claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// It is set.
    Set,
    /// There are [`MOST_MAPPINGS`](crate::claims::MOST_MAPPINGS) others.
    Full,
    /// It is not what whoever asks has seen.
    Changed,
}

/// The custom claims for all clients.
#[async_trait]
pub trait ClaimMappings: Send + Sync {
    /// The custom claims for all clients.
    async fn custom_claims(&self) -> Result<CustomClaims>;
    /// Adds a custom claim for all clients, or replaces the one of this name; with `seen` only while it is that one, and of
    /// racing callers who have seen the same, one replaces it. Nothing is written where there are
    /// [`MOST_MAPPINGS`](crate::claims::MOST_MAPPINGS) others; of racing callers none gets past that.
    async fn set_custom_claim(
        &self,
        name: &str,
        mapping: &Mapping,
        seen: Option<&Mapping>,
    ) -> Result<ClaimOutcome>;
    /// `false` when there is none of this name, or not the one that was `seen`.
    async fn remove_custom_claim(&self, name: &str, seen: Option<&Mapping>) -> Result<bool>;
}
