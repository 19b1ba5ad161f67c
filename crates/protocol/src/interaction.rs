use crate::{ScopeSet, authorize::AuthorizationRequest, secret::Digest, time::Timestamp};

/// How long a person has to sign in and to decide, in seconds.
pub const LIFETIME: i64 = 60 * 60;

/// An authorization request waiting for a person.
#[derive(Debug, Clone)]
pub struct Interaction {
    /// Digest of the secret in its address.
    pub digest: Digest,
    /// Digest of the cookie of the browser that began it; another browser cannot go on with it.
    pub browser: Digest,
    pub request: AuthorizationRequest,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// The session that a login made for this interaction.
    pub login_session: Option<String>,
    /// The session that the person chose to go on with.
    pub selected_session: Option<String>,
    /// What the person allowed in this interaction.
    pub consented: Option<ScopeSet>,
    pub declined: bool,
}
