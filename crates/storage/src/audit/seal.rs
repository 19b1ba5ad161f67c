//! Entries get their places in the chain, their hashes and seals: by one node at a time, which takes what has been committed in
//! the order of its numbers. An entry that is committed later than one with a higher number comes after it. Whoever writes
//! entries waits for nobody: only an entry that counts is locked, while it is sealed.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Binary, Nullable},
};
use latchkey_protocol::{
    Timestamp,
    audit_chain::{BEGINNING, ChainKey, Checkpoint, Hash, hash},
    audit_place::AuditPlace,
};

use super::{Row, SETTLED, list, removed::run_at};
use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    statement::{Bind, binds, statement},
};

/// Any fixed number: those who change the chain do so one after the other.
const CHAIN: i64 = 0x6c6b_6175_6469_7400;

macro_rules! fresh {
    ($locking:literal) => {
        concat!(
            "SELECT * FROM audit WHERE position IS NULL AND logged = 1 AND coalesce(closes_at, 0) <= ? \
            ORDER BY id LIMIT ?",
            $locking
        )
    };
}
const FRESH: &str = fresh!("");
/// What is being counted just now is left for the next time.
const FRESH_LOCKED: &str = fresh!(" FOR UPDATE SKIP LOCKED");
const SEAL: &str = "UPDATE audit SET position = ?, hash = ?, seal = ? WHERE id = ?";
/// The last entry, or what was removed after it.
const HEAD: &str = "SELECT position, hash FROM (SELECT position, hash FROM audit WHERE position = (SELECT max(position) FROM audit) \
    UNION ALL SELECT last_position, hash FROM audit_removed WHERE last_position = (SELECT max(last_position) FROM audit_removed)) \
    AS ends ORDER BY position DESC LIMIT 1";

#[derive(QueryableByName)]
struct End {
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = Nullable<Binary>)]
    hash: Option<Vec<u8>>,
}

/// For as long as the transaction lasts.
pub fn lock(c: &mut AnyConnection) -> Result<(), RowError> {
    if let AnyConnection::Postgres(c) = c {
        diesel::sql_query(format!("SELECT pg_advisory_xact_lock({CHAIN})")).execute(c)?;
    }
    Ok(())
}

/// Where the chain ends.
pub fn head(c: &mut AnyConnection) -> Result<Option<Checkpoint>, RowError> {
    let end: Option<End> = on!(c => statement(HEAD, binds![]).get_result(c)).optional()?;
    Ok(end.map(|end| Checkpoint {
        position: end.position,
        hash: whole(end.hash.as_deref()),
    }))
}

/// What is no hash is the beginning's: the chain does not hold there, whatever follows.
pub fn whole(hash: Option<&[u8]>) -> Hash {
    hash.and_then(|hash| hash.try_into().ok())
        .unwrap_or(BEGINNING.hash)
}

/// Whether `known` can be the place that it was.
fn stands(c: &mut AnyConnection, key: &ChainKey, known: &Checkpoint) -> Result<bool, RowError> {
    let position = known.position;
    let entry = list::chain(c, position - 1, 1)?.pop().map(Row::into_row);
    let place = match AuditPlace::of_entry(position, entry.as_ref()) {
        Some(place) => place,
        None => AuditPlace::of_removed(key, position, run_at(c, position)?.as_ref()),
    };
    Ok(place.can_be(&known.hash))
}

/// Seals at most `most` entries, if `known` stands. How many.
pub fn seal(
    c: &mut AnyConnection,
    key: &ChainKey,
    known: Option<&Checkpoint>,
    now: Timestamp,
    most: i64,
) -> Result<Option<usize>, RowError> {
    lock(c)?;
    let binds: &[Bind] = binds![now - SETTLED, most];
    let fresh: Vec<Row> = match c {
        AnyConnection::Sqlite(c) => statement(FRESH, binds).load(c)?,
        AnyConnection::Postgres(c) => statement(FRESH_LOCKED, binds).load(c)?,
    };
    // After these were read: what is taken out of the chain from here on is not among them.
    if let Some(known) = known
        && !stands(c, key, known)?
    {
        return Ok(None);
    }
    let mut end = head(c)?.unwrap_or(BEGINNING);
    let count = fresh.len();
    for row in fresh {
        let row = row.into_row();
        let position = end.position + 1;
        let hash = hash(&end.hash, position, &row);
        end = Checkpoint { position, hash };
        let seal = key.seal(&end);
        let (hash, seal) = (Bind::Bytes(Some(&hash)), Bind::Bytes(Some(&seal)));
        let binds = [Bind::from(position), hash, seal, Bind::from(row.id)];
        on!(c => statement(SEAL, &binds).execute(c))?;
    }
    Ok(Some(count))
}
