//! Refusals, kept so that they can be explained.

use async_trait::async_trait;

use super::Result;
use crate::observe::KeptRefusal;

/// Refusals, kept so that they can be explained.
#[async_trait]
pub trait KeptRefusals: Send + Sync {
    /// Keeps a refusal for a while, if there is room for it.
    async fn keep_refusal(&self, refusal: &KeptRefusal) -> Result<()>;
    /// By its reference.
    async fn refusal(&self, reference: &str) -> Result<Option<KeptRefusal>>;
}
