//! Sessions: made, found, used and ended.

mod rows;
mod sign_in;

use async_trait::async_trait;
use diesel::prelude::*;
use latchkey_protocol::{
    Digest, Timestamp,
    session::{Session, SessionStart, Use},
    store::{self, Sessions},
    user::User,
};

pub use self::rows::Row;
use self::sign_in::sign_in;
use crate::{
    connection::{AnyConnection, Database, on},
    digest::bytes,
    error::RowError,
    questions::SessionOf,
    schema::{authorizations, sessions, users as user_rows},
    statement::{binds, statement},
    stored::Stored,
    users::Row as UserRow,
};

#[async_trait]
impl Sessions for Database {
    async fn sign_in(
        &self,
        session: &Session,
        password_hash: &str,
        replaces: Option<&Digest>,
        interaction: Option<&Digest>,
    ) -> store::Result<Option<SessionStart>> {
        let (row, hash) = (Row::from_session(session), password_hash.to_owned());
        let (replaces, interaction) = (replaces.map(bytes), interaction.map(bytes));
        self.write(move |c| sign_in(c, &row, &hash, replaces.as_deref(), interaction.as_deref()))
            .await
    }

    async fn session(
        &self,
        digest: &Digest,
        now: Timestamp,
    ) -> store::Result<Option<(Session, User)>> {
        let digest = bytes(digest);
        if let Some(groups) = self.groups() {
            return groups.session.ask(SessionOf { digest, now }).await;
        }
        self.read(move |c| find(c, &digest, now)).await
    }

    async fn session_of(
        &self,
        sid: &str,
        user_id: &str,
        now: Timestamp,
    ) -> store::Result<Option<Session>> {
        let (sid, user) = (sid.to_owned(), user_id.to_owned());
        self.read(move |c| find_of(c, &sid, Some(&user), now)).await
    }

    async fn use_session(&self, id: &str, used: Use) -> store::Result<bool> {
        let id = id.to_owned();
        self.write_one(move |c| note_use(c, &id, used)).await
    }

    async fn sessions(&self, user_id: Option<&str>) -> store::Result<Vec<Session>> {
        let user = user_id.map(str::to_owned);
        self.read(move |c| all(c, user.as_deref())).await
    }

    async fn end_session(&self, id: &str, offline: bool, now: Timestamp) -> store::Result<bool> {
        let id = id.to_owned();
        self.write(move |c| end(c, &id, offline, now)).await
    }

    async fn end_session_of(
        &self,
        sid: &str,
        user_id: Option<&str>,
        offline: bool,
        now: Timestamp,
    ) -> store::Result<Option<Session>> {
        let (sid, user) = (sid.to_owned(), user_id.map(str::to_owned));
        self.write(move |c| end_of(c, &sid, user.as_deref(), offline, now))
            .await
    }

    async fn end_user(&self, user_id: &str, now: Timestamp) -> store::Result<usize> {
        let id = user_id.to_owned();
        self.write(move |c| end_all_of(c, &id, now)).await
    }
}

pub fn into_found((session, user): (Row, UserRow)) -> Result<(Session, User), RowError> {
    Ok((session.into_session()?, user.into_user()?))
}

pub fn find(
    c: &mut AnyConnection,
    digest: &[u8],
    now: Timestamp,
) -> Result<Option<(Session, User)>, RowError> {
    let found: Option<(Row, UserRow)> = on!(c => sessions::table
        .inner_join(user_rows::table.on(user_rows::id.eq(sessions::user_id)))
        .filter(sessions::digest.eq(digest))
        .filter(sessions::expires_at.gt(Stored(now)))
        .filter(user_rows::disabled_at.is_null())
        .select((Row::as_select(), UserRow::as_select()))
        .get_result(c))
    .optional()?;
    found.map(into_found).transpose()
}

pub fn find_of(
    c: &mut AnyConnection,
    sid: &str,
    user: Option<&str>,
    now: Timestamp,
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
        .filter(sessions::id.eq(sid).or(sessions::former.like(former)))
        .filter(sessions::expires_at.gt(Stored(now)));
    let row: Option<Row> = match user {
        Some(user) => on!(c => named.filter(sessions::user_id.eq(user)).select(Row::as_select()).get_result(c)),
        None => on!(c => named.select(Row::as_select()).get_result(c)),
    }
    .optional()?;
    row.map(Row::into_session).transpose()
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
            on!(c => sessions::table.filter(sessions::user_id.eq(user)).order(sessions::created_at).select(Row::as_select()).load(c))?
        }
        None => {
            on!(c => sessions::table.order(sessions::created_at).limit(10_000).select(Row::as_select()).load(c))?
        }
    };
    rows.into_iter().map(Row::into_session).collect()
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

pub fn end(
    c: &mut AnyConnection,
    id: &str,
    offline: bool,
    now: Timestamp,
) -> Result<bool, RowError> {
    let ended = on!(c => diesel::delete(sessions::table.find(id)).execute(c))? == 1;
    on!(c => statement(REVOKE, binds![now, id, i64::from(offline)]).execute(c))?;
    Ok(ended)
}

pub fn end_of(
    c: &mut AnyConnection,
    sid: &str,
    user: Option<&str>,
    offline: bool,
    now: Timestamp,
) -> Result<Option<Session>, RowError> {
    let Some(session) = find_of(c, sid, user, now)? else {
        return Ok(None);
    };
    Ok(end(c, &session.id, offline, now)?.then_some(session))
}

pub fn end_all_of(c: &mut AnyConnection, user_id: &str, now: Timestamp) -> Result<usize, RowError> {
    let ended =
        on!(c => diesel::delete(sessions::table.filter(sessions::user_id.eq(user_id))).execute(c))?;
    let theirs = authorizations::table
        .filter(authorizations::user_id.eq(user_id))
        .filter(authorizations::revoked_at.is_null());
    on!(c => diesel::update(theirs).set(authorizations::revoked_at.eq(Some(Stored(now)))).execute(c))?;
    Ok(ended)
}
