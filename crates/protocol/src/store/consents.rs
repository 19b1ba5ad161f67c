//! What a user allows a client, and what they do not.

use async_trait::async_trait;

use super::Result;
use crate::{consent::Consent, secret::Digest};

/// What a user allows a client, and what they do not.
#[async_trait]
pub trait Consents: Send + Sync {
    /// Stamps the interaction with what was allowed and by whom, and remembers it, added to what was allowed before, if
    /// `session_id` is still there and this user's. `false`, and nothing written, when it or the interaction is gone.
    async fn record_consent(
        &self,
        digest: &Digest,
        session_id: &str,
        consent: &Consent,
    ) -> Result<bool>;
    /// As [`Consents::record_consent`], for a user who does not allow it.
    async fn decline(&self, digest: &Digest, session_id: &str) -> Result<bool>;
    async fn consent(&self, user_id: &str, client_id: &str) -> Result<Option<Consent>>;
}
