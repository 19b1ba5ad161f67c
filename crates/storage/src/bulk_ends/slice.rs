//! A piece of an end of many sessions.

use std::collections::BTreeSet;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};
use latchkey_protocol::{
    ClientId, Timestamp, UserId,
    audit::{ActorKind, AuditActor, AuditEntry, FrontEnd},
    bulk_end::BulkEnd,
};

use super::Row;
use crate::{
    audit::{self, Ended, EndedRow, sessions_ended},
    authorizations::several,
    connection::{AnyConnection, on},
    error::RowError,
    schema::{authorizations, sessions},
    statement::{binds, statement},
    stored::Stored,
};

/// Takes the row first: slices come one by one, on all nodes.
const HOLD: &str = "UPDATE bulk_ends SET ended = ended WHERE id = ? AND done_at IS NULL \
    RETURNING id, client_id, until_at, begun_at, ended, done_at, actor_kind, actor, actor_name, front_end, address, request_id, cursor";
const STANDS: &str =
    "SELECT id, client_id, until_at, begun_at, ended, done_at FROM bulk_ends WHERE id = ?";
const NOTE: &str = "UPDATE bulk_ends SET ended = ended + ?, cursor = ?, done_at = ? WHERE id = ?";

/// Who began it, and how far it is.
#[derive(QueryableByName)]
struct Begun {
    #[diesel(embed)]
    end: Row,
    #[diesel(sql_type = Text)]
    actor_kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    actor: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    actor_name: Option<String>,
    #[diesel(sql_type = Text)]
    front_end: String,
    #[diesel(sql_type = Nullable<Text>)]
    address: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    request_id: Option<String>,
    #[diesel(sql_type = Text)]
    cursor: String,
}

impl Begun {
    /// What the entries of its sessions have in common.
    fn entry(&self, now: Timestamp) -> Result<AuditEntry, RowError> {
        let corrupt = |column| RowError::Corrupt {
            table: "bulk_ends",
            row: self.end.id.to_string(),
            column,
        };
        let address = self.address.as_deref().map(str::parse).transpose();
        Ok(AuditEntry {
            actor: AuditActor {
                kind: ActorKind::from_name(&self.actor_kind)
                    .ok_or_else(|| corrupt("actor_kind"))?,
                id: self.actor.clone(),
                name: self.actor_name.clone(),
            },
            front_end: FrontEnd::from_name(&self.front_end).ok_or_else(|| corrupt("front_end"))?,
            address: address.map_err(|_| corrupt("address"))?,
            request_id: self.request_id.clone(),
            ..audit::unasked(now)
        })
    }
}

/// What a slice did.
struct Piece {
    ended: Vec<Ended>,
    /// The last authorization that was looked at.
    cursor: String,
    is_last: bool,
}

/// Ends the next `most` sessions or so of the end `id`. How it stands then.
pub fn slice(
    c: &mut AnyConnection,
    id: i64,
    now: Timestamp,
    most: i64,
) -> Result<Option<BulkEnd>, RowError> {
    let begun: Vec<Begun> = on!(c => statement(HOLD, binds![id]).load(c))?;
    if let Some(begun) = begun.into_iter().next() {
        let entry = begun.entry(now)?;
        let end = Row::into_bulk_end(begun.end);
        let piece = match &end.client_id {
            Some(client) => of_client(c, client, &end, &begun.cursor, now, most)?,
            None => of_all(c, &end, &begun.cursor, now, most)?,
        };
        let count = i64::try_from(piece.ended.len()).unwrap_or(i64::MAX);
        revoke_within(c, &piece.ended, now)?;
        sessions_ended(c, Some(&entry), piece.ended, end.cause(), now)?;
        let done_at = piece.is_last.then_some(now);
        let binds = binds![count, &piece.cursor, done_at, id];
        on!(c => statement(NOTE, binds).execute(c))?;
    }
    let stands: Vec<Row> = on!(c => statement(STANDS, binds![id]).load(c))?;
    Ok(stands.into_iter().next().map(Row::into_bulk_end))
}

macro_rules! end {
    ($lock:literal) => {
        concat!(
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE created_at <= ? ORDER BY created_at, id LIMIT ?",
            $lock,
            ") RETURNING id, user_id"
        )
    };
}
const END_SQLITE: &str = end!("");
/// A session that somebody else is about to use or to end comes with a later slice.
const END_POSTGRES: &str = end!(" FOR UPDATE SKIP LOCKED");
const LEFT: &str = "SELECT id, user_id FROM sessions WHERE created_at <= ? LIMIT 1";

