//! Entries that go: those that are old, and those beyond what the table may hold.

use diesel::prelude::*;
use latchkey_protocol::Timestamp;

use super::Id;
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
    keep: i64,
    now: Timestamp,
    most: i64,
) -> Result<usize, RowError> {
    let now = now.as_seconds();
    let placed = || audit::table.filter(audit::position.is_not_null());
    let newest = placed()
        .filter(audit::at.le(now))
        .order(audit::position.desc())
        .select(audit::at)
        .limit(1);
    let newest: Option<i64> = on!(c => newest.first(c).optional())?;
    let Some(newest) = newest else { return Ok(0) };
    let before = newest - keep;
    let oldest = placed()
        .order(audit::position)
        .select((audit::id, audit::at))
        .limit(most + 1);
    let oldest: Vec<(i64, i64)> = on!(c => oldest.load(c))?;
    let but_the_last = oldest.len().saturating_sub(1);
    let old = oldest.iter().take(but_the_last);
    let mut old: Vec<_> = old
        .take_while(|(_, at)| *at <= before || *at > now)
        .collect();
    while old.pop_if(|(_, at)| *at > now).is_some() {}
    let ids: Vec<i64> = old.into_iter().map(|(id, _)| *id).collect();
    Ok(on!(c => diesel::delete(audit::table.filter(audit::id.eq_any(&ids))).execute(c))?)
}

const PLACED: &str = "SELECT count(*) AS id FROM audit WHERE position IS NOT NULL";
const OF_OTHERS: &str = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE position < (SELECT max(position) FROM audit) \
    AND actor_kind <> 'command' ORDER BY position LIMIT ?)";
const OF_ALL: &str = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE position < (SELECT max(position) FROM audit) \
    ORDER BY position LIMIT ?)";

/// The oldest beyond `bound`, what administrators did last.
pub fn beyond(c: &mut AnyConnection, bound: i64, most: i64) -> Result<usize, RowError> {
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
    match on!(c => statement(OF_OTHERS, binds![many]).execute(c))? {
        0 => Ok(on!(c => statement(OF_ALL, binds![many]).execute(c))?),
        gone => Ok(gone),
    }
}
