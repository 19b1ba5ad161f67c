//! The audit table.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Result, Store};
use crate::{
    audit::{AuditEntry, StoredAuditEntry},
    audit_chain::{ChainKey, Checkpoint},
    audit_row::{AuditFilter, AuditRow},
    audit_walk::StoredRun,
    page::Page,
    time::Timestamp,
};

/// The audit table.
#[async_trait]
pub trait Audit: Send + Sync {
    /// This store, whose next verb writes `entry` in its own transaction, if it does what it was called for: what was
    /// refused or overtaken leaves no entry. Verbs that a user, a client or an administrator causes do so: those that change users,
    /// clients, keys, claims and sessions, and the end of an authorization. Where sessions end, each has an entry of its
    /// own besides, with the same actor.
    fn recording(&self, entry: AuditEntry) -> Arc<dyn Store>;
    /// Counts what strangers can cause: one entry for each event and target, or network without one, until [`crate::audit::closes_at`], and beyond
    /// [`crate::bounds::AUDIT_FAILURES`] of them one for all others of the event. Those with a target and those without have
    /// room each.
    async fn count_failure(&self, entry: &AuditEntry) -> Result<()>;
    /// A piece of the entries to which `filter` applies, the newest first; a page goes on after a moment and an id. What cannot
    /// be read as an entry is there as well.
    async fn audit_entries(
        &self,
        filter: &AuditFilter,
        page: &Page<(Timestamp, i64)>,
    ) -> Result<Vec<AuditRow>>;
    /// At most `most` entries of the chain after the place `after`, in its order.
    async fn audit_chain(&self, after: i64, most: i64) -> Result<Vec<AuditRow>>;
    /// Where the chain ends.
    async fn audit_checkpoint(&self) -> Result<Option<Checkpoint>>;
    /// The record that the entry of this place was removed, with others.
    async fn removed_audit_entries(&self, position: i64) -> Result<Option<StoredRun>>;
    /// The lowest position that no entry can have, less than 1, if an entry has one.
    async fn misplaced_audit_entry(&self) -> Result<Option<i64>>;
    /// How many entries are not in the chain yet.
    async fn unsealed_audit_entries(&self) -> Result<i64>;
    /// Whether there are entries that [`Audit::seal_audit_entries`] would seal at `now`.
    async fn has_new_audit_entries(&self, now: Timestamp) -> Result<bool>;
    /// At most `most` entries whose line no server has logged, the oldest first. What cannot be read is reported
    /// and noted as logged.
    async fn unlogged_audit_entries(&self, most: i64) -> Result<Vec<StoredAuditEntry>>;
    /// Notes that the lines of these entries are logged.
    async fn note_logged(&self, ids: &[i64]) -> Result<()>;
    /// Gives at most `most` entries that can change no more their places in the chain, after the last one, with hash and seal.
    /// How many. Those who write entries do not wait for it; of racing callers each seals others. None, and nothing is sealed,
    /// where the place `known` is gone or has another hash: somebody may have taken out of the chain what would be sealed.
    async fn seal_audit_entries(
        &self,
        key: &ChainKey,
        known: Option<&Checkpoint>,
        now: Timestamp,
        most: i64,
    ) -> Result<Option<usize>>;
    /// Removes at most `most` entries from the beginning of the chain, as far as they are `keep` seconds old by the newest
    /// entry that is not beyond `now`; the last one stays, so that places go on. A sealed record of them stays, too. How many.
    async fn forget_audit_entries(
        &self,
        key: &ChainKey,
        keep: i64,
        now: Timestamp,
        most: i64,
    ) -> Result<usize>;
    /// Removes at most `most` entries that have their place, as far as there are more than `bound`: the oldest, what
    /// administrators did last. The last one stays, and so do sealed records of what goes. How many.
    async fn bound_audit_entries(&self, key: &ChainKey, bound: i64, most: i64) -> Result<usize>;
}
