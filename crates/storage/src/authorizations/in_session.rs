//! A code is exchanged by a client that hears of the end of the session.

use diesel::{prelude::*, sql_types::BigInt};
use latchkey_protocol::{AuthorizationId, Timestamp, authorization::RefreshFamily};

use super::{Entries, exchange_set};
use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    statement::{Bind, binds, statement},
};

/// The session is locked against its end first, in the order of whatever ends it.
const AT_ONCE: &str = concat!(
    "WITH held AS MATERIALIZED (SELECT sessions.id FROM sessions JOIN authorizations ON authorizations.session_id = sessions.id \
     WHERE authorizations.id = ? FOR KEY SHARE OF sessions), done AS (",
    exchange_set!(),
    " AND session_id IN (SELECT id FROM held) RETURNING session_id, client_id, user_id), noted AS (\
     INSERT INTO session_clients (session_id, client_id, user_id, since) SELECT session_id, client_id, user_id, ? FROM done \
     ON CONFLICT (session_id, client_id) DO NOTHING) SELECT count(*) AS done FROM done"
);
const EXCHANGE: &str = concat!(
    exchange_set!(),
    " AND session_id IN (SELECT id FROM sessions)"
);
const NOTE: &str = "INSERT INTO session_clients (session_id, client_id, user_id, since) \
    SELECT session_id, client_id, user_id, ? FROM authorizations WHERE id = ? ON CONFLICT (session_id, client_id) DO NOTHING";

#[derive(QueryableByName)]
struct Done {
    #[diesel(sql_type = BigInt)]
    done: i64,
}

/// What [`super::exchange`] does, while the session is there, whose end the client hears of from then on.
pub fn exchange_in_session(
    c: &mut AnyConnection,
    id: &AuthorizationId,
    now: Timestamp,
    refresh: Option<&RefreshFamily>,
    expires_at: Timestamp,
    entries: &Entries,
) -> Result<bool, RowError> {
    let set = super::exchange_binds(id, now, refresh, expires_at, entries);
    match c {
        AnyConnection::Postgres(c) => {
            let all = [&[Bind::from(id)], set.as_slice(), &[Bind::from(now)]].concat();
            let done: Vec<Done> = statement(AT_ONCE, &all).load(c)?;
            Ok(done.first().is_some_and(|done| done.done == 1))
        }
        AnyConnection::Sqlite(_) => {
            if on!(c => statement(EXCHANGE, &set).execute(c))? != 1 {
                return Ok(false);
            }
            on!(c => statement(NOTE, binds![now, id]).execute(c))?;
            Ok(true)
        }
    }
}
