//! Deliveries that are given up because the queue is full: of clients that keep failing, so that those that live are reached.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};
use latchkey_protocol::{
    Timestamp,
    audit::{AuditEntry, AuditTarget, Event, TargetKind},
    deliveries::FAILING_FOR,
    logout_token::Delivery,
};
use serde_json::json;

use crate::{
    audit,
    connection::{AnyConnection, on},
    error::RowError,
    statement::{Bind, binds, statement},
};

/// Whom very much waits for. It counts what waits, and SQLite is told by which index: not within a write.
macro_rules! hoarders {
    ($by:literal) => {
        concat!(
            "SELECT client_id FROM deliveries",
            $by,
            " WHERE state = 'waiting' GROUP BY client_id HAVING count(*) >= ? ORDER BY count(*) DESC, client_id LIMIT 10"
        )
    };
}
const HOARDERS_SQLITE: &str = hoarders!(" INDEXED BY deliveries_due");
const HOARDERS_POSTGRES: &str = hoarders!("");

/// What somebody sends at this moment is left to them. What was tried is due last, and goes last: by it is seen that the
/// client fails.
macro_rules! give_up {
    ($lock:literal, $also:expr) => {
        concat!(
            "UPDATE deliveries SET state = 'dead', lease_owner = NULL, attempted_at = ?, outcome = ?, status = NULL, \
            milliseconds = 0, reason = ? WHERE id IN (SELECT id FROM deliveries WHERE client_id = ? AND state = 'waiting' \
            AND (lease_owner IS NULL OR due_at <= ?) AND since <= ? ORDER BY due_at, id LIMIT ?",
            $lock,
            ")",
            $also
        )
    };
}
/// An attempt failed ten minutes ago or longer, of what is due last (which was tried often) or was due then (of a long
/// queue each is tried once, and then waits for its turn behind all others). Since then nothing was delivered to the client, while to
/// others something was within the last hours: it is not we who cannot send.
macro_rules! fails {
    () => {
        "EXISTS (SELECT 1 FROM (SELECT * FROM (SELECT d.attempted_at, d.outcome FROM deliveries AS d WHERE d.client_id = ? \
         AND d.state = 'waiting' ORDER BY d.due_at DESC, d.id DESC LIMIT 20) AS last UNION ALL SELECT * FROM (\
         SELECT d.attempted_at, d.outcome FROM deliveries AS d WHERE d.client_id = ? AND d.state = 'waiting' AND d.due_at <= ? \
         ORDER BY d.due_at DESC, d.id DESC LIMIT 20) AS queued) AS tried \
         WHERE tried.attempted_at > ? AND tried.attempted_at <= ? AND tried.outcome <> 'unsent') \
         AND NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE d.client_id = ? AND d.state = 'delivered' AND d.attempted_at > ?) \
         AND EXISTS (SELECT 1 FROM deliveries AS d WHERE d.state = 'delivered' AND d.state <> 'waiting' \
         AND d.attempted_at > ? AND d.client_id <> ?)"
    };
}
const FAILS: &str = concat!(
    "SELECT CAST(1 AS BIGINT) AS fails FROM (SELECT 1) AS one WHERE ",
    fails!()
);
/// The text for SQLite and the one for PostgreSQL.
const OLDEST: (&str, &str) = (give_up!("", ""), give_up!(" FOR UPDATE SKIP LOCKED", ""));
const OF_FAILING: (&str, &str) = (
    give_up!("", concat!(" AND ", fails!())),
    give_up!(" FOR UPDATE SKIP LOCKED", concat!(" AND ", fails!())),
);

/// What fails is tried again within an hour, in seconds.
const TRIED_WITHIN: i64 = 2 * 3600;

#[derive(QueryableByName)]
struct Hoarder {
    #[diesel(sql_type = Text)]
    client_id: String,
}

#[derive(QueryableByName)]
struct Fails {
    #[diesel(sql_type = BigInt)]
    fails: i64,
}

/// Why it is this client whose deliveries are given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    KeepsFailing,
    HasTheMost,
}

impl Why {
    /// As receipts and the audit log say it.
    pub fn text(self) -> &'static str {
        match self {
            Self::KeepsFailing => {
                "given up: too many logout tokens wait, and this client keeps failing"
            }
            Self::HasTheMost => "given up: too many logout tokens wait for this client",
        }
    }
}

