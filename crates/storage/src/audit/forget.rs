//! Entries that go: those that are old, and those beyond what the table may hold.

use diesel::prelude::*;
use latchkey_protocol::{Timestamp, audit_chain::ChainKey};

use super::{Id, Row, list, removed::remove, seal::lock};
use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    schema::audit,
    statement::{binds, statement},
};

/// The beginning of the chain, as far as it is old; an entry that is younger keeps those after it. A clock that is wrong makes
/// nothing older than the newest entry says, and an entry from the future keeps nothing.
pub fn aged(
    c: &mut AnyConnection,
    key: &ChainKey,
    keep: i64,
    now: Timestamp,
    most: i64,
) -> Result<usize, RowError> {
    lock(c)?;
    let now = now.as_seconds();
    let newest = audit::table
        .filter(audit::position.is_not_null())
        .filter(audit::at.le(now))
        .order(audit::position.desc())
        .select(audit::at)
        .limit(1);
    let newest: Option<i64> = on!(c => newest.first(c).optional())?;
    let Some(newest) = newest else { return Ok(0) };
    let before = newest - keep;
    let mut oldest = list::chain(c, 0, most + 1)?;
    // The last one stays.
    oldest.pop();
    let old = oldest.into_iter();
    let mut old: Vec<Row> = old
        .take_while(|row| row.at <= before || row.at > now)
        .collect();
    while old.pop_if(|row| row.at > now).is_some() {}
    if old.is_empty() {
        return Ok(0);
    }
    remove(c, key, old)
}

/// The places up to the last one, less those that records say are empty: nothing that has to be counted entry by entry.
const PLACED: &str = "SELECT CAST((SELECT coalesce(max(position), 0) FROM audit) \
    - (SELECT coalesce(sum(last_position - first_position + 1), 0) FROM audit_removed) AS BIGINT) AS id";
/// Of an end of many sessions each session has an entry, and the end itself one that stays.
const OF_OTHERS: &str = "SELECT * FROM audit WHERE position < (SELECT max(position) FROM audit) \
    AND (event = 'session ended' OR (actor_kind <> 'command' AND front_end NOT IN ('console', 'api'))) ORDER BY position LIMIT ?";
const OF_ALL: &str = "SELECT * FROM audit WHERE position < (SELECT max(position) FROM audit) \
    ORDER BY position LIMIT ?";

/// The oldest beyond `bound`, what administrators did last.
pub fn beyond(
    c: &mut AnyConnection,
    key: &ChainKey,
    bound: i64,
    most: i64,
) -> Result<usize, RowError> {
    lock(c)?;
    let ends: (Option<i64>, Option<i64>) = {
        let ends = audit::table.select((
            diesel::dsl::min(audit::position),
            diesel::dsl::max(audit::position),
        ));
        on!(c => ends.get_result(c))?
    };
    // No more places than that are taken: nothing to count.
    let (Some(first), Some(last)) = ends else {
        return Ok(0);
    };
    if last - first < bound {
        return Ok(0);
    }
    let placed: Vec<Id> = on!(c => statement(PLACED, binds![]).load(c))?;
    let beyond = placed.first().map_or(0, |placed| placed.id) - bound;
    let many = beyond.min(most);
    if many <= 0 {
        return Ok(0);
    }
    let mut rows: Vec<Row> = on!(c => statement(OF_OTHERS, binds![many]).load(c))?;
    if rows.is_empty() {
        rows = on!(c => statement(OF_ALL, binds![many]).load(c))?;
    }
    remove(c, key, rows)
}
