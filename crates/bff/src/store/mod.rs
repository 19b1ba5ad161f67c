//! Where sessions rest: sealed, under a digest of the cookie, so that neither the store nor a copy of it opens one.

mod memory;
mod names;
mod redis;
mod schema;
mod sql;

use async_trait::async_trait;
use latchkey_protocol::Timestamp;

pub use self::redis::RedisStore;
pub use memory::MemoryStore;
pub use names::{Key, Name};
pub use sql::SqlStore;

/// How long the end of a session is remembered, in seconds: a callback that was under way must not outlive it.
pub const ENDS_REMEMBERED: i64 = 600;

/// Why a store did not do it. Nothing is let through then: the answer is 503.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the session store: {0}")]
pub struct StoreError(String);

impl StoreError {
    /// Says why.
    pub fn new(why: impl std::fmt::Display) -> Self {
        Self(why.to_string().trim().replace('\n', " "))
    }
}

/// A new session.
#[derive(Debug, Clone)]
pub struct NewRow {
    /// The sealed session.
    pub sealed: String,
    /// The user.
    pub subject: Name,
    /// The session at the provider.
    pub sid: Option<Name>,
    /// When the provider issued what it stands on.
    pub issued_at: Timestamp,
    /// When it ends, if nobody uses it.
    pub expires_at: Timestamp,
}

/// A session as it rests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The sealed session.
    pub sealed: String,
    /// Rises with each [`SessionStore::replace`].
    pub version: i64,
    /// When it ends, if nobody uses it.
    pub expires_at: Timestamp,
}

/// What came of [`SessionStore::begin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It rests.
    Done,
    /// The provider has ended it already: nothing rests.
    HasEnded,
}

/// What a logout token ends.
#[derive(Debug, Clone)]
pub struct NamedEnd {
    /// A session at the provider, or a user.
    pub name: Name,
    /// When the provider said so.
    pub at: Timestamp,
    /// The logout token.
    pub jti: Name,
    /// Until when the logout token could come again.
    pub jti_until: Timestamp,
}

/// What came of [`SessionStore::end_named`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedEnded {
    /// So many sessions have ended.
    Sessions(usize),
    /// This logout token was acted upon before.
    Again,
}

/// Keeps sessions. Each verb is atomic; what it promises in a race stands beside it. All that it takes and gives is sealed
/// or a digest.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Keeps a new session, at version 1. Of a session that [`SessionStore::end_named`] ended nothing is kept, whichever of
    /// the two comes first; of a user whose sessions were ended, nothing that was issued before or at that time.
    ///
    /// A user has `most` sessions at the most, this one among them: those that were used longest ago end. However many begin
    /// at the same time, when all are done there are no more.
    async fn begin(
        &self,
        key: &Key,
        row: &NewRow,
        most: usize,
        now: Timestamp,
    ) -> Result<Begun, StoreError>;

    /// None when there is no such session, or its time has come.
    async fn find(&self, key: &Key, now: Timestamp) -> Result<Option<Row>, StoreError>;

    /// Puts another sealed text in the place of that of `version`, ends the lease, and notes that it is used. Whether it
    /// did: false when another one was there first, or the session has ended.
    async fn replace(
        &self,
        key: &Key,
        version: i64,
        sealed: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Lets it live until then, if that is later than before, and notes that it is used.
    async fn extend(
        &self,
        key: &Key,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// The right to renew that version until then. Of those who ask at the same time one gets it; another one when it was
    /// given back or its time has passed.
    async fn lease(
        &self,
        key: &Key,
        version: i64,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Gives the right back, if it is still that owner's.
    async fn release(&self, key: &Key, owner: &str) -> Result<(), StoreError>;

    /// Ends a session. What was sealed, if there was one: of two callers one gets it.
    async fn end(&self, key: &Key) -> Result<Option<String>, StoreError>;

    /// Ends a session that is still of that version: what was decided on it does not hold for another. Whether it did.
    async fn end_version(&self, key: &Key, version: i64) -> Result<bool, StoreError>;

    /// Ends all sessions of that name, and those that are just beginning; only then remembers the logout token. One that is
    /// remembered does nothing.
    async fn end_named(&self, end: &NamedEnd) -> Result<NamedEnded, StoreError>;

    /// Notes that a sign-in is being finished, or was. Of all who ask, at the same time or later, one may go on.
    async fn spend(&self, sign_in: &Name, until: Timestamp) -> Result<bool, StoreError>;

    /// Takes that back: nothing came of it, and nothing of it stays here.
    async fn unspend(&self, sign_in: &Name) -> Result<(), StoreError>;

    /// Whether a sign-in is being finished, or was.
    async fn is_spent(&self, sign_in: &Name) -> Result<bool, StoreError>;

    /// Deletes what has expired, `most` rows of a kind at the most, by the store's clock where that is earlier than `now`. How
    /// many there were.
    async fn sweep(&self, now: Timestamp, most: i64) -> Result<usize, StoreError>;

    /// Whether it can be written to now: it tries. What it lacks, where sessions go on all the same.
    async fn ready(&self) -> Result<Option<&'static str>, StoreError>;
}
