//! What is removed from the chain leaves a record, from which the chain goes on: a run of places, the hash before and the
//! hash of its last.

use std::collections::HashMap;

use diesel::prelude::*;
use latchkey_protocol::{
    audit_chain::{BEGINNING, ChainKey, Checkpoint, Hash, RemovedRun},
    audit_row::AuditRow,
    audit_walk::{StoredRun, follow},
};

use super::{Row, seal::whole};
use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    schema::{audit, audit_removed},
};

#[derive(Queryable, Insertable)]
#[diesel(table_name = audit_removed)]
struct RunRow {
    first_position: i64,
    last_position: i64,
    before: Vec<u8>,
    hash: Vec<u8>,
    broken_at: Option<i64>,
    seal: Vec<u8>,
}

impl RunRow {
    fn into_run(self) -> StoredRun {
        StoredRun {
            run: RemovedRun {
                first: self.first_position,
                last: self.last_position,
                before: whole(Some(&self.before)),
                hash: whole(Some(&self.hash)),
                broken_at: self.broken_at,
            },
            seal: self.seal,
        }
    }

    fn sealed(run: &RemovedRun, key: &ChainKey) -> Self {
        Self {
            first_position: run.first,
            last_position: run.last,
            before: run.before.to_vec(),
            hash: run.hash.to_vec(),
            broken_at: run.broken_at,
            seal: key.seal_removed(run).to_vec(),
        }
    }
}

/// The record that holds this place.
pub fn run_at(c: &mut AnyConnection, position: i64) -> Result<Option<StoredRun>, RowError> {
    let run = audit_removed::table
        .filter(audit_removed::last_position.ge(position))
        .filter(audit_removed::first_position.le(position))
        .order(audit_removed::last_position)
        .limit(1);
    let run: Option<RunRow> = on!(c => run.first(c).optional())?;
    Ok(run.map(RunRow::into_run))
}

/// Removes entries that have their places, in the order of these. Each is held against the chain first: what was changed
/// cannot be made to go unseen by making it look old. The caller holds the lock of the chain. How many.
pub fn remove(c: &mut AnyConnection, key: &ChainKey, rows: Vec<Row>) -> Result<usize, RowError> {
    let rows: Vec<AuditRow> = rows.into_iter().map(Row::into_row).collect();
    let positions: Vec<i64> = rows.iter().filter_map(|row| row.position).collect();
    let touching = touching(c, key, &positions)?;
    let hashes = hashes_before(c, &positions, &touching)?;
    let removed = rows.iter().filter_map(|row| {
        let position = row.position?;
        let hash = hashes.get(&(position - 1)).copied();
        let previous = Checkpoint {
            position: position - 1,
            hash: hash.unwrap_or(BEGINNING.hash),
        };
        Some(RemovedRun {
            first: position,
            last: position,
            before: previous.hash,
            hash: whole(row.hash.as_deref()),
            broken_at: follow(key, &previous, row).is_err().then_some(position),
        })
    });
    let merged = merged(touching.iter().cloned().chain(removed).collect());
    let touched: Vec<i64> = touching.iter().map(|run| run.first).collect();
    let touched = audit_removed::table.filter(audit_removed::first_position.eq_any(&touched));
    on!(c => diesel::delete(touched).execute(c))?;
    for run in &merged {
        let row = RunRow::sealed(run, key);
        on!(c => diesel::insert_into(audit_removed::table).values(row).execute(c))?;
    }
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    Ok(on!(c => diesel::delete(audit::table.filter(audit::id.eq_any(&ids))).execute(c))?)
}

/// The records that end before one of these places or begin after one. What is not ours stays as it is, to be found.
fn touching(
    c: &mut AnyConnection,
    key: &ChainKey,
    positions: &[i64],
) -> Result<Vec<RemovedRun>, RowError> {
    let before: Vec<i64> = positions.iter().map(|position| position - 1).collect();
    let after: Vec<i64> = positions.iter().map(|position| position + 1).collect();
    let runs = audit_removed::table.filter(
        audit_removed::last_position
            .eq_any(&before)
            .or(audit_removed::first_position.eq_any(&after)),
    );
    let runs: Vec<RunRow> = on!(c => runs.load(c))?;
    let is_ours = |stored: StoredRun| {
        let fits = ChainKey::fits(&key.seal_removed(&stored.run), &stored.seal);
        fits.then_some(stored.run)
    };
    Ok(runs
        .into_iter()
        .map(RunRow::into_run)
        .filter_map(is_ours)
        .collect())
}

/// By their places, the hashes of what stands before these.
fn hashes_before(
    c: &mut AnyConnection,
    positions: &[i64],
    runs: &[RemovedRun],
) -> Result<HashMap<i64, Hash>, RowError> {
    let before: Vec<i64> = positions.iter().map(|position| position - 1).collect();
    let entries = audit::table
        .filter(audit::position.eq_any(&before))
        .select((audit::position.assume_not_null(), audit::hash));
    let entries: Vec<(i64, Option<Vec<u8>>)> = on!(c => entries.load(c))?;
    let entries = entries
        .into_iter()
        .map(|(position, hash)| (position, whole(hash.as_deref())));
    let removed = runs.iter().map(|run| (run.last, run.hash));
    Ok(entries.chain(removed).collect())
}

/// Runs that follow one another become one. Where the second followed something else, the chain was broken.
fn merged(mut runs: Vec<RemovedRun>) -> Vec<RemovedRun> {
    runs.sort_by_key(|run| run.first);
    let mut merged: Vec<RemovedRun> = Vec::with_capacity(runs.len());
    for run in runs {
        match merged.last_mut() {
            Some(last) if last.last + 1 == run.first => {
                let parted = (last.hash != run.before).then_some(run.first);
                last.last = run.last;
                last.hash = run.hash;
                last.broken_at = last.broken_at.or(parted).or(run.broken_at);
            }
            _ => merged.push(run),
        }
    }
    merged
}
