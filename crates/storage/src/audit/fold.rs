//! What users and strangers can cause as often as they like: beyond some entries it is counted.

use diesel::prelude::*;
use latchkey_protocol::{Timestamp, audit::closes_at, bounds};

use super::NewRow;
use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    schema::audit,
    statement::{binds, statement},
};

/// Its place is not given yet, so it may still change.
const COUNT: &str = "UPDATE audit SET count = count + 1 WHERE fold = ? AND position IS NULL";
/// Rows with a target have room of their own, and so do those with an address alone.
const FIRST: &str = "INSERT INTO audit (at, event, actor_kind, actor, actor_name, front_end, target_kind, target, target_name, \
    user_id, outcome, address, request_id, details, logged, fold, closes_at) \
    SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE (SELECT count(*) FROM audit WHERE closes_at = ? AND event = ? \
    AND CASE WHEN target IS NOT NULL THEN 1 WHEN address IS NOT NULL THEN 2 ELSE 3 END = ?) < ? \
    ON CONFLICT (fold) DO UPDATE SET count = audit.count + 1 WHERE audit.position IS NULL";

/// When the window of an entry closes, and the next one: a node whose clock is behind comes when the first is sealed.
fn windows(row: &NewRow) -> [Timestamp; 2] {
    let closes = closes_at(Timestamp::from_seconds(row.at));
    [closes, closes_at(closes)]
}

/// Counts an entry, or adds the first of its kind while there are fewer than `room` kinds. Whether it is in the table.
fn fold(
    c: &mut AnyConnection,
    row: &NewRow,
    key: &str,
    room: i64,
    closes: Timestamp,
) -> Result<bool, RowError> {
    let key = format!("{} {key} {closes}", row.event);
    if on!(c => statement(COUNT, binds![&key]).execute(c))? == 1 {
        return Ok(true);
    }
    let kind: i64 = match (&row.target, &row.address) {
        (Some(_), _) => 1,
        (None, Some(_)) => 2,
        (None, None) => 3,
    };
    let binds = binds![
        row.at,
        &row.event,
        row.actor_kind,
        &row.actor,
        &row.actor_name,
        row.front_end,
        row.target_kind,
        &row.target,
        &row.target_name,
        &row.user_id,
        row.outcome,
        &row.address,
        &row.request_id,
        &row.details,
        row.logged,
        &key,
        closes,
        closes,
        &row.event,
        kind,
        room,
    ];
    Ok(on!(c => statement(FIRST, binds).execute(c))? == 1)
}

/// Counts a failure of `whom`, or with all others of the event when too many are told apart already.
pub fn count(c: &mut AnyConnection, row: &NewRow, whom: &str) -> Result<(), RowError> {
    let others = NewRow {
        actor: None,
        actor_name: None,
        user_id: None,
        address: None,
        details: "{}".into(),
        ..of_many(row)
    };
    for closes in windows(row) {
        if fold(c, row, whom, bounds::AUDIT_FAILURES, closes)?
            || fold(c, &others, "others", i64::MAX, closes)?
        {
            return Ok(());
        }
    }
    let event = row.event.as_str();
    tracing::warn!(event, "a failure came too late for the audit table");
    Ok(())
}

/// Adds what `whom` did: [`bounds::AUDIT_OWN`] entries of the event in a window, then one that counts.
pub fn add_own(c: &mut AnyConnection, row: &NewRow, whom: &str) -> Result<(), RowError> {
    let [closes, next] = windows(row);
    let places: Vec<String> = (0..bounds::AUDIT_OWN)
        .map(|n| format!("{} {whom} {closes} {n}", row.event))
        .collect();
    let taken = audit::table.filter(audit::fold.eq_any(&places)).count();
    let taken: i64 = on!(c => taken.get_result(c))?;
    // Others may take some of these meanwhile.
    let free = usize::try_from(taken).ok().and_then(|n| places.get(n..));
    for place in free.unwrap_or_default() {
        let values = (row.clone(), audit::fold.eq(place));
        let own = diesel::insert_into(audit::table).values(values);
        if on!(c => own.on_conflict_do_nothing().execute(c))? == 1 {
            return Ok(());
        }
    }
    let many = of_many(row);
    if !fold(c, &many, whom, i64::MAX, closes)? && !fold(c, &many, whom, i64::MAX, next)? {
        let event = row.event.as_str();
        tracing::warn!(event, whom, "this came too late for the audit table");
    }
    Ok(())
}

fn of_many(row: &NewRow) -> NewRow {
    NewRow {
        target_kind: None,
        target: None,
        target_name: None,
        request_id: None,
        ..row.clone()
    }
}
