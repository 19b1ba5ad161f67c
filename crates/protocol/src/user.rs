//! Users.

use crate::UserId;
use serde_json::{Map, Value};

use crate::time::Timestamp;

/// A user who can sign in.
#[derive(Clone, PartialEq)]
pub struct User {
    /// The subject identifier: never reassigned (OpenID Connect Core 2).
    pub id: UserId,
    /// What is typed at the login page, in the form of [`crate::names::username`].
    pub username: String,
    /// As it was entered.
    pub email: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// argon2id in PHC form; absent: no sign-in by password.
    pub password_hash: Option<String>,
    /// `roles` of their tokens.
    pub roles: Vec<String>,
    /// `groups` of their tokens.
    pub groups: Vec<String>,
    /// OpenID Connect standard claims (Core 5.1) beyond the fields above.
    pub claims: Map<String, Value>,
    /// What custom claims may be mapped from.
    pub attributes: Map<String, Value>,
    /// Since when they may not sign in; none: they may.
    pub disabled_at: Option<Timestamp>,
    /// When they were added.
    pub created_at: Timestamp,
    /// When what describes them was last changed.
    pub updated_at: Timestamp,
    /// Counts the changes of the record, so that none is made to what somebody else has changed since.
    pub version: i64,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}
