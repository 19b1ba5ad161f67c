//! Entries that go: those that are old, and those beyond what the table may hold.

use diesel::{prelude::*, sql_types::BigInt};
use latchkey_protocol::{Timestamp, audit_chain::ChainKey};

use super::{Id, Row, list, removed::remove, seal::lock};
use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    schema::audit,
    statement::{binds, statement},
};

/// The last entry that is not from the future. A plain `at` is what SQLite prefers to search by: it would read and sort the table.
const NEWEST: &str = "SELECT at FROM audit WHERE position IS NOT NULL AND at + 0 <= ? ORDER BY position DESC LIMIT 1";

#[derive(QueryableByName)]
struct Newest {
    #[diesel(sql_type = BigInt)]
    at: i64,
}

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
    let newest: Option<Newest> = on!(c => statement(NEWEST, binds![now]).get_result(c).optional())?;
    let Some(newest) = newest else { return Ok(0) };
    let (now, before) = (now.as_seconds(), newest.at - keep);
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use diesel::connection::SimpleConnection;

    use super::*;
    use crate::test_database::{on_postgres, on_sqlite, plan};

    const ROWS: &str = "INSERT INTO audit (at, event, actor_kind, front_end, target_kind, outcome, details, logged, position)
        WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000)
        SELECT n, 'signed in', 'user', 'protocol', 'user', 'done', '{}', 0, n FROM n;";

    /// Before the database has counted its rows, and after that.
    fn each_plan(c: &mut AnyConnection, check: impl Fn(&str)) {
        c.batch_execute(ROWS).unwrap();
        for counted in [false, true] {
            if counted {
                c.batch_execute("ANALYZE").unwrap();
            }
            // All but a few are old, as at each sweep, and all but a few are from the future, as with a clock that is wrong.
            for now in ["19990", "10"] {
                check(&plan(c, NEWEST, &[now]));
            }
        }
    }

    #[test]
    fn sqlite_finds_the_newest_entry_by_its_place() {
        on_sqlite(|c| {
            each_plan(c, |plan| {
                assert!(plan.contains("(position>?)"), "{plan}");
                assert!(!plan.contains("TEMP B-TREE"), "{plan}");
            });
        });
    }

    #[test]
    fn postgres_finds_the_newest_entry_by_its_place() {
        on_postgres("newest_entry", |c| {
            each_plan(c, |plan| {
                assert!(
                    plan.contains("Index Scan Backward using audit_position"),
                    "{plan}"
                );
                assert!(!plan.contains("Sort"), "{plan}");
            });
        });
    }
}
