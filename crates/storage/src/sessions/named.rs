//! One session and its clients, for whoever looks after them.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};
use latchkey_protocol::{
    ClientId, Timestamp,
    session::{Session, SessionClient},
    user::User,
};

use super::{Row, into_found};
use crate::{
    bulk_ends::SessionStands,
    connection::{AnyConnection, on},
    error::RowError,
    schema::{sessions, users},
    statement::{binds, statement},
    users::Row as UserRow,
};

/// Expired or not.
pub fn find_by_id(c: &mut AnyConnection, sid: &str) -> Result<Option<(Session, User)>, RowError> {
    let found: Option<(Row, UserRow)> = on!(c => sessions::table
        .inner_join(users::table.on(users::id.eq(sessions::user_id)))
        .filter(sessions::id.eq(sid))
        .filter(SessionStands)
        .select((Row::as_select(), UserRow::as_select()))
        .get_result(c))
    .optional()?;
    found.map(into_found).transpose()
}

/// What exchanges leave behind says it, so that they note nothing for it.
const CLIENTS: &str = "SELECT client_id, min(exchanged_at) AS since FROM authorizations \
    WHERE session_id = ? AND exchanged_at IS NOT NULL GROUP BY client_id ORDER BY since, client_id";

#[derive(QueryableByName)]
struct ClientRow {
    #[diesel(sql_type = Text)]
    client_id: String,
    #[diesel(sql_type = BigInt)]
    since: i64,
}

pub fn clients_of(c: &mut AnyConnection, sid: &str) -> Result<Vec<SessionClient>, RowError> {
    let rows: Vec<ClientRow> = on!(c => statement(CLIENTS, binds![sid]).load(c))?;
    let client = |row: ClientRow| SessionClient {
        client_id: ClientId::new(row.client_id),
        since: Timestamp::from_seconds(row.since),
    };
    Ok(rows.into_iter().map(client).collect())
}
