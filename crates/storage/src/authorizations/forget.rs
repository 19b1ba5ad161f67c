//! Authorizations of which nothing can come any more go.

use diesel::prelude::*;
use latchkey_protocol::{Timestamp, bounds::KEPT_AFTER};

use crate::{
    connection::AnyConnection,
    error::RowError,
    statement::{binds, statement},
};

/// By when it expires, a session may have been renewed: what was exchanged in it is kept until that ends, too. Once for each
/// renewal, so that nothing is looked at in every sweep.
macro_rules! keep {
    ($lock:literal) => {
        concat!(
            "UPDATE authorizations SET expires_at = (SELECT CASE WHEN sessions.ends_at > sessions.expires_at \
             THEN sessions.ends_at ELSE sessions.expires_at END + ? FROM sessions WHERE sessions.id = authorizations.session_id) \
             WHERE id IN (SELECT authorizations.id FROM authorizations JOIN sessions ON sessions.id = authorizations.session_id \
             WHERE authorizations.expires_at <= ? AND authorizations.exchanged_at IS NOT NULL AND sessions.expires_at > ? LIMIT ?",
            $lock,
            ")"
        )
    };
}
const KEEP_SQLITE: &str = keep!("");
/// What somebody else is about to change comes with a later sweep: who holds several rows waits for none.
const KEEP_POSTGRES: &str = keep!(" FOR UPDATE OF authorizations SKIP LOCKED");

/// By what is exchanged the sessions of a client are found: it stays while there is the session.
macro_rules! forget {
    ($lock:literal) => {
        concat!(
            "DELETE FROM authorizations WHERE id IN (SELECT id FROM authorizations WHERE expires_at <= ? \
             AND (exchanged_at IS NULL OR NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.id = authorizations.session_id)) \
             LIMIT ?",
            $lock,
            ")"
        )
    };
}
const FORGET_SQLITE: &str = forget!("");
/// As there.
const FORGET_POSTGRES: &str = forget!(" FOR UPDATE SKIP LOCKED");

/// Removes at most `most` that have expired. How many.
pub fn forget(c: &mut AnyConnection, now: Timestamp, most: i64) -> Result<usize, RowError> {
    let keep = binds![KEPT_AFTER, now, now, most];
    match c {
        AnyConnection::Sqlite(c) => statement(KEEP_SQLITE, keep).execute(c)?,
        AnyConnection::Postgres(c) => statement(KEEP_POSTGRES, keep).execute(c)?,
    };
    let forget = binds![now, most];
    Ok(match c {
        AnyConnection::Sqlite(c) => statement(FORGET_SQLITE, forget).execute(c)?,
        AnyConnection::Postgres(c) => statement(FORGET_POSTGRES, forget).execute(c)?,
    })
}
