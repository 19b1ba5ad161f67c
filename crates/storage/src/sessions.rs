//! Sessions: made, found, used and ended.

use diesel::{
    dsl::sql,
    prelude::*,
    sql_types::{Bool, Text},
};
use latchkey_protocol::{
    bounds,
    secret::Digest,
    session::{Cause, EndedSession, Session, SessionStart, Use},
    user::User,
};

use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    schema::{authorizations, sessions, users as user_rows},
    statement::{Bind, binds, statement},
    users::{self, Row as UserRow},
};

#[derive(Queryable)]
pub struct Row {
    id: String,
    digest: Vec<u8>,
    user_id: String,
    auth_time: i64,
    amr: String,
    remember: i64,
    created_at: i64,
    expires_at: i64,
    ends_at: i64,
    last_used_at: i64,
}

impl Row {
    pub fn from_session(session: &Session) -> Self {
        Self {
            id: session.id.clone(),
            digest: session.digest.as_bytes().to_vec(),
            user_id: session.user_id.clone(),
            auth_time: session.auth_time,
            amr: session.amr.clone(),
            remember: i64::from(session.remember),
            created_at: session.created_at,
            expires_at: session.expires_at,
            ends_at: session.ends_at,
            last_used_at: session.last_used_at,
        }
    }

    /// In the order of its columns.
    fn binds(&self) -> [Bind<'_>; 10] {
        [
            Bind::from(&self.id),
            Bind::from(&self.digest),
            Bind::from(&self.user_id),
            Bind::from(self.auth_time),
            Bind::from(&self.amr),
            Bind::from(self.remember),
            Bind::from(self.created_at),
            Bind::from(self.expires_at),
            Bind::from(self.ends_at),
            Bind::from(self.last_used_at),
        ]
    }

    pub fn into_session(self) -> Session {
        Session {
            id: self.id,
            digest: Digest::from_stored(self.digest),
            user_id: self.user_id,
            auth_time: self.auth_time,
            amr: self.amr,
            remember: self.remember != 0,
            created_at: self.created_at,
            expires_at: self.expires_at,
            // A node of the version before, which knows no such column, may have written it.
            ends_at: self.ends_at.max(self.expires_at),
            last_used_at: self.last_used_at,
        }
    }
}

const INSERT: &str = "INSERT INTO sessions (id, digest, user_id, auth_time, amr, remember, created_at, expires_at, ends_at, last_used_at) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
/// What has ended, or is signed out at this very moment, is not renewed.
const RENEW: &str = "UPDATE sessions SET digest = ?, auth_time = ?, amr = ?, remember = ?, expires_at = ?, ends_at = ?, last_used_at = ? \
    WHERE digest = ? AND user_id = ? AND expires_at > ? RETURNING id";
/// The interaction comes before the session, as where a code is issued: two that meet do not wait for one another.
const HOLD_INTERACTION: &str = "SELECT 1 FROM interactions WHERE digest = ? FOR UPDATE";
const STAMP: &str = "UPDATE interactions SET login_session = ? WHERE digest = ?";

pub fn sign_in(
    c: &mut AnyConnection,
    row: &Row,
    password_hash: &str,
    replaces: Option<&[u8]>,
    interaction: Option<&[u8]>,
) -> Result<Option<SessionStart>, RowError> {
    if !users::hold(c, &row.user_id, password_hash)? {
        return Ok(None);
    }
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
    Ok(Some(SessionStart { session_id, ended }))
}

#[derive(QueryableByName)]
struct Renewed {
    #[diesel(sql_type = Text)]
    id: String,
}

