//! Deliveries that are given up because the queue is full: of clients that keep failing, so that those that live are reached.

use diesel::{prelude::*, sql_types::Text};
use latchkey_protocol::{
    Timestamp,
    audit::{AuditEntry, AuditTarget, TargetKind},
    deliveries::FAILING_FOR,
    logout_token::Delivery,
};
use serde_json::json;

use crate::{
    audit,
    connection::{AnyConnection, on},
    error::RowError,
    statement::{binds, statement},
};

/// Whom very much waits for. It counts what waits: not within a write.
const HOARDERS: &str = "SELECT client_id FROM deliveries WHERE state = 'waiting' GROUP BY client_id \
    HAVING count(*) >= ? ORDER BY count(*) DESC, client_id LIMIT 10";

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
/// Of the client something was tried several times within the last hours and has waited for long enough; nothing was
/// delivered to it meanwhile (what was delivered last is among what was added last), but to others something was: it is not we
/// who cannot send.
macro_rules! fails {
    () => {
        " AND EXISTS (SELECT 1 FROM (SELECT d.since, d.attempted_at, d.attempts - d.attempts_before AS times, d.outcome \
         FROM deliveries AS d WHERE d.state = 'waiting' AND d.client_id = ? ORDER BY d.due_at DESC, d.id DESC LIMIT 20) AS tried \
         WHERE tried.times >= ? AND tried.attempted_at > ? AND tried.outcome <> 'unsent' AND tried.since <= ?) \
         AND NOT EXISTS (SELECT 1 FROM (SELECT d.attempted_at FROM deliveries AS d WHERE d.client_id = ? \
         AND d.state = 'delivered' ORDER BY d.id DESC LIMIT 20) AS taken WHERE taken.attempted_at > ?) \
         AND EXISTS (SELECT 1 FROM deliveries AS d WHERE d.state = 'delivered' AND d.state <> 'waiting' \
         AND d.attempted_at > ? AND d.client_id <> ?)"
    };
}
/// The text for SQLite and the one for PostgreSQL.
const OLDEST: (&str, &str) = (give_up!("", ""), give_up!(" FOR UPDATE SKIP LOCKED", ""));
const OF_FAILING: (&str, &str) = (
    give_up!("", fails!()),
    give_up!(" FOR UPDATE SKIP LOCKED", fails!()),
);

/// What fails is tried again within an hour, in seconds.
const TRIED_WITHIN: i64 = 2 * 3600;
/// About a minute of attempts.
const TIMES: i64 = 5;

#[derive(QueryableByName)]
struct Hoarder {
    #[diesel(sql_type = Text)]
    client_id: String,
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
    let found: Vec<Hoarder> = on!(c => statement(HOARDERS, binds![least]).load(c))?;
    Ok(found.into_iter().map(|found| found.client_id).collect())
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
    let (texts, since) = match why {
        Why::KeepsFailing => (OF_FAILING, before),
        Why::HasTheMost => (OLDEST, now),
    };
    let rows = binds![now, unsent, why.text(), client_id, now, since, most];
    let tried = now - TRIED_WITHIN;
    let fails = binds![
        client_id, TIMES, tried, before, client_id, before, before, client_id
    ];
    let binds = match why {
        Why::KeepsFailing => [rows.as_slice(), fails.as_slice()].concat(),
        Why::HasTheMost => rows.to_vec(),
    };
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
        event: "deliveries given up".into(),
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
            let plan = plan(c, OF_FAILING.0, &["1"; 15]);
            assert!(!plan.contains("SCAN d"), "{plan}");
            for (index, times) in [
                ("INDEX deliveries_due (client_id=?)", 2),
                ("INDEX deliveries_client (client_id=? AND state=?)", 1),
                ("INDEX deliveries_settled (state=? AND attempted_at>?)", 1),
            ] {
                assert_eq!(plan.matches(index).count(), times, "{index}: {plan}");
            }
        });
    }

    #[test]
    fn statements_that_give_up_are_such_as_postgres_takes() {
        on_postgres("give_up", |c| {
            assert!(hoarders(c, 1).unwrap().is_empty());
            for why in [Why::KeepsFailing, Why::HasTheMost] {
                let given_up = give_up(c, "app", why, Timestamp::from_seconds(1), 10);
                assert_eq!(given_up.unwrap(), 0);
            }
        });
    }
}
