//! What a grant writes about the entries of an authorization's access tokens in status lists.

use crate::{status::TokenEntries, time::Timestamp};

/// The entries of an authorization's access tokens that may still be good, as they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveEntries {
    /// Of each token that is not over yet. Some may be over: whoever adds one drops those.
    pub entries: TokenEntries,
    /// When the last of them is over. A session that ends moves it, so that a change that was decided before is refused.
    pub until: Option<Timestamp>,
}

impl LiveEntries {
    /// The change to these entries, of what was read here.
    pub fn changed(&self, entries: TokenEntries) -> EntryChange {
        EntryChange {
            read_until: self.until,
            entries,
        }
    }

    /// The change that leaves the entries as they are, and is refused like any other where what was read has changed.
    pub fn unchanged(&self) -> EntryChange {
        self.changed(self.entries.clone())
    }
}

/// The entries that replace those that were read, if those are still the ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryChange {
    /// [`LiveEntries::until`] as it was read, which the row must still have.
    pub read_until: Option<Timestamp>,
    /// What the row has from then on.
    pub entries: TokenEntries,
}

impl EntryChange {
    /// When the last of them is over; and always later than what was read, so that whoever read the same finds that
    /// another came first, in the same second too.
    pub fn until(&self) -> Option<Timestamp> {
        self.entries.until().max(self.read_until.map(|at| at + 1))
    }
}
