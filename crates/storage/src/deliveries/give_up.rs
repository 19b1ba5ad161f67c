//! Deliveries that are given up because the queue is full: of clients that keep failing, so that those that live are reached.

use diesel::{prelude::*, sql_types::Text};
use latchkey_protocol::{
    ClientId, Timestamp,
    audit::{AuditEntry, AuditTarget, TargetKind},
    deliveries::{FAILING_FOR, GivenUp},
    logout_token::Delivery,
};
use serde_json::json;

use crate::{
    audit,
    connection::{AnyConnection, on},
    error::RowError,
    statement::{binds, statement},
};

/// What was delivered to a client last is among what was added last.
macro_rules! taken {
    ($how:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM (SELECT d.attempted_at, d.milliseconds FROM deliveries AS d WHERE d.client_id = told.client_id \
            AND d.state = 'delivered' ORDER BY d.id DESC LIMIT 20) AS taken WHERE taken.attempted_at > ? AND taken.milliseconds ",
            $how,
            ")"
        )
    };
}

/// From one client that something waits for to the next, by the index. What failed is due last of all that waits for a
/// client. A server must have tried: while none runs, nobody fails. Whoever was found to fail fails on for a while: what was
/// tried is given up first. Of those that keep failing the one whose delivery waits longest.
const FAILING: &str = concat!(
    "WITH RECURSIVE told (client_id) AS (SELECT (SELECT min(client_id) FROM deliveries WHERE state = 'waiting') \
    UNION ALL SELECT (SELECT min(d.client_id) FROM deliveries AS d WHERE d.state = 'waiting' AND d.client_id > told.client_id) \
    FROM told WHERE told.client_id IS NOT NULL) SELECT client_id FROM (SELECT told.client_id AS client_id, \
    (SELECT d.id FROM deliveries AS d WHERE d.client_id = told.client_id AND d.state = 'waiting' \
    AND (d.lease_owner IS NULL OR d.due_at <= ?) ORDER BY d.id LIMIT 1) AS oldest FROM told WHERE told.client_id IS NOT NULL \
    AND (EXISTS (SELECT 1 FROM (SELECT d.since, d.attempted_at, d.outcome FROM deliveries AS d WHERE d.state = 'waiting' \
    AND d.client_id = told.client_id ORDER BY d.due_at DESC, d.id DESC LIMIT 20) AS tried WHERE tried.attempted_at >= tried.since \
    AND tried.attempted_at > ? AND tried.outcome <> 'unsent' AND tried.since <= ?) \
    OR EXISTS (SELECT 1 FROM (SELECT d.attempted_at, d.reason FROM deliveries AS d WHERE d.client_id = told.client_id \
    AND d.state = 'dead' ORDER BY d.id DESC LIMIT 20) AS given_up WHERE given_up.attempted_at > ? AND given_up.reason = ?) OR (",
    taken!(">= 1000"),
    " AND (SELECT d.since FROM deliveries AS d WHERE d.state = 'waiting' AND d.client_id = told.client_id \
    ORDER BY d.due_at, d.id LIMIT 1) <= ?)) AND NOT ",
    taken!("< 1000"),
    ") AS failing WHERE oldest IS NOT NULL ORDER BY oldest LIMIT 1"
);

/// What somebody sends at this moment is left to them.
macro_rules! give_up {
    ($lock:literal) => {
        concat!(
            "UPDATE deliveries SET state = 'dead', lease_owner = NULL, attempted_at = ?, outcome = ?, status = NULL, \
            milliseconds = 0, reason = ? WHERE id IN (SELECT id FROM deliveries WHERE client_id = ? AND state = 'waiting' \
            AND (lease_owner IS NULL OR due_at <= ?) ORDER BY id LIMIT ?",
            $lock,
            ")"
        )
    };
}
const GIVE_UP_SQLITE: &str = give_up!("");
const GIVE_UP_POSTGRES: &str = give_up!(" FOR UPDATE SKIP LOCKED");

/// What fails is tried again within an hour, in seconds.
const TRIED_WITHIN: i64 = 2 * 3600;

#[derive(QueryableByName)]
struct Failing {
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
    fn text(self) -> &'static str {
        match self {
            Self::KeepsFailing => {
                "given up: too many logout tokens wait, and this client keeps failing"
            }
            Self::HasTheMost => "given up: too many logout tokens wait for this client",
        }
    }
}

/// The client that keeps failing and has waited longest for.
pub fn failing(c: &mut AnyConnection, now: Timestamp) -> Result<Option<String>, RowError> {
    let (before, tried) = (now - FAILING_FOR, now - TRIED_WITHIN);
    let reason = Why::KeepsFailing.text();
    let binds = binds![now, tried, before, before, reason, before, before, before];
    let found: Vec<Failing> = on!(c => statement(FAILING, binds).load(c))?;
    Ok(found.into_iter().next().map(|failing| failing.client_id))
}

/// Makes dead letters of the `most` oldest deliveries that wait for a client, with an entry about it. How many.
pub fn give_up(
    c: &mut AnyConnection,
    client_id: &str,
    why: Why,
    now: Timestamp,
    most: i64,
) -> Result<usize, RowError> {
    let unsent = Delivery::Unsent.name();
    let binds = binds![now, unsent, why.text(), client_id, now, most];
    let count = match c {
        AnyConnection::Sqlite(c) => statement(GIVE_UP_SQLITE, binds).execute(c)?,
        AnyConnection::Postgres(c) => statement(GIVE_UP_POSTGRES, binds).execute(c)?,
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

/// As [`give_up`], of the client that [`failing`] names.
pub fn give_up_failing(
    c: &mut AnyConnection,
    now: Timestamp,
    most: i64,
) -> Result<Option<GivenUp>, RowError> {
    let Some(client_id) = failing(c, now)? else {
        return Ok(None);
    };
    let count = give_up(c, &client_id, Why::KeepsFailing, now, most)?;
    let client_id = ClientId::new(client_id);
    Ok((count > 0).then_some(GivenUp { client_id, count }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_database::{on_postgres, on_sqlite, plan};

    /// Whoever is looked for among two million rows is found by indexes, without statistics.
    fn no_table_is_read(c: &mut AnyConnection) {
        let plan = plan(c, FAILING, &["1", "2", "3", "4", "'x'", "6", "7", "8"]);
        assert!(
            !plan.contains("SCAN deliveries") && !plan.contains("SCAN d"),
            "{plan}"
        );
        assert!(!plan.contains("TEMP B-TREE FOR ORDER BY (d"), "{plan}");
    }

    #[test]
    fn who_keeps_failing_is_found_by_indexes_on_sqlite() {
        on_sqlite(no_table_is_read);
    }

    #[test]
    fn a_statement_that_gives_up_is_one_that_postgres_takes() {
        on_postgres("give_up", |c| {
            assert!(matches!(
                give_up_failing(c, Timestamp::from_seconds(1), 10),
                Ok(None)
            ));
        });
    }
}
