//! Whether a place of the chain that somebody remembers is still the same.

use latchkey_protocol::{
    Store,
    audit_chain::{ChainKey, Hash},
    audit_walk::StoredRun,
    store,
};

use crate::{Operations, Result};

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
    /// What stands at `position` now. `key`: a record of what was removed counts only with its seal.
    ///
    /// # Errors
    /// [`latchkey_protocol::StoreError`].
    pub async fn at(store: &dyn Store, key: &ChainKey, position: i64) -> store::Result<Self> {
        let entry = store.audit_chain(position - 1, 1).await?.pop();
        if let Some(entry) = entry.filter(|entry| entry.position == Some(position)) {
            let hash = entry.hash.and_then(|hash| hash.try_into().ok());
            return Ok(hash.map_or(Self::Missing, Self::Hash));
        }
        // Read afterwards: what is removed between the two is in a record then.
        let Some(StoredRun { run, seal }) = store.removed_audit_entries(position).await? else {
            return Ok(Self::Missing);
        };
        Ok(match ChainKey::fits(&key.seal_removed(&run), &seal) {
            true if run.last == position => Self::Hash(run.hash),
            true => Self::Removed,
            false => Self::Missing,
        })
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

impl Operations<'_> {
    /// What stands at a place of the chain.
    ///
    /// # Errors
    /// [`crate::OperationError::Store`].
    pub async fn audit_place(&self, key: &ChainKey, position: i64) -> Result<AuditPlace> {
        Ok(AuditPlace::at(self.store, key, position).await?)
    }
}
