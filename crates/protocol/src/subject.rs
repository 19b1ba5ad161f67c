//! `sub`: how clients know users.

use crate::UserId;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::Client;

/// A subject identifier (OpenID Connect Core 2): what one client knows one user by, in every token and answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Subject(String);

impl Subject {
    /// How `client` knows the user with this id. All subjects of users are made here: that of each client is the user's id,
    /// which never changes and is never reassigned (subject type `public`, OpenID Connect Core 8).
    pub fn of_user(_client: &Client, user_id: &UserId) -> Self {
        Self(user_id.as_str().to_owned())
    }

    /// A client that acts for itself (RFC 9068 2.2).
    pub fn of_client(client: &Client) -> Self {
        Self(client.id.as_str().to_owned())
    }

    /// As it was presented, by whoever that was.
    pub fn presented(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether `client` knows the user with this id by it.
    pub fn names(&self, client: &Client, user_id: &UserId) -> bool {
        *self == Self::of_user(client, user_id)
    }

    /// Which user `client` knows by it, if there is one.
    pub fn user_of(&self, _client: &Client) -> UserId {
        UserId::new(&self.0)
    }

    /// As tokens write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Subject> for Value {
    fn from(subject: Subject) -> Self {
        Self::String(subject.0)
    }
}
