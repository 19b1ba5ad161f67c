//! How long things live: the settings that rules of several kinds read.

/// How long things live, in seconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lifetimes {
    /// Of access tokens.
    pub access_token: i64,
    /// Of ID tokens.
    pub id_token: i64,
    /// Of codes.
    pub authorization_code: i64,
    /// Absolute, of the whole family.
    pub refresh_token: i64,
    /// Of a refresh token that nobody uses.
    pub refresh_idle: i64,
    /// How long the parent of a refresh token brings the same successor again.
    pub refresh_replay_window: i64,
    /// Of a session that ends with the browser.
    pub session: i64,
    /// Of a session that outlives the browser.
    pub session_remember: i64,
    /// How long a session may lie unused; 0: as long as it lives.
    pub session_idle: i64,
    /// Of such a session that nobody uses.
    pub session_remember_idle: i64,
}
