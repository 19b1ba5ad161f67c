//! The sessions in which users signed in to a client, piece by piece in the order of its authorizations.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Integer, Nullable, Text},
};
use latchkey_protocol::{
    ClientId, Timestamp,
    page::Page,
    session::{ClientSessions, ListedSession},
};

use super::Row;
use crate::{
    bulk_ends::session_stands,
    connection::{AnyConnection, on},
    error::RowError,
    statement::{Bind, binds, statement},
};

/// So many authorizations are looked at for one piece: of a client with few live sessions, nobody reads all it ever had.
const LOOKED_AT: i64 = 1000;

/// A session stands at its first authorization for the client, so that it is in one piece alone.
const LIST: &str = concat!(
    "SELECT sessions.*, users.username AS username, CASE WHEN ",
    session_stands!(),
    " THEN 0 ELSE 1 END AS is_ended, theirs.place AS place FROM (\
    SELECT looked.session_id AS session_id, min(looked.id) AS place FROM (\
        SELECT id, session_id FROM authorizations WHERE client_id = ? AND id > ? ORDER BY id LIMIT ?) AS looked \
    WHERE NOT EXISTS (SELECT 1 FROM authorizations AS earlier \
        WHERE earlier.session_id = looked.session_id AND earlier.client_id = ? AND earlier.id <= ?) \
    GROUP BY looked.session_id) AS theirs \
    JOIN sessions ON sessions.id = theirs.session_id JOIN users ON users.id = sessions.user_id \
    WHERE sessions.expires_at > ? ORDER BY theirs.place LIMIT ?"
);
const LOOKED: &str = "SELECT count(*) AS looked_at, max(id) AS last FROM (\
    SELECT id FROM authorizations WHERE client_id = ? AND id > ? ORDER BY id LIMIT ?) AS looked";

#[derive(QueryableByName)]
struct Listed {
    #[diesel(embed)]
    session: Row,
    #[diesel(sql_type = Text)]
    username: String,
    #[diesel(sql_type = Integer)]
    is_ended: i32,
    #[diesel(sql_type = Text)]
    place: String,
}

#[derive(QueryableByName)]
struct Looked {
    #[diesel(sql_type = BigInt)]
    looked_at: i64,
    #[diesel(sql_type = Nullable<Text>)]
    last: Option<String>,
}

pub fn list(
    c: &mut AnyConnection,
    client: &ClientId,
    page: &Page<String>,
    now: Timestamp,
) -> Result<ClientSessions, RowError> {
    let after = page.after.clone().unwrap_or_default();
    let (most, looked_at) = (page.limit + 1, LOOKED_AT);
    let values: &[Bind] = binds![client, &after, looked_at, client, &after, now, most];
    let mut rows: Vec<Listed> = on!(c => statement(LIST, values).load(c))?;
    let wanted = usize::try_from(page.limit).unwrap_or_default();
    let next = if rows.len() > wanted {
        rows.truncate(wanted);
        rows.last().map(|last| last.place.clone())
    } else {
        let values: &[Bind] = binds![client, &after, looked_at];
        let looked: Looked = on!(c => statement(LOOKED, values).get_result(c))?;
        looked.last.filter(|_| looked.looked_at == LOOKED_AT)
    };
    let listed = rows.into_iter();
    let sessions = listed.map(|row| {
        Ok(ListedSession {
            session: row.session.into_session()?,
            username: row.username,
            is_ended: row.is_ended != 0,
        })
    });
    Ok(ClientSessions {
        sessions: sessions.collect::<Result<_, RowError>>()?,
        next,
    })
}
