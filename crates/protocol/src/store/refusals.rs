//! Refusals, kept so that they can be explained.

use async_trait::async_trait;

use super::Result;
use crate::{
    observe::{KeptRefusal, RefusalFilter},
    page::Page,
    time::Timestamp,
};

/// Refusals, kept so that they can be explained.
#[async_trait]
pub trait KeptRefusals: Send + Sync {
    /// Keeps a refusal for a while, if there is room for it.
    async fn keep_refusal(&self, refusal: &KeptRefusal) -> Result<()>;
    /// A piece of the refusals to which `filter` applies, the newest first; a page goes on after a moment and a reference.
    async fn refusals(
        &self,
        filter: &RefusalFilter,
        page: &Page<(Timestamp, String)>,
    ) -> Result<Vec<KeptRefusal>>;
    /// By its reference.
    async fn refusal(&self, reference: &str) -> Result<Option<KeptRefusal>>;
}
