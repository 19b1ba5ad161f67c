//! The custom claims for all clients.

use async_trait::async_trait;

use super::Result;
use crate::claims::{CustomClaims, Mapping};

/// The custom claims for all clients.
#[async_trait]
pub trait ClaimMappings: Send + Sync {
    /// The custom claims for all clients.
    async fn custom_claims(&self) -> Result<CustomClaims>;
    /// Adds a custom claim for all clients, or replaces the one of this name. `false`, and nothing written, when there are
    /// [`MOST_MAPPINGS`](crate::claims::MOST_MAPPINGS) others; of racing callers none gets past that.
    async fn set_custom_claim(&self, name: &str, mapping: &Mapping) -> Result<bool>;
    /// `false` when there is none of this name.
    async fn remove_custom_claim(&self, name: &str) -> Result<bool>;
}