/// First the sessions, then what was allowed outside of those that live.
fn of_all(
    c: &mut AnyConnection,
    end: &BulkEnd,
    cursor: &str,
    now: Timestamp,
    most: i64,
) -> Result<Piece, RowError> {
    let binds = binds![end.until, most];
    let ended: Vec<EndedRow> = match c {
        AnyConnection::Sqlite(c) => statement(END_SQLITE, binds).load(c)?,
        AnyConnection::Postgres(c) => statement(END_POSTGRES, binds).load(c)?,
    };
    if !ended.is_empty() {
        return Ok(Piece {
            ended: ended.into_iter().map(Ended::from).collect(),
            cursor: cursor.to_owned(),
            is_last: false,
        });
    }
    let left: Vec<EndedRow> = on!(c => statement(LEFT, binds![end.until]).load(c))?;
    let given = given(c, None, cursor, most)?;
    let Some(last) = given.last() else {
        return Ok(Piece {
            ended: Vec::new(),
            cursor: cursor.to_owned(),
            is_last: left.is_empty(),
        });
    };
    several::hold(c, &ids(&given), &[])?;
    let binds = binds![now, cursor, &last.id, end.until];
    on!(c => statement(REVOKE_ALL, binds).execute(c))?;
    Ok(Piece {
        ended: Vec::new(),
        cursor: last.id.clone(),
        is_last: false,
    })
}

const GIVEN_ALL: &str =
    "SELECT id, session_id, created_at FROM authorizations WHERE id > ? ORDER BY id LIMIT ?";
/// A range of pairs, for the reason that `status_lists/reviews.rs` gives.
pub const GIVEN_CLIENT: &str = "SELECT id, session_id, created_at FROM authorizations \
    WHERE (client_id, id) > (?, ?) AND client_id <= ? ORDER BY client_id, id LIMIT ?";
const REVOKE_ALL: &str = "UPDATE authorizations SET revoked_at = ? WHERE id > ? AND id <= ? AND created_at <= ? AND revoked_at IS NULL";
const REVOKE_CLIENT: &str = "UPDATE authorizations SET revoked_at = ? WHERE client_id = ? AND id > ? AND id <= ? \
    AND created_at <= ? AND revoked_at IS NULL";

#[derive(QueryableByName)]
struct Given {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    session_id: String,
    #[diesel(sql_type = BigInt)]
    created_at: i64,
}

fn ids(given: &[Given]) -> Vec<&str> {
    given.iter().map(|one| one.id.as_str()).collect()
}

fn given(
    c: &mut AnyConnection,
    client: Option<&ClientId>,
    cursor: &str,
    most: i64,
) -> Result<Vec<Given>, RowError> {
    Ok(match client {
        Some(client) => {
            on!(c => statement(GIVEN_CLIENT, binds![client, cursor, client, most]).load(c))?
        }
        None => on!(c => statement(GIVEN_ALL, binds![cursor, most]).load(c))?,
    })
}

/// By what the client was allowed: the sessions of that, and all of it.
fn of_client(
    c: &mut AnyConnection,
    client: &ClientId,
    end: &BulkEnd,
    cursor: &str,
    now: Timestamp,
    most: i64,
) -> Result<Piece, RowError> {
    let given = given(c, Some(client), cursor, most)?;
    let Some(last) = given.last() else {
        return Ok(Piece {
            ended: Vec::new(),
            cursor: cursor.to_owned(),
            is_last: true,
        });
    };
    let is_meant = |given: &&Given| given.created_at <= end.until.as_seconds();
    // In one order everywhere.
    let of: BTreeSet<&str> = given
        .iter()
        .filter(is_meant)
        .map(|g| &*g.session_id)
        .collect();
    let named = sessions::table.filter(sessions::id.eq_any(of));
    let ended = diesel::delete(named).returning((sessions::id, sessions::user_id));
    let ended: Vec<(String, String)> = on!(c => ended.load(c))?;
    // With those of the sessions, which are revoked next.
    let of_ended: Vec<&str> = ended.iter().map(|(session, _)| session.as_str()).collect();
    several::hold(c, &ids(&given), &of_ended)?;
    let binds = binds![now, client, cursor, &last.id, end.until];
    on!(c => statement(REVOKE_CLIENT, binds).execute(c))?;
    let ended = ended.into_iter().map(|(session, user)| Ended {
        session,
        user: UserId::new(user),
    });
    Ok(Piece {
        ended: ended.collect(),
        cursor: last.id.clone(),
        is_last: false,
    })
}

/// What was allowed in sessions that have ended, offline access too.
fn revoke_within(c: &mut AnyConnection, ended: &[Ended], now: Timestamp) -> Result<(), RowError> {
    let ids: Vec<&str> = ended.iter().map(|ended| &*ended.session).collect();
    if ids.is_empty() {
        return Ok(());
    }
    several::hold(c, &[], &ids)?;
    let theirs = authorizations::table
        .filter(authorizations::session_id.eq_any(ids))
        .filter(authorizations::revoked_at.is_null());
    let revoked = authorizations::revoked_at.eq(Some(Stored(now)));
    on!(c => diesel::update(theirs).set(revoked).execute(c))?;
    Ok(())
}
