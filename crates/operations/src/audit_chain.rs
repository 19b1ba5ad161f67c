//! The audit table as an auditor sees it: lists, the chain, and whether it holds.

use latchkey_protocol::{
    Store, Timestamp,
    audit_chain::{ChainKey, Checkpoint},
    audit_row::{AuditFilter, AuditRow},
    audit_walk::{Break, ChainWalk},
    page::Page,
};

use crate::{Operations, Result};

/// Entries that are read at once.
const PIECE: i64 = 1000;

/// What came of going along the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditVerdict {
    /// How many entries hold.
    pub entries: u64,
    /// How many entries were removed for their age or for the bound of the table, by records that hold.
    pub removed: i64,
    /// How many are not in the chain yet, and not held against anything.
    pub unsealed: i64,
    /// Up to where it holds; none where nothing is in the chain.
    pub reached: Option<Checkpoint>,
    /// The first place where it does not hold.
    pub broken: Option<Break>,
    /// Checkpoints that were not compared: their entries were removed.
    pub not_compared: Vec<Checkpoint>,
}

impl Operations<'_> {
    /// A piece of the audit table, the newest entries first; a page goes on after a moment and an id.
    ///
    /// # Errors
    /// [`crate::OperationError::Store`].
    pub async fn audit_entries(
        &self,
        filter: &AuditFilter,
        page: &Page<(Timestamp, i64)>,
    ) -> Result<Vec<AuditRow>> {
        Ok(self.store.audit_entries(filter, page).await?)
    }

    /// At most `most` entries of the chain after a place, in its order.
    ///
    /// # Errors
    /// [`crate::OperationError::Store`].
    pub async fn audit_chain(&self, after: i64, most: i64) -> Result<Vec<AuditRow>> {
        Ok(self.store.audit_chain(after, most).await?)
    }

    /// Goes along the whole chain, piece by piece. `held`: checkpoints that were kept elsewhere.
    ///
    /// # Errors
    /// [`crate::OperationError::Store`].
    pub async fn verify_audit(&self, key: &ChainKey, held: &[Checkpoint]) -> Result<AuditVerdict> {
        let mut walk = ChainWalk::new(key, held);
        let mut verdict = AuditVerdict {
            entries: 0,
            removed: 0,
            unsealed: self.store.unsealed_audit_entries().await?,
            reached: None,
            broken: None,
            not_compared: Vec::new(),
        };
        verdict.broken = walk_along(self.store, &mut walk, &mut verdict).await?;
        verdict.reached = Some(walk.reached()).filter(|reached| reached.position > 0);
        verdict.not_compared = walk.passed().to_vec();
        Ok(verdict)
    }
}

async fn walk_along(
    store: &dyn Store,
    walk: &mut ChainWalk<'_>,
    verdict: &mut AuditVerdict,
) -> Result<Option<Break>> {
    loop {
        let rows = store.audit_chain(walk.reached().position, PIECE).await?;
        if rows.is_empty() {
            return match skip(store, walk, verdict).await? {
                // The last entries can have been removed by hand, and new ones not be there yet.
                Ok(true) => continue,
                Ok(false) => Ok(walk.end().err()),
                Err(broken) => Ok(Some(broken)),
            };
        }
        for row in rows {
            let position = row.position.unwrap_or_default();
            if !walk.is_next(position) {
                match skip(store, walk, verdict).await? {
                    Ok(true) => {}
                    Ok(false) => return Ok(walk.skip(None).err()),
                    Err(broken) => return Ok(Some(broken)),
                }
                if !walk.is_next(position) {
                    // More were removed meanwhile, or are missing: read again from here.
                    break;
                }
            }
            if let Err(broken) = walk.step(&row) {
                return Ok(Some(broken));
            }
            verdict.entries += 1;
        }
    }
}

/// Goes over what was removed after the place that was reached. Whether there was anything.
async fn skip(
    store: &dyn Store,
    walk: &mut ChainWalk<'_>,
    verdict: &mut AuditVerdict,
) -> Result<std::result::Result<bool, Break>> {
    let before = walk.reached().position;
    let Some(run) = store.removed_audit_entries(before + 1).await? else {
        return Ok(Ok(false));
    };
    let skipped = walk.skip(Some(&run));
    verdict.removed += walk.reached().position - before;
    Ok(skipped.map(|()| true))
}
