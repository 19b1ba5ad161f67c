//! What a user allows a client, and what they do not.

use async_trait::async_trait;

use super::Result;
use crate::{ClientId, SessionId, UserId, consent::Consent, kind, secret::Digest, time::Timestamp};

/// Whose consents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentsOf<'a> {
    /// What the user with this id allowed.
    User(&'a UserId),
    /// What the client with this id was allowed.
    Client(&'a ClientId),
}

/// What ended with a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConsentEnd {
    /// Whether there was one: a client that is `trusted` has authorizations without.
    pub consented: bool,
    /// How many authorizations ended.
    pub authorizations: usize,
}

/// What a user allows a client, and what they do not.
#[async_trait]
pub trait Consents: Send + Sync {
    /// Stamps the interaction with what was allowed and by whom, and remembers it, added to what was allowed before, if
    /// `session_id` is still there and this user's. `false`, and nothing written, when it or the interaction is gone.
    async fn record_consent(
        &self,
        digest: &Digest<kind::Interaction>,
        session_id: &SessionId,
        consent: &Consent,
    ) -> Result<bool>;
    /// As [`Consents::record_consent`], for a user who does not allow it.
    async fn decline(
        &self,
        digest: &Digest<kind::Interaction>,
        session_id: &SessionId,
    ) -> Result<bool>;
    /// What this user has allowed this client.
    async fn consent(&self, user_id: &UserId, client_id: &ClientId) -> Result<Option<Consent>>;
    /// At most `most` consents of a user or to a client, by the id of the other side, from the one after `after` on.
    async fn consents(
        &self,
        of: ConsentsOf<'_>,
        after: Option<&str>,
        most: i64,
    ) -> Result<Vec<Consent>>;
    /// As [`Consents::consents`] of a client, each with the name of its user.
    async fn named_consents(
        &self,
        client_id: &ClientId,
        after: Option<&str>,
        most: i64,
    ) -> Result<Vec<(Consent, String)>>;
    /// Takes back what a user allowed a client, and ends all that came of it, `offline_access` too, in the same step. A
    /// sign-in of the user that is under way is asked again. Idempotent.
    async fn revoke_consent(
        &self,
        user_id: &UserId,
        client_id: &ClientId,
        now: Timestamp,
    ) -> Result<ConsentEnd>;
}
