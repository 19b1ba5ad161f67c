//! Authorization requests that wait for a user.

use async_trait::async_trait;

use super::Result;
use crate::{
    SessionId, attempts::Origin, interaction::Interaction, kind, secret::Digest, time::Timestamp,
};

/// What became of a sign-in that was to be begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeginOutcome {
    /// It waits for its user.
    Begun,
    /// Its row would be larger than any may be.
    TooLarge,
    /// Its network has left too many unfinished.
    NetworkFull,
    /// All together have left many, and its neighbourhood more than its share of them.
    NeighbourhoodFull,
    /// All together have.
    Full,
}

/// Authorization requests that wait for a user.
#[async_trait]
pub trait Interactions: Send + Sync {
    /// Adds an interaction within the bounds of [`crate::bounds`]: of its browser's the oldest makes room, its network
    /// is refused more. Racing callers may exceed a network's bound by as many as they are.
    async fn begin_interaction(
        &self,
        interaction: &Interaction,
        from: &Origin,
    ) -> Result<BeginOutcome>;
    /// By the digest of its secret.
    async fn interaction(&self, digest: &Digest<kind::Interaction>) -> Result<Option<Interaction>>;
    /// Binds all interactions of a browser to its new secret. `false` when it has none under the old one.
    async fn renew_browser(
        &self,
        old: &Digest<kind::Browser>,
        new: &Digest<kind::Browser>,
        now: Timestamp,
    ) -> Result<bool>;
    /// The user goes on with this session, if it is still there. `false`, and nothing written, when it or the
    /// interaction is gone.
    async fn select_account(
        &self,
        digest: &Digest<kind::Interaction>,
        session_id: &SessionId,
    ) -> Result<bool>;
    /// Removes an interaction that was refused.
    async fn end_interaction(&self, digest: &Digest<kind::Interaction>) -> Result<()>;
}
