//! The audit table as an auditor sees it: lists, the chain, and whether it holds.

use latchkey_protocol::{
    Store, Timestamp,
    audit_chain::{ChainKey, Checkpoint},
    audit_row::{AuditFilter, AuditRow},
    audit_walk::{Break, ChainWalk, Damage, Skip},
    page::Page,
};

use crate::{Operations, Result};

/// Entries that are read at once.
const PIECE: i64 = 1000;
/// How often the walk is begun again because entries that it had walked along were removed meanwhile.
const MOST_WALKS: usize = 8;

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
    /// Places behind it where it does not hold either, as far as the first is passed over: at most 19.
    pub further: Vec<Break>,
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
        let mut begun = 0;
        loop {
            begun += 1;
            let mut walk = ChainWalk::new(key, held);
            if let Some(position) = self.store.misplaced_audit_entry().await? {
                walk.note(position, Damage::Misplaced);
            }
            let mut verdict = AuditVerdict {
                entries: 0,
                removed: 0,
                unsealed: self.store.unsealed_audit_entries().await?,
                reached: None,
                broken: None,
                further: Vec::new(),
                not_compared: Vec::new(),
            };
            let is_last = begun == MOST_WALKS;
            if !walk_along(self.store, &mut walk, &mut verdict, is_last).await? {
                continue;
            }
            verdict.reached = Some(walk.sound()).filter(|sound| sound.position > 0);
            verdict.not_compared = walk.passed().to_vec();
            if let Some((first, further)) = walk.breaks().split_first() {
                verdict.broken = Some(*first);
                verdict.further = further.to_vec();
            }
            return Ok(verdict);
        }
    }
}

/// Whether it came to the end; otherwise it has to be begun again, unless this is the last time.
async fn walk_along(
    store: &dyn Store,
    walk: &mut ChainWalk<'_>,
    verdict: &mut AuditVerdict,
    is_last: bool,
) -> Result<bool> {
    loop {
        let rows = store.audit_chain(walk.reached().position, PIECE).await?;
        if rows.is_empty() {
            match skip(store, walk, verdict).await? {
                // The last entries can have been removed by hand, and new ones not be there yet.
                Skip::Over => continue,
                Skip::Overtaken if !is_last => return Ok(false),
                Skip::Overtaken | Skip::Unrecorded => {
                    walk.end();
                    return Ok(true);
                }
            }
        }
        for row in rows {
            let position = row.position.unwrap_or_default();
            if !walk.is_next(position) {
                match skip(store, walk, verdict).await? {
                    Skip::Over if walk.is_next(position) => {}
                    // More were removed meanwhile, or are missing: read again from here.
                    Skip::Over => break,
                    Skip::Overtaken if !is_last => return Ok(false),
                    Skip::Overtaken | Skip::Unrecorded => {
                        walk.jump(&row);
                        continue;
                    }
                }
            }
            verdict.entries += u64::from(walk.step(&row));
        }
    }
}

/// Goes over what was removed after the place that was reached.
async fn skip(
    store: &dyn Store,
    walk: &mut ChainWalk<'_>,
    verdict: &mut AuditVerdict,
) -> Result<Skip> {
    let before = walk.reached().position;
    let run = store.removed_audit_entries(before + 1).await?;
    let skipped = walk.skip(run.as_ref());
    verdict.removed += walk.reached().position - before;
    Ok(skipped)
}
