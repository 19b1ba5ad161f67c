//! Users, and what decides whether they may sign in.

use async_trait::async_trait;

use super::Result;
use crate::{UserId, names::Login, page::Page, time::Timestamp, user::User};

/// What came of writing a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// It is written.
    Done,
    /// Somebody else has the name.
    NameTaken,
    /// The name is somebody else's address.
    NameIsAddress,
    /// Somebody else has the address.
    AddressTaken,
    /// The address is somebody else's name.
    AddressIsName,
    /// The row is gone, or not as it was read: read again.
    Changed,
}

/// Users, and what decides whether they may sign in.
#[async_trait]
pub trait Users: Send + Sync {
    /// Adds a user, unless the name or the address is somebody else's, be it as a name or as an address.
    /// Of racing callers who want the same, one gets [`WriteOutcome::Done`].
    async fn create_user(&self, user: &User) -> Result<WriteOutcome>;
    /// By id.
    async fn user(&self, id: &UserId) -> Result<Option<User>>;
    /// By user name alone, as it was stored.
    async fn user_by_name(&self, username: &str) -> Result<Option<User>>;
    /// By what was typed: a name or an address. A name goes before an address.
    async fn user_by_login(&self, login: &Login) -> Result<Option<User>>;
    /// Users by name; a page goes on after a name.
    async fn users(&self, page: &Page<String>) -> Result<Vec<User>>;
    /// Replaces what describes a user (address, display name, roles, groups, claims, attributes) and nothing that decides whether they
    /// may sign in, if the user is still at the version that `before` was read at. The address as in [`Users::create_user`].
    async fn update_user_profile(&self, before: &User, after: &User) -> Result<WriteOutcome>;
    /// Replaces the password hash, and ends all sessions and authorizations of the user in the same step: whoever knew
    /// the old password is out. How many sessions there were; `None` when there is no such user.
    async fn set_password(
        &self,
        user_id: &UserId,
        hash: &str,
        now: Timestamp,
    ) -> Result<Option<usize>>;
    /// Replaces the password hash if it is still `old`; so a rehash at login never undoes a new password.
    async fn rehash_password(&self, user_id: &UserId, old: &str, new: &str) -> Result<bool>;
    /// Lets a user in no more, and ends all sessions and authorizations in the same step, so that enabling brings none
    /// back. How many sessions there were; `None` when there is no such user.
    async fn disable_user(&self, user_id: &UserId, now: Timestamp) -> Result<Option<usize>>;
    /// `false` when there is no such user.
    async fn enable_user(&self, user_id: &UserId, now: Timestamp) -> Result<bool>;
    /// Removes a user with sessions, consents and authorizations.
    async fn delete_user(&self, id: &UserId) -> Result<bool>;
}
