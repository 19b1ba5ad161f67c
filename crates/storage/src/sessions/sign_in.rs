//! A sign-in: a session that begins, or goes on with a new secret, and those that end by it.

use diesel::{prelude::*, sql_types::Text};
use latchkey_protocol::{
    Digest, SessionId, UserId, bounds, kind,
    session::{Cause, EndedSession, SessionStart},
};

use super::{Row, end};
use crate::{
    bulk_ends::{SessionStands, session_stands},
    connection::{AnyConnection, on},
    error::RowError,
    schema::sessions,
    statement::{binds, statement},
    stored::Stored,
    users,
};

const INSERT: &str = "INSERT INTO sessions (id, digest, user_id, auth_time, amr, remember, created_at, expires_at, ends_at, last_used_at, device, address) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
/// What has ended, or is signed out at this very moment, is not renewed.
const RENEW: &str = concat!(
    "UPDATE sessions SET digest = ?, auth_time = ?, amr = ?, remember = ?, expires_at = ?, ends_at = ?, last_used_at = ?, \
    device = ?, address = ? \
    WHERE digest = ? AND user_id = ? AND expires_at > ? AND ",
    session_stands!(),
    " RETURNING id"
);
/// The interaction comes before the session, as where a code is issued: two that meet do not wait for one another.
const HOLD_INTERACTION: &str = "SELECT 1 FROM interactions WHERE digest = ? FOR UPDATE";
const CAME_FROM_NOWHERE: &str = "DELETE FROM session_upstreams WHERE session_id = ?";
const STAMP: &str = "UPDATE interactions SET login_session = ? WHERE digest = ?";

pub fn sign_in(
    c: &mut AnyConnection,
    row: &Row,
    password_hash: &str,
    replaces: Option<&Digest<kind::Session>>,
    interaction: Option<&Digest<kind::Interaction>>,
) -> Result<Option<SessionStart>, RowError> {
    if !users::hold_password(c, &row.user_id, password_hash, row.auth_time.0)? {
        return Ok(None);
    }
    let begun = begin(c, row, replaces, interaction)?;
    if begun.session_id.as_str() != row.id {
        // It goes on by what was proven here: where it came from before does not matter any more.
        on!(c => statement(CAME_FROM_NOWHERE, binds![begun.session_id.as_str()]).execute(c))?;
    }
    Ok(Some(begun))
}

/// With the user's row held.
pub fn begin(
    c: &mut AnyConnection,
    row: &Row,
    replaces: Option<&Digest<kind::Session>>,
    interaction: Option<&Digest<kind::Interaction>>,
) -> Result<SessionStart, RowError> {
    if let (AnyConnection::Postgres(c), Some(interaction)) = (&mut *c, interaction) {
        statement(HOLD_INTERACTION, binds![interaction]).execute(c)?;
    }
    let mut ended = Vec::new();
    let renewed = match replaces {
        Some(old) => renew(c, row, old)?,
        None => None,
    };
    let session_id = match renewed {
        Some(id) => id,
        None => {
            on!(c => statement(INSERT, &row.binds()).execute(c))?;
            if let Some(old) = replaces {
                ended.extend(end_of_another(c, row, old)?);
            }
            row.id.clone()
        }
    };
    if let Some(interaction) = interaction {
        on!(c => statement(STAMP, binds![&session_id, interaction]).execute(c))?;
    }
    end_surplus(c, &session_id, row, &mut ended)?;
    Ok(SessionStart {
        session_id: SessionId::new(session_id),
        ended,
    })
}

#[derive(QueryableByName)]
struct Renewed {
    #[diesel(sql_type = Text)]
    id: String,
}

/// The same user goes on: the session keeps its name and all that was allowed in it.
fn renew(
    c: &mut AnyConnection,
    row: &Row,
    old: &Digest<kind::Session>,
) -> Result<Option<String>, RowError> {
    let binds = binds![
        &row.digest,
        row.auth_time,
        &row.amr,
        row.remember,
        row.expires_at,
        row.ends_at,
        row.last_used_at,
        &row.device,
        row.address.as_deref(),
        old,
        &row.user_id,
        row.created_at,
    ];
    let renewed: Vec<Renewed> = on!(c => statement(RENEW, binds).load(c))?;
    Ok(renewed.into_iter().next().map(|session| session.id))
}

/// Another user was signed in at this browser.
fn end_of_another(
    c: &mut AnyConnection,
    row: &Row,
    old: &Digest<kind::Session>,
) -> Result<Option<EndedSession>, RowError> {
    let theirs = sessions::table
        .filter(sessions::digest.eq(Stored(old.clone())))
        .filter(sessions::user_id.ne(&row.user_id))
        .filter(SessionStands);
    let known = on!(c => theirs.select(Row::as_select()).get_result(c)).optional()?;
    let Some(known) = known else {
        return Ok(None);
    };
    let ended = on!(c => diesel::delete(sessions::table.find(&known.id)).execute(c))? == 1;
    Ok(ended.then_some(EndedSession {
        id: SessionId::new(known.id),
        user_id: UserId::new(known.user_id),
        cause: Cause::AnotherUser,
    }))
}

/// The most that one sign-in ends.
const SURPLUS: i64 = 100;

/// Ends what the user has beyond the bound. The user's row is held, so racing sign-ins of one user come one by one.
fn end_surplus(
    c: &mut AnyConnection,
    session_id: &str,
    row: &Row,
    ended: &mut Vec<EndedSession>,
) -> Result<(), RowError> {
    let others = sessions::table
        .filter(sessions::user_id.eq(&row.user_id))
        .filter(sessions::id.ne(session_id))
        .filter(sessions::expires_at.gt(row.created_at))
        .order((
            sessions::last_used_at.desc(),
            sessions::created_at.desc(),
            sessions::id.desc(),
        ))
        .select(sessions::id)
        .offset(bounds::SESSIONS - 1)
        .limit(SURPLUS);
    let surplus: Vec<String> = on!(c => others.load(c))?;
    for id in surplus {
        if end(c, &id, false, row.created_at.0)?.is_some() {
            ended.push(EndedSession {
                id: SessionId::new(id),
                user_id: UserId::new(row.user_id.clone()),
                cause: Cause::TooMany,
            });
        }
    }
    Ok(())
}
