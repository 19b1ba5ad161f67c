//! Whom clients admit, from rows of which only that is read. What cannot be read turns everybody away.

use std::collections::BTreeSet;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};
use latchkey_protocol::{access::Access, client::Metadata};

/// What says whom a client admits.
#[derive(QueryableByName)]
pub struct Admitting {
    #[diesel(sql_type = Text)]
    pub id: String,
    #[diesel(sql_type = Text)]
    metadata: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    disabled_at: Option<i64>,
}

/// Its columns. On PostgreSQL the rows are held against a change, and taken before any authorization, as whoever deletes a
/// client takes them.
macro_rules! admitting {
    ($where:literal) => {
        [
            concat!(
                "SELECT id, metadata, disabled_at FROM clients WHERE ",
                $where,
                " ORDER BY id"
            ),
            concat!(
                "SELECT id, metadata, disabled_at FROM clients WHERE ",
                $where,
                " ORDER BY id FOR SHARE"
            ),
        ]
    };
}
pub(super) use admitting;

/// Whom a client admits.
pub enum Rule {
    Everybody,
    Only(Access),
    Nobody,
}

impl Admitting {
    /// Whom it admits now; as `unreadable` where its row says nothing.
    pub fn rule(&self, unreadable: &mut BTreeSet<String>) -> Rule {
        if self.disabled_at.is_some() {
            return Rule::Nobody;
        }
        match serde_json::from_str::<Metadata>(&self.metadata) {
            Ok(metadata) => metadata.access.map_or(Rule::Everybody, Rule::Only),
            Err(_) => {
                unreadable.insert(format!("clients {}", self.id));
                Rule::Nobody
            }
        }
    }
}

impl Rule {
    /// Whether it admits a user with these columns. No columns: no such user.
    pub fn admits(
        &self,
        id: &str,
        (groups, roles): (Option<&str>, Option<&str>),
        unreadable: &mut BTreeSet<String>,
    ) -> bool {
        let access = match self {
            Self::Everybody => return true,
            Self::Nobody => return false,
            Self::Only(access) => access,
        };
        let names = |text: Option<&str>| serde_json::from_str::<Vec<String>>(text?).ok();
        let Some((groups, roles)) = names(groups).zip(names(roles)) else {
            unreadable.insert(format!("users {id}"));
            return false;
        };
        access.admits_whom(id, &groups, &roles)
    }
}
