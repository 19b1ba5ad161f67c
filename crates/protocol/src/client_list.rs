//! The list of clients: how it is searched and sorted, where a piece of it goes on, and what is counted of a client.

use crate::{client::Client, time::Timestamp};

/// The longest part of a name that is searched and sorted by, in characters.
const LONGEST: usize = 200;

/// The form in which names are searched and sorted.
pub fn name_key(name: &str) -> String {
    name.to_lowercase().chars().take(LONGEST).collect()
}

/// What the list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientSort {
    /// What users see.
    #[default]
    Name,
    /// When it was registered.
    Created,
}

impl ClientSort {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Name, Self::Created];

    /// As an address writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Created => "created",
        }
    }

    /// What an address names; none where it names nothing.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.name() == name)
    }
}

/// Which clients, in which order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientList {
    /// Those alone whose name begins so, in either case; they are sorted by name.
    pub begins: Option<String>,
    /// What they are sorted by.
    pub sort: ClientSort,
    /// The last first.
    pub is_descending: bool,
}

impl ClientList {
    /// What the list is sorted by in effect.
    pub fn sort(&self) -> ClientSort {
        match self.begins {
            Some(_) => ClientSort::Name,
            None => self.sort,
        }
    }

    /// What the page after this client goes on from.
    pub fn cursor(&self, client: &Client) -> ClientCursor {
        ClientCursor {
            at: match self.sort() {
                ClientSort::Name => ClientPlace::Name(name_key(client.name())),
                ClientSort::Created => ClientPlace::Created(client.created_at),
            },
            id: client.id.as_str().to_owned(),
        }
    }
}

/// A place in what a list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientPlace {
    /// A name, as [`name_key`] writes it.
    Name(String),
    /// A moment.
    Created(Timestamp),
}

/// Where a piece of a list goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCursor {
    /// The place of the last client before; of another order than the list's, the list begins at its beginning.
    pub at: ClientPlace,
    /// Its id.
    pub id: String,
}

impl ClientCursor {
    /// What [`ClientCursor::text`] wrote for a list of this order; none for anything else.
    pub fn parse(sort: ClientSort, text: &str) -> Option<Self> {
        // An id holds no line break.
        let (id, place) = text.split_once('\n')?;
        let at = match sort {
            ClientSort::Name => ClientPlace::Name(place.to_owned()),
            ClientSort::Created => {
                ClientPlace::Created(Timestamp::from_seconds(place.parse().ok()?))
            }
        };
        let id = id.to_owned();
        Some(Self { at, id })
    }

    /// For an address.
    pub fn text(&self) -> String {
        match &self.at {
            ClientPlace::Name(name) => format!("{}\n{name}", self.id),
            ClientPlace::Created(at) => format!("{}\n{at}", self.id),
        }
    }
}

/// What refers to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClientCounts {
    /// Users who have allowed it something.
    pub consents: i64,
    /// Sign-ins from which it can still get tokens, among as many as are looked at.
    pub authorizations: i64,
    /// Whether there may be more of them.
    pub is_more: bool,
}

impl ClientCounts {
    /// The most that is counted: each is a row that the page of the client waits for.
    pub const MOST: i64 = 100;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is_one() {
        for at in [
            ClientPlace::Name("my app\nof two lines".into()),
            ClientPlace::Name(String::new()),
            ClientPlace::Created(Timestamp::from_seconds(-5)),
        ] {
            let sort = match at {
                ClientPlace::Name(_) => ClientSort::Name,
                ClientPlace::Created(_) => ClientSort::Created,
            };
            let id = "a b/c'".to_owned();
            let cursor = ClientCursor { at, id };
            assert_eq!(ClientCursor::parse(sort, &cursor.text()), Some(cursor));
        }
        for text in ["", "x", "x\n' OR 1=1", "x\n1.5"] {
            assert_eq!(ClientCursor::parse(ClientSort::Created, text), None);
        }
    }

    #[test]
    fn names_are_compared_without_case_and_no_longer_than_an_index_takes() {
        assert_eq!(name_key("My ÄPP 앱"), "my äpp 앱");
        assert_eq!(name_key(&"x".repeat(5000)).len(), LONGEST);
    }
}
