//! Access tokens that ended before their time.

use async_trait::async_trait;

use super::Result;
use crate::time::Timestamp;

/// Access tokens that ended before their time.
#[async_trait]
pub trait AccessTokens: Send + Sync {
    /// Ends one access token until it would have expired anyway; idempotent.
    async fn revoke_access_token(&self, jti: &str, expires_at: Timestamp) -> Result<()>;
    /// Whether this access token was revoked by itself.
    async fn is_access_token_revoked(&self, jti: &str) -> Result<bool>;
}
