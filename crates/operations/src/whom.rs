//! Whom an operation is about.

use latchkey_protocol::{UserId, user::User};

/// A user, as whoever asks names them. A name may be somebody else's when it is looked up; an id never is.
#[derive(Debug, Clone, Copy)]
pub enum Whom<'a> {
    /// What was typed: a user name or an email address.
    Login(&'a str),
    /// The subject of a user who was looked up before.
    Id(&'a UserId),
    /// A user who was read before, and only while they are as they were then.
    Seen(&'a User),
}

impl<'a> From<&'a str> for Whom<'a> {
    fn from(login: &'a str) -> Self {
        Self::Login(login)
    }
}

impl<'a> From<&'a String> for Whom<'a> {
    fn from(login: &'a String) -> Self {
        Self::Login(login)
    }
}

impl<'a> From<&'a UserId> for Whom<'a> {
    fn from(id: &'a UserId) -> Self {
        Self::Id(id)
    }
}

impl<'a> From<&'a User> for Whom<'a> {
    fn from(seen: &'a User) -> Self {
        Self::Seen(seen)
    }
}

impl<'a> Whom<'a> {
    /// As the audit log and a refusal name them.
    pub(crate) fn name(self, user: &'a User) -> &'a str {
        match self {
            Self::Login(login) => login,
            Self::Id(_) | Self::Seen(_) => &user.username,
        }
    }
}
