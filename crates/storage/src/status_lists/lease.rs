//! Numbers of status lists are given to nodes, each once.

use diesel::{prelude::*, sql_types::BigInt};
use latchkey_protocol::{
    status::ENTRIES,
    store::{EntryLease, LeaseRequest},
};

use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    statement::{Bind, binds, statement},
};

/// Whoever waits for another lease looks at the room again.
const TAKE: &str = "UPDATE status_lists SET taken = taken + ?, \
    leased_at = CASE WHEN leased_at < ? THEN ? ELSE leased_at END, \
    live_until = CASE WHEN live_until < ? THEN ? ELSE live_until END \
    WHERE list = (SELECT max(list) FROM status_lists) AND list > ? AND taken + ? <= ? RETURNING list, taken";

/// Not where another has begun one meanwhile.
const BEGIN: &str = "INSERT INTO status_lists (list, taken, leased_at, live_until) \
    SELECT (SELECT max(list) + 1 FROM (SELECT list FROM status_lists UNION ALL SELECT ?) AS known), ?, ?, ? \
    WHERE NOT EXISTS (SELECT 1 FROM status_lists WHERE list = (SELECT max(list) FROM status_lists) \
    AND list > ? AND taken + ? <= ?) ON CONFLICT (list) DO NOTHING RETURNING list, taken";

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = BigInt)]
    list: i64,
    #[diesel(sql_type = BigInt)]
    taken: i64,
}

/// From the newest list, if it has room.
pub fn take(c: &mut AnyConnection, asked: &LeaseRequest) -> Result<Option<EntryLease>, RowError> {
    let (count, above) = (i64::from(asked.count), above(asked));
    let binds = binds![
        count,
        asked.now,
        asked.now,
        asked.live_until,
        asked.live_until,
        above,
        count,
        i64::from(ENTRIES),
    ];
    leased(c, TAKE, binds, asked)
}

/// From a new list, if the newest has no room.
pub fn begin(c: &mut AnyConnection, asked: &LeaseRequest) -> Result<Option<EntryLease>, RowError> {
    let (count, above) = (i64::from(asked.count), above(asked));
    let binds = binds![
        above,
        count,
        asked.now,
        asked.live_until,
        above,
        count,
        i64::from(ENTRIES),
    ];
    leased(c, BEGIN, binds, asked)
}

/// The first list has the number 0.
fn above(asked: &LeaseRequest) -> i64 {
    asked.above.map_or(-1, i64::from)
}

fn leased(
    c: &mut AnyConnection,
    text: &'static str,
    binds: &[Bind<'_>],
    asked: &LeaseRequest,
) -> Result<Option<EntryLease>, RowError> {
    let taken: Vec<Taken> = on!(c => statement(text, binds).load(c))?;
    let lease = |Taken { list, taken }| {
        let corrupt = |column| RowError::Corrupt {
            table: "status_lists",
            row: list.to_string(),
            column,
        };
        Ok(EntryLease {
            list: u32::try_from(list).map_err(|_| corrupt("list"))?,
            first: u32::try_from(taken - i64::from(asked.count)).map_err(|_| corrupt("taken"))?,
            count: asked.count,
        })
    };
    taken.into_iter().next().map(lease).transpose()
}
