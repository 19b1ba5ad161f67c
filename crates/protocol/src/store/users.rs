//! Users, and what decides whether they may sign in.

use async_trait::async_trait;

use super::Result;
use crate::{
    UserId,
    names::Login,
    page::Page,
    time::Timestamp,
    user::User,
    user_list::{UserCursor, UserPage, UserQuery},
};

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
    /// Nobody else is an administrator, and the last one stays.
    LastAdministrator,
}

/// What becomes of the last administrator: the last enabled user with the role [`crate::console::ADMIN`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastAdministrator {
    /// They stay.
    Stays,
    /// They may go: whoever asks has said so.
    MayGo,
}

/// What came of locking a user out, or removing them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserEnd {
    /// It is done, and so many sessions ended.
    Ended(usize),
    /// There is no such user, or not at the version that was named.
    Unknown,
    /// Nobody else is an administrator, and the last one stays. Nothing was done.
    LastAdministrator,
}

impl UserEnd {
    /// Whether it is done.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Ended(_))
    }
}

/// Users, and what decides whether they may sign in.
///
/// Whatever changes a user's record raises its version: the profile, the password, whether they may sign in. A rehash of the
/// same password and a sign-in do not. Verbs with a `version` do nothing where the user is at another one; of racing callers
/// with the same one, one changes the user.
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
    /// Users in the order of `query`, found by indexes: a piece costs the same however many there are. A page goes on after a
    /// place that an earlier piece of the same query named; one of another query begins somewhere, and harms nothing.
    async fn user_list(&self, query: &UserQuery, page: &Page<UserCursor>) -> Result<UserPage>;
    /// When the user last signed in; none: never, as far as is known, or there is no such user.
    async fn last_sign_in(&self, id: &UserId) -> Result<Option<Timestamp>>;
    /// Replaces what describes a user (address, display name, roles, groups, claims, attributes) and nothing that decides whether they
    /// may sign in, if the user is still at the version that `before` was read at. The address as in [`Users::create_user`],
    /// the role of the last administrator as in [`Users::disable_user`].
    async fn update_user_profile(
        &self,
        before: &User,
        after: &User,
        last: LastAdministrator,
    ) -> Result<WriteOutcome>;
    /// Replaces the password hash, and ends all sessions and authorizations of the user in the same step: whoever knew
    /// the old password is out. How many sessions there were; `None` when there is no such user, or not at `version`.
    async fn set_password(
        &self,
        user_id: &UserId,
        version: Option<i64>,
        hash: &str,
        now: Timestamp,
    ) -> Result<Option<usize>>;
    /// Replaces the password hash if it is still `old`; so a rehash at login never undoes a new password.
    async fn rehash_password(&self, user_id: &UserId, old: &str, new: &str) -> Result<bool>;
    /// Lets a user in no more, and ends all sessions and authorizations in the same step, so that enabling brings none
    /// back. With [`LastAdministrator::Stays`] one enabled user with the role [`crate::console::ADMIN`] is left: of
    /// administrators who lock each other out at the same moment, one is refused.
    async fn disable_user(
        &self,
        user_id: &UserId,
        version: Option<i64>,
        last: LastAdministrator,
        now: Timestamp,
    ) -> Result<UserEnd>;
    /// `false` when there is no such user, or not at `version`.
    async fn enable_user(
        &self,
        user_id: &UserId,
        version: Option<i64>,
        now: Timestamp,
    ) -> Result<bool>;
    /// Removes a user with sessions, consents and authorizations; the last administrator as in [`Users::disable_user`].
    async fn delete_user(
        &self,
        id: &UserId,
        version: Option<i64>,
        last: LastAdministrator,
    ) -> Result<UserEnd>;
}
