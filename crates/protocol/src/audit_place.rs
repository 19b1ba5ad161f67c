//! Whether a place of the audit chain that somebody remembers is still the same.

use crate::{
    audit_chain::{ChainKey, Hash},
    audit_row::AuditRow,
    audit_walk::StoredRun,
};

/// What stands at a place of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditPlace {
    /// An entry with this hash, or the last of a run of removed ones.
    Hash(Hash),
    /// Something that was removed, by a record that holds: its hash is not known any more.
    Removed,
    /// Nothing.
    Missing,
}

impl AuditPlace {
    /// The place of an entry, if `entry` has this position. Otherwise it may have been removed.
    pub fn of_entry(position: i64, entry: Option<&AuditRow>) -> Option<Self> {
        let entry = entry.filter(|entry| entry.position == Some(position))?;
        let hash = entry.hash.as_deref().and_then(|hash| hash.try_into().ok());
        Some(hash.map_or(Self::Missing, Self::Hash))
    }

    /// A place without an entry, from the record that holds it. `key`: it counts only with its seal. To be read after the entry
    /// was looked for: what is removed between the two is in a record then.
    pub fn of_removed(key: &ChainKey, position: i64, stored: Option<&StoredRun>) -> Self {
        match stored {
            Some(StoredRun { run, seal }) if ChainKey::fits(&key.seal_removed(run), seal) => {
                match run.last == position {
                    true => Self::Hash(run.hash),
                    false => Self::Removed,
                }
            }
            _ => Self::Missing,
        }
    }

    /// Whether a place that had this hash can be the same.
    pub fn can_be(self, hash: &Hash) -> bool {
        match self {
            Self::Hash(stands) => stands == *hash,
            Self::Removed => true,
            Self::Missing => false,
        }
    }
}
