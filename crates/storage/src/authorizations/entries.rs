//! The entries of an authorization's access tokens in status lists, as its row has them.

use diesel::prelude::*;
use latchkey_protocol::{
    AuthorizationId, Timestamp,
    entry_change::{EntryChange, LiveEntries},
    status::TokenEntries,
};

use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    statement::{Bind, statement},
};

/// A change as it is written, with what it must find.
#[derive(Debug, Clone)]
pub struct Entries {
    read_until: Option<Timestamp>,
    stored: Option<Vec<u8>>,
    until: Option<Timestamp>,
}

impl Entries {
    pub fn of(change: &EntryChange) -> Self {
        let stored = change.entries.to_stored();
        Self {
            read_until: change.read_until,
            stored: (!stored.is_empty()).then_some(stored),
            until: change.until(),
        }
    }

    /// For `token_entries` and `token_entries_until`.
    pub fn set(&self) -> [Bind<'_>; 2] {
        [Bind::from(self.stored.as_deref()), Bind::from(self.until)]
    }

    /// For `token_entries_until IS NOT DISTINCT FROM`.
    pub fn read(&self) -> Bind<'_> {
        Bind::from(self.read_until)
    }
}

/// From the columns of the authorization `id`.
pub fn live_entries(
    id: &str,
    stored: Option<&[u8]>,
    until: Option<Timestamp>,
) -> Result<LiveEntries, RowError> {
    let corrupt = || RowError::Corrupt {
        table: "authorizations",
        row: id.to_owned(),
        column: "token_entries",
    };
    let entries = stored.map(|bytes| TokenEntries::from_stored(bytes).ok_or_else(corrupt));
    Ok(LiveEntries {
        entries: entries.transpose()?.unwrap_or_default(),
        until,
    })
}

const CHANGE: &str = "UPDATE authorizations SET token_entries = ?, token_entries_until = ? \
    WHERE id = ? AND revoked_at IS NULL AND token_entries_until IS NOT DISTINCT FROM ?";

/// Whether they were those that were read.
pub fn change(
    c: &mut AnyConnection,
    id: &AuthorizationId,
    entries: &Entries,
) -> Result<bool, RowError> {
    let [stored, until] = entries.set();
    let binds = [stored, until, Bind::from(id), entries.read()];
    Ok(on!(c => statement(CHANGE, &binds).execute(c))? == 1)
}
