//! The keys by which addresses are compared, made anew by the program once: migrations cannot make them.

use diesel::{connection::SimpleConnection, prelude::*};
use latchkey_protocol::names::email_key;

use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    schema::users,
    users::wait_for_names,
};

/// Rows in one transaction.
const BATCH: i64 = 500;

type Row = (String, Option<String>, Option<String>, i64);

/// Sets the key of every user whose key is not the program's. Of users who share an address the one who was made first
/// has it. Can be repeated, and then writes nothing.
pub fn renew(c: &mut AnyConnection) -> Result<(), RowError> {
    let mut last = (i64::MIN, String::new());
    loop {
        let from = last.clone();
        let Some(next) = atomically(c, |c| batch(c, &from))? else {
            return Ok(());
        };
        last = next;
    }
}

/// Not by a transaction of diesel's: on SQLite that begins as a reader, which cannot wait for another writer.
fn atomically<T>(
    c: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, RowError>,
) -> Result<T, RowError> {
    c.batch_execute(if matches!(c, AnyConnection::Sqlite(_)) {
        "BEGIN IMMEDIATE"
    } else {
        "BEGIN"
    })?;
    let done = work(c);
    c.batch_execute(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    done
}

/// The next users after `from`, the first made first. Where it ended.
fn batch(c: &mut AnyConnection, from: &(i64, String)) -> Result<Option<(i64, String)>, RowError> {
    wait_for_names(c)?;
    let (at, id) = from;
    let rows: Vec<Row> = on!(c => users::table
        .select((users::id, users::email, users::email_key, users::created_at))
        .filter(users::created_at.gt(at).or(users::created_at.eq(at).and(users::id.gt(id))))
        .order((users::created_at, users::id))
        .limit(BATCH)
        .load(c))?;
    for (id, email, stored, at) in &rows {
        let key = email.as_deref().and_then(email_key);
        if *stored != key {
            settle(c, (*at, id), key.as_deref())?;
        }
    }
    Ok(rows.last().map(|(id, _, _, at)| (*at, id.clone())))
}

/// Whoever was made before this user has the right key already, and keeps it.
fn settle(
    c: &mut AnyConnection,
    (at, id): (i64, &String),
    key: Option<&str>,
) -> Result<(), RowError> {
    let holder: Option<(i64, String)> = match key {
        Some(key) => on!(c => users::table
            .select((users::created_at, users::id))
            .filter(users::email_key.eq(key))
            .filter(users::id.ne(id))
            .get_result(c))
        .optional()?,
        None => None,
    };
    let first = holder
        .as_ref()
        .is_none_or(|(theirs, other)| (at, id) < (*theirs, other));
    if let Some((_, other)) = holder.filter(|_| first) {
        on!(c => diesel::update(users::table.find(&other)).set(users::email_key.eq(None::<String>)).execute(c))?;
    }
    on!(c => diesel::update(users::table.find(id)).set(users::email_key.eq(key.filter(|_| first))).execute(c))?;
    Ok(())
}
