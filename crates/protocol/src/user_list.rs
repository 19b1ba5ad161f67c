//! Users as a list: searched or sorted, and read piece by piece.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::{names, time::Timestamp, user::User};

/// The longest text that is searched for, in characters: no address is longer.
const LONGEST: usize = 254;

/// The order of a list of users: a closed set, so that no text of a caller reaches the database as an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UserSort {
    /// By user name.
    #[default]
    Name,
    /// Those added last first.
    Created,
    /// Those who signed in last first; who never did comes at the end.
    LastSignIn,
}

impl UserSort {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Name, Self::Created, Self::LastSignIn];

    /// As it is written outside.
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Created => "created",
            Self::LastSignIn => "last-sign-in",
        }
    }

    /// The order of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.name() == name)
    }
}

/// The beginning of a user name, an address, a display name or a subject, in the form in which each of them is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSearch {
    /// Of a user name.
    pub username: String,
    /// Of an address.
    pub email: String,
    /// Of a display name, with small ASCII letters.
    pub name: String,
    /// Of a subject.
    pub subject: String,
}

impl UserSearch {
    /// What was typed; nothing where that is empty.
    pub fn new(typed: &str) -> Option<Self> {
        let typed: String = typed.trim().chars().take(LONGEST).collect();
        if typed.is_empty() {
            return None;
        }
        let folded: String = typed.nfkc().collect::<String>().to_lowercase();
        Some(Self {
            username: names::username(&typed).unwrap_or_else(|_| typed.to_lowercase()),
            email: folded.nfkc().collect(),
            name: typed.to_ascii_lowercase(),
            subject: typed,
        })
    }
}

/// Which users, in which order. A search has an order of its own, that of what was found: so each piece of it costs the same
/// however many users it finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserQuery {
    /// Every user, in this order.
    All(UserSort),
    /// Those of whom something begins with what was typed, by that.
    Found(UserSearch),
}

impl UserQuery {
    /// A search where something was typed, else all in an order.
    pub fn new(typed: &str, sort: UserSort) -> Self {
        UserSearch::new(typed).map_or(Self::All(sort), Self::Found)
    }
}

/// A user as a line of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedUser {
    /// The user.
    pub user: User,
    /// When they last signed in; none: never, as far as is known.
    pub last_sign_in_at: Option<Timestamp>,
}

/// The place of a user in a list: that a piece goes on after it needs the same query again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UserCursor {
    /// What the list is ordered by: a text, or seconds.
    pub key: String,
    /// The user's id.
    pub id: String,
}

impl UserCursor {
    /// As [`UserCursor`] writes itself. None for what is no cursor.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, key) = text.split_once('.')?;
        Some(Self {
            key: key.to_owned(),
            id: id.to_owned(),
        })
    }

    /// Its moment in a list by time; the end of time where it is from another list.
    pub fn moment(&self) -> Timestamp {
        Timestamp::from_seconds(self.key.parse().unwrap_or(i64::MAX))
    }
}

/// An id and a key, for an address of a page; ids have no dot.
impl std::fmt::Display for UserCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.id, self.key)
    }
}

/// A piece of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct UserPage {
    /// In the order of the query. Rarely fewer than were asked for although more follow: `next` says whether they do.
    pub users: Vec<ListedUser>,
    /// What the next piece goes on after; none at the end.
    pub next: Option<UserCursor>,
}
