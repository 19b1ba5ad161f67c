use crate::{secret::Digest, time::Timestamp};

/// A browser that is signed in, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The public `sid` (OpenID Connect Front-Channel Logout 3).
    pub id: String,
    /// Digest of the cookie's secret.
    pub digest: Digest,
    pub user_id: String,
    /// When the person last proved who they are.
    pub auth_time: Timestamp,
    /// How (RFC 8176).
    pub amr: String,
    pub remember: bool,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Names of our cookies. Under https they carry the `__Host-` prefix: this host alone, TLS alone.
pub fn cookie_name(secure: bool, name: Cookie) -> &'static str {
    match (secure, name) {
        (true, Cookie::Session) => "__Host-latchkey-session",
        (true, Cookie::Browser) => "__Host-latchkey-browser",
        (false, Cookie::Session) => "latchkey-session",
        (false, Cookie::Browser) => "latchkey-browser",
    }
}

/// The cookies there are: who is signed in, and which browser this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookie {
    Session,
    Browser,
}
