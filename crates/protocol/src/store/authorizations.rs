//! What follows from an approval: its code, its refresh family, its end.

use async_trait::async_trait;

use super::Result;
use crate::{
    AuthorizationId,
    authorization::{Authorization, Context, RefreshFamily, Support},
    entry_change::EntryChange,
    kind,
    secret::Digest,
    time::Timestamp,
};

/// What follows from an approval: its code, its refresh family, its end.
#[async_trait]
pub trait Authorizations: Send + Sync {
    /// Adds the authorization, and removes the interaction where there was one. `false`, and nothing added, when the
    /// interaction, the session or the client is gone, or the consent that it rests on: of racing callers one wins, an
    /// ended session gives no more codes, and neither does a consent that was taken back. Where the client is limited to
    /// some users, also when user or client changed since they were judged: then the interaction stays.
    /// Beyond the bounds of [`crate::bounds`], the session's oldest for the same client go.
    async fn issue_code(
        &self,
        interaction: Option<&Digest<kind::Interaction>>,
        authorization: &Authorization,
    ) -> Result<bool>;
    /// By the digest of its code, spent or not.
    async fn authorization_by_code(
        &self,
        code: &Digest<kind::AuthorizationCode>,
    ) -> Result<Option<Context>>;
    /// By id.
    async fn authorization(&self, id: &AuthorizationId) -> Result<Option<Context>>;
    /// What an access token of the authorization `id` hangs on, unless its `jti` has been revoked on its own.
    async fn support(&self, id: &AuthorizationId, jti: &str) -> Result<Option<Support>>;
    /// Marks the code used, starts the refresh family and writes the entries of the access token, if the code is unused,
    /// nothing was revoked, and the entries are those that were read: a session that ended since then has moved them.
    /// Of racing callers one gets `true`.
    async fn exchange_code(
        &self,
        id: &AuthorizationId,
        now: Timestamp,
        refresh: Option<&RefreshFamily>,
        expires_at: Timestamp,
        entries: &EntryChange,
    ) -> Result<bool>;
    /// As [`Authorizations::exchange_code`], if its session is there as well; notes the client in the session, so that it
    /// hears of its end. The session ends either before, and the code is not exchanged, or after, and the client is told.
    async fn exchange_code_in_session(
        &self,
        id: &AuthorizationId,
        now: Timestamp,
        refresh: Option<&RefreshFamily>,
        expires_at: Timestamp,
        entries: &EntryChange,
    ) -> Result<bool>;
    /// Replaces the current refresh token by its successor, and the entries of the access tokens, if `expected` is still
    /// current, the entries are those that were read, and nothing was revoked. Of racing callers one gets `true`.
    async fn rotate_refresh_token(
        &self,
        id: &AuthorizationId,
        expected: &Digest<kind::RefreshToken>,
        next: &RefreshFamily,
        entries: &EntryChange,
    ) -> Result<bool>;
    /// Ends an authorization; idempotent.
    async fn revoke_authorization(&self, id: &AuthorizationId, now: Timestamp) -> Result<()>;
}