/// The same user goes on: the session keeps its name and all that was allowed in it.
fn renew(c: &mut AnyConnection, row: &Row, old: &[u8]) -> Result<Option<String>, RowError> {
    let binds = binds![
        &row.digest,
        row.auth_time,
        &row.amr,
        row.remember,
        row.expires_at,
        row.ends_at,
        row.last_used_at,
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
    old: &[u8],
) -> Result<Option<EndedSession>, RowError> {
    let theirs = sessions::table
        .filter(sessions::digest.eq(old))
        .filter(sessions::user_id.ne(&row.user_id));
    let known = on!(c => theirs.get_result::<Row>(c)).optional()?;
    let Some(known) = known else {
        return Ok(None);
    };
    let ended = on!(c => diesel::delete(sessions::table.find(&known.id)).execute(c))? == 1;
    Ok(ended.then_some(EndedSession {
        id: known.id,
        user_id: known.user_id,
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
        if end(c, &id, false, row.created_at)? {
            ended.push(EndedSession {
                id,
                user_id: row.user_id.clone(),
                cause: Cause::TooMany,
            });
        }
    }
    Ok(())
}

pub fn into_found((session, user): (Row, UserRow)) -> Result<(Session, User), RowError> {
    Ok((session.into_session(), user.into_user()?))
}

pub fn find(
    c: &mut AnyConnection,
    digest: &[u8],
    now: i64,
) -> Result<Option<(Session, User)>, RowError> {
    let found: Option<(Row, UserRow)> = on!(c => sessions::table
        .inner_join(user_rows::table.on(user_rows::id.eq(sessions::user_id)))
        .filter(sessions::digest.eq(digest))
        .filter(sessions::expires_at.gt(now))
        .filter(user_rows::disabled_at.is_null())
        .select((sessions::all_columns, user_rows::all_columns))
        .get_result(c))
    .optional()?;
    found.map(into_found).transpose()
}

pub fn find_of(
    c: &mut AnyConnection,
    sid: &str,
    user: Option<&str>,
    now: i64,
) -> Result<Option<Session>, RowError> {
    // An id has neither of the characters that a pattern knows.
    let is_id = sid.len() == 36 && sid.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let former = if is_id {
        format!("%{sid}%")
    } else {
        "-".to_owned()
    };
    let named = sessions::table
        // Version 0.1.0 gave a session a new id at each sign-in, and wrote down what it was called before.
        .filter(
            sessions::id
                .eq(sid)
                .or(sql::<Bool>("former LIKE ").bind::<Text, _>(former)),
        )
        .filter(sessions::expires_at.gt(now));
    let row: Option<Row> = match user {
        Some(user) => on!(c => named.filter(sessions::user_id.eq(user)).get_result(c)),
        None => on!(c => named.get_result(c)),
    }
    .optional()?;
    Ok(row.map(Row::into_session))
}

/// A node of the version before has left `ends_at` 0: its end is the one that stood there.
const NOTE_USE: &str = "UPDATE sessions SET last_used_at = ?, \
    ends_at = CASE WHEN ends_at = 0 THEN expires_at ELSE ends_at END, expires_at = ? \
    WHERE id = ? AND auth_time = ? AND last_used_at <= ? AND expires_at > ?";

pub fn note_use(c: &mut AnyConnection, id: &str, used: Use) -> Result<bool, RowError> {
    let binds = binds![
        used.at,
        used.expires_at,
        id,
        used.auth_time,
        used.noted_before,
        used.at,
    ];
    Ok(on!(c => statement(NOTE_USE, binds).execute(c))? == 1)
}

pub fn all(c: &mut AnyConnection, user_id: Option<&str>) -> Result<Vec<Session>, RowError> {
    let rows: Vec<Row> = match user_id {
        Some(user) => {
            on!(c => sessions::table.filter(sessions::user_id.eq(user)).order(sessions::created_at).load(c))?
        }
        None => on!(c => sessions::table.order(sessions::created_at).limit(10_000).load(c))?,
    };
    Ok(rows.into_iter().map(Row::into_session).collect())
}

/// Whether the session is there; if so it cannot be ended before this transaction is.
pub fn hold(c: &mut AnyConnection, id: &str) -> Result<bool, RowError> {
    let session = sessions::table
        .select(sessions::id)
        .filter(sessions::id.eq(id));
    let found = match c {
        // One writer at a time: nothing comes between.
        AnyConnection::Sqlite(c) => session.get_result::<String>(c),
        // Codes of one session one by one: two that make room at once would wait for one another.
        AnyConnection::Postgres(c) => session.for_no_key_update().get_result::<String>(c),
    };
    Ok(found.optional()?.is_some())
}

/// What was allowed in a session; what goes on offline only if that is asked for.
const REVOKE: &str = "UPDATE authorizations SET revoked_at = ? \
    WHERE session_id = ? AND revoked_at IS NULL AND offline <= ?";

pub fn end(c: &mut AnyConnection, id: &str, offline: bool, now: i64) -> Result<bool, RowError> {
    let ended = on!(c => diesel::delete(sessions::table.find(id)).execute(c))? == 1;
    on!(c => statement(REVOKE, binds![now, id, i64::from(offline)]).execute(c))?;
    Ok(ended)
}

pub fn end_of(
    c: &mut AnyConnection,
    sid: &str,
    user: Option<&str>,
    offline: bool,
    now: i64,
) -> Result<Option<Session>, RowError> {
    let Some(session) = find_of(c, sid, user, now)? else {
        return Ok(None);
    };
    Ok(end(c, &session.id, offline, now)?.then_some(session))
}

pub fn end_all_of(c: &mut AnyConnection, user_id: &str, now: i64) -> Result<usize, RowError> {
    let ended =
        on!(c => diesel::delete(sessions::table.filter(sessions::user_id.eq(user_id))).execute(c))?;
    let theirs = authorizations::table
        .filter(authorizations::user_id.eq(user_id))
        .filter(authorizations::revoked_at.is_null());
    on!(c => diesel::update(theirs).set(authorizations::revoked_at.eq(Some(now))).execute(c))?;
    Ok(ended)
}
