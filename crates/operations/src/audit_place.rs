//! Whether a place of the chain that somebody remembers is still the same.

use latchkey_protocol::{Store, audit_chain::ChainKey, audit_place::AuditPlace, store};

use crate::{Operations, Result};

/// What stands at `position` now. `key`: a record of what was removed counts only with its seal.
///
/// # Errors
/// [`latchkey_protocol::StoreError`].
pub async fn audit_place(
    store: &dyn Store,
    key: &ChainKey,
    position: i64,
) -> store::Result<AuditPlace> {
    let entry = store.audit_chain(position - 1, 1).await?.pop();
    if let Some(place) = AuditPlace::of_entry(position, entry.as_ref()) {
        return Ok(place);
    }
    let run = store.removed_audit_entries(position).await?;
    Ok(AuditPlace::of_removed(key, position, run.as_ref()))
}

impl Operations<'_> {
    /// What stands at a place of the chain.
    ///
    /// # Errors
    /// [`crate::OperationError::Store`].
    pub async fn audit_place(&self, key: &ChainKey, position: i64) -> Result<AuditPlace> {
        Ok(audit_place(self.store, key, position).await?)
    }
}
