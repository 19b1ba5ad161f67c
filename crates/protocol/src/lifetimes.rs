//! How long things live: the settings that rules of several kinds read.

/// How long things live, in seconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lifetimes {
    pub access_token: i64,
    pub id_token: i64,
    pub authorization_code: i64,
    /// Absolute, of the whole family.
    pub refresh_token: i64,
    pub refresh_idle: i64,
    pub refresh_replay_window: i64,
    pub session: i64,
    pub session_remember: i64,
    /// How long a session may lie unused; 0: as long as it lives.
    pub session_idle: i64,
    pub session_remember_idle: i64,
}