/// Clients for which at least so many deliveries wait, those with the most first.
pub fn hoarders(c: &mut AnyConnection, least: i64) -> Result<Vec<String>, RowError> {
    let found: Vec<Hoarder> = match c {
        AnyConnection::Sqlite(c) => statement(HOARDERS_SQLITE, binds![least]).load(c)?,
        AnyConnection::Postgres(c) => statement(HOARDERS_POSTGRES, binds![least]).load(c)?,
    };
    Ok(found.into_iter().map(|found| found.client_id).collect())
}

/// The values of `fails!`.
fn failing_binds(client_id: &str, now: Timestamp) -> [Bind<'_>; 9] {
    let (before, tried) = (now - FAILING_FOR, now - TRIED_WITHIN);
    let client = Bind::from(client_id);
    let (before, tried) = (Bind::from(before), Bind::from(tried));
    [
        client, client, before, tried, before, client, before, tried, client,
    ]
}

/// Whether a client keeps failing. It writes nothing: so nobody waits for the answer about one that does not.
pub fn keeps_failing(
    c: &mut AnyConnection,
    client_id: &str,
    now: Timestamp,
) -> Result<bool, RowError> {
    let binds = failing_binds(client_id, now);
    let found: Vec<Fails> = on!(c => statement(FAILS, &binds).load(c))?;
    Ok(found.first().is_some_and(|found| found.fails == 1))
}

/// Makes dead letters of the `most` oldest deliveries that wait for a client, with an entry about it. How many: none where
/// it must keep failing and does not.
pub fn give_up(
    c: &mut AnyConnection,
    client_id: &str,
    why: Why,
    now: Timestamp,
    most: i64,
) -> Result<usize, RowError> {
    let (unsent, before) = (Delivery::Unsent.name(), now - FAILING_FOR);
    let fails = failing_binds(client_id, now);
    let (texts, since, also) = match why {
        Why::KeepsFailing => (OF_FAILING, before, &fails[..]),
        Why::HasTheMost => (OLDEST, now, &[][..]),
    };
    let rows = binds![now, unsent, why.text(), client_id, now, since, most];
    let binds = [rows, also].concat();
    let count = match c {
        AnyConnection::Sqlite(c) => statement(texts.0, &binds).execute(c)?,
        AnyConnection::Postgres(c) => statement(texts.1, &binds).execute(c)?,
    };
    if count > 0 {
        audit::add(c, &entry(client_id, why, count, now))?;
    }
    Ok(count)
}

fn entry(client_id: &str, why: Why, count: usize, now: Timestamp) -> AuditEntry {
    let details = [("count", json!(count)), ("reason", json!(why.text()))];
    let details = details.map(|(name, value)| (name.to_owned(), value));
    AuditEntry {
        event: Event::DeliveriesGivenUp.name().into(),
        target: Some(AuditTarget {
            kind: TargetKind::Client,
            id: Some(client_id.to_owned()),
            name: Some(client_id.to_owned()),
        }),
        details: details.into_iter().collect(),
        ..audit::unasked(now)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::test_database::{on_postgres, on_sqlite, plan};

    /// Among two million rows all is found by indexes, without statistics.
    #[test]
    fn who_keeps_failing_is_found_by_indexes_on_sqlite() {
        on_sqlite(|c| {
            let hoarding = plan(c, HOARDERS_SQLITE, &["1"]);
            assert!(hoarding.contains("INDEX deliveries_due"), "{hoarding}");
            let failing = plan(c, FAILS, &["1"; 9]);
            let giving_up = plan(c, OF_FAILING.0, &["1"; 16]);
            assert_eq!(
                giving_up
                    .matches("INDEX deliveries_due (client_id=?)")
                    .count(),
                2
            );
            for plan in [failing, giving_up] {
                assert!(!plan.contains("SCAN d"), "{plan}");
                for index in [
                    "INDEX deliveries_due (client_id=? AND due_at<?)",
                    "INDEX deliveries_taken (client_id=? AND attempted_at>?)",
                    "INDEX deliveries_settled (state=? AND attempted_at>?)",
                ] {
                    assert!(plan.contains(index), "{index}: {plan}");
                }
            }
        });
    }

    #[test]
    fn statements_that_give_up_are_such_as_postgres_takes() {
        on_postgres("give_up", |c| {
            assert!(hoarders(c, 1).unwrap().is_empty());
            assert!(!keeps_failing(c, "app", Timestamp::from_seconds(1)).unwrap());
            for why in [Why::KeepsFailing, Why::HasTheMost] {
                let given_up = give_up(c, "app", why, Timestamp::from_seconds(1), 10);
                assert_eq!(given_up.unwrap(), 0);
            }
        });
    }
}
