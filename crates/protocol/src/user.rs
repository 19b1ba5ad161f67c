//! Users.

use serde_json::{Map, Value};

use crate::time::Timestamp;

/// A user who can sign in.
#[derive(Clone, PartialEq)]
pub struct User {
    /// The subject identifier: never reassigned (OpenID Connect Core 2).
    pub id: String,
    /// What is typed at the login page, in the form of [`crate::names::username`].
    pub username: String,
    pub email: Option<String>,
    pub name: Option<String>,
    /// argon2id in PHC form; absent: no sign-in by password.
    pub password_hash: Option<String>,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
    /// OpenID Connect standard claims (Core 5.1) beyond the fields above.
    pub claims: Map<String, Value>,
    /// What custom claims may be mapped from.
    pub attributes: Map<String, Value>,
    pub disabled_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Counts the changes of the profile, so that none is made to what somebody else has changed since.
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
