//! Access tokens that ended before their time.

use async_trait::async_trait;

use super::Result;
use crate::{status::TokenEntry, time::Timestamp};

/// Access tokens that ended before their time.
#[async_trait]
pub trait AccessTokens: Send + Sync {
    /// Ends one access token until it would have expired anyway, and with it its `entry` in a status list, where it has
    /// one; idempotent.
    async fn revoke_access_token(
        &self,
        jti: &str,
        expires_at: Timestamp,
        entry: Option<TokenEntry>,
    ) -> Result<()>;
    /// Whether this access token was revoked by itself.
    async fn is_access_token_revoked(&self, jti: &str) -> Result<bool>;
}
