//! Sessions: made, found, used and ended.

mod list;
mod named;
mod of_client;
mod rows;
mod sign_in;

use async_trait::async_trait;
use diesel::prelude::*;
use latchkey_protocol::{
    ClientId, Digest, SessionId, Timestamp, UserId,
    audit::{AuditEntry, AuditTarget, TargetKind},
    kind,
    page::Page,
    session::{Cause, ClientSessions, ListedSession, Session, SessionClient, SessionStart, Use},
    store::{self, Sessions},
    user::User,
};

use self::{
    list::{OF_ALL, OF_USER, OF_USER_AT_CLIENT, list},
    named::{clients_of, find_by_id},
    sign_in::sign_in,
};
pub use self::{rows::Row, sign_in::begin};
use crate::{
    audit::{self, Ended, EndedRow, sessions_ended},
    authorizations::several,
    bulk_ends::{SessionStands, session_stands},
    connection::{AnyConnection, Database, on},
    error::RowError,
    questions::SessionOf,
    schema::{sessions, users as user_rows},
    statement::{binds, statement},
    stored::Stored,
    users::{self, Row as UserRow},
};

#[async_trait]
impl Sessions for Database {
    async fn sign_in(
        &self,
        session: &Session,
        password_hash: &str,
        replaces: Option<&Digest<kind::Session>>,
        interaction: Option<&Digest<kind::Interaction>>,
    ) -> store::Result<Option<SessionStart>> {
        let (row, hash) = (Row::from_session(session), password_hash.to_owned());
        let (replaces, interaction) = (replaces.cloned(), interaction.cloned());
        let entry = self.entry.clone();
        let begun = self.write(move |c| {
            let begun = sign_in(c, &row, &hash, replaces.as_ref(), interaction.as_ref())?;
            if let Some(begun) = &begun {
                record_sign_in(c, entry.as_deref(), begun, row.created_at.0)?;
            }
            Ok(begun)
        });
        begun.await
    }

    async fn session(
        &self,
        digest: &Digest<kind::Session>,
        now: Timestamp,
    ) -> store::Result<Option<(Session, User)>> {
        let digest = digest.clone();
        if let Some(groups) = self.groups() {
            return groups.session.ask(SessionOf { digest, now }).await;
        }
        self.read(move |c| find(c, &digest, now)).await
    }

    async fn session_of(
        &self,
        sid: &SessionId,
        user_id: &UserId,
        now: Timestamp,
    ) -> store::Result<Option<Session>> {
        let (sid, user) = (sid.to_owned(), user_id.to_owned());
        self.read(move |c| find_of(c, &sid, Some(&user), now)).await
    }

    async fn session_by_id(&self, sid: &SessionId) -> store::Result<Option<(Session, User)>> {
        let sid = sid.to_owned();
        self.read(move |c| find_by_id(c, &sid)).await
    }

    async fn clients_of_session(&self, sid: &SessionId) -> store::Result<Vec<SessionClient>> {
        let sid = sid.to_owned();
        self.read(move |c| clients_of(c, &sid)).await
    }

    async fn use_session(&self, id: &SessionId, used: Use) -> store::Result<bool> {
        let id = id.to_owned();
        self.write_one(move |c| note_use(c, &id, used)).await
    }

    async fn session_list(
        &self,
        user_id: Option<&UserId>,
        page: &Page<(Timestamp, String)>,
        now: Timestamp,
    ) -> store::Result<Vec<ListedSession>> {
        let (user, page) = (user_id.cloned(), page.clone());
        self.read(move |c| match &user {
            None => list(c, OF_ALL, &[], &page, now),
            Some(user) => list(c, OF_USER, binds![user], &page, now),
        })
        .await
    }

    async fn user_client_sessions(
        &self,
        user_id: &UserId,
        client_id: &ClientId,
        page: &Page<(Timestamp, String)>,
        now: Timestamp,
    ) -> store::Result<Vec<ListedSession>> {
        let (user, client) = (user_id.to_owned(), client_id.to_owned());
        let page = page.clone();
        self.read(move |c| list(c, OF_USER_AT_CLIENT, binds![&user, &client], &page, now))
            .await
    }

    async fn client_sessions(
        &self,
        client_id: &ClientId,
        page: &Page<String>,
        now: Timestamp,
    ) -> store::Result<ClientSessions> {
        let (client, page) = (client_id.to_owned(), page.clone());
        self.read(move |c| of_client::list(c, &client, &page, now))
            .await
    }

    async fn end_session(
        &self,
        id: &SessionId,
        offline: bool,
        now: Timestamp,
    ) -> store::Result<bool> {
        let (id, entry) = (id.to_owned(), self.entry.clone());
        let ended = self.write_recorded(move |c| {
            let ended = end(c, &id, offline, now)?;
            let is_ended = ended.is_some();
            let ended = ended.into_iter().collect();
            sessions_ended(c, entry.as_deref(), ended, Cause::Forced, now)?;
            Ok(is_ended)
        });
        ended.await
    }

    async fn end_session_of(
        &self,
        sid: &SessionId,
        user_id: Option<&UserId>,
        offline: bool,
        now: Timestamp,
    ) -> store::Result<Option<Session>> {
        let (sid, user) = (sid.to_owned(), user_id.cloned());
        let entry = self.entry.clone();
        let ended = self.write(move |c| {
            let session = end_of(
                c,
                &sid,
                user.as_deref().map(UserId::new).as_ref(),
                offline,
                now,
            )?;
            let ended = session.iter().map(Ended::of).collect();
            sessions_ended(c, entry.as_deref(), ended, Cause::SignedOut, now)?;
            Ok(session)
        });
        ended.await
    }

    async fn end_user(&self, user_id: &UserId, now: Timestamp) -> store::Result<usize> {
        let (id, entry) = (user_id.to_owned(), self.entry.clone());
        let ended = self
            .write_recorded(move |c| end_all_of(c, &id, now, (entry.as_deref(), Cause::AllForced)));
        ended.await
    }

    async fn end_user_at(
        &self,
        user_id: &UserId,
        version: i64,
        now: Timestamp,
    ) -> store::Result<Option<usize>> {
        let (id, entry) = (user_id.to_owned(), self.entry.clone());
        let ended = self.write_recorded(move |c| {
            if !users::hold_at(c, &id, version)? {
                return Ok(None);
            }
            end_all_of(c, &id, now, (entry.as_deref(), Cause::AllForced)).map(Some)
        });
        ended.await
    }
}

pub fn into_found((session, user): (Row, UserRow)) -> Result<(Session, User), RowError> {
    Ok((session.into_session()?, user.into_user()?))
}

pub fn find(
    c: &mut AnyConnection,
    digest: &Digest<kind::Session>,
    now: Timestamp,
) -> Result<Option<(Session, User)>, RowError> {
    let found: Option<(Row, UserRow)> = on!(c => sessions::table
        .inner_join(user_rows::table.on(user_rows::id.eq(sessions::user_id)))
        .filter(sessions::digest.eq(Stored(digest.clone())))
        .filter(sessions::expires_at.gt(Stored(now)))
        .filter(user_rows::disabled_at.is_null())
        .filter(SessionStands)
        .select((Row::as_select(), UserRow::as_select()))
        .get_result(c))
    .optional()?;
    found.map(into_found).transpose()
}

pub fn find_of(
    c: &mut AnyConnection,
    sid: &str,
    user: Option<&UserId>,
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
        // What an end of many sessions means is that one's to end, with all that was allowed in it.
        .filter(SessionStands)
        .filter(sessions::expires_at.gt(Stored(now)));
    let row: Option<Row> = match user {
        Some(user) => on!(c => named.filter(sessions::user_id.eq(user.as_str())).select(Row::as_select()).get_result(c)),
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

const END: &str = "DELETE FROM sessions WHERE id = ? RETURNING id, user_id";
const END_ALL: &str = "DELETE FROM sessions WHERE user_id = ? RETURNING id, user_id";
macro_rules! expire {
    ($lock:literal) => {
        concat!(
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= ? AND ",
            session_stands!(),
            " LIMIT ?",
            $lock,
            ") RETURNING id, user_id"
        )
    };
}
const EXPIRE_SQLITE: &str = expire!("");
/// What somebody else uses or ends at this moment comes with a later sweep: who holds several rows waits for none.
const EXPIRE_POSTGRES: &str = expire!(" FOR UPDATE SKIP LOCKED");

/// Ends a session and what was allowed in it. Whoever calls it writes the entry about it.
pub fn end(
    c: &mut AnyConnection,
    id: &str,
    offline: bool,
    now: Timestamp,
) -> Result<Option<Ended>, RowError> {
    let ended: Vec<EndedRow> = on!(c => statement(END, binds![id]).load(c))?;
    several::revoke_session(c, id, offline, now)?;
    Ok(ended.into_iter().next().map(Ended::from))
}

/// Removes at most `most` sessions that have expired. How many.
pub fn expire(c: &mut AnyConnection, now: Timestamp, most: i64) -> Result<usize, RowError> {
    let ended: Vec<EndedRow> = match c {
        AnyConnection::Sqlite(c) => statement(EXPIRE_SQLITE, binds![now, most]).load(c)?,
        AnyConnection::Postgres(c) => statement(EXPIRE_POSTGRES, binds![now, most]).load(c)?,
    };
    let count = ended.len();
    let ended = ended.into_iter().map(Ended::from).collect();
    sessions_ended(c, None, ended, Cause::Expired, now)?;
    Ok(count)
}

/// The entries about a sign-in and about the sessions that it ended.
pub fn record_sign_in(
    c: &mut AnyConnection,
    entry: Option<&AuditEntry>,
    begun: &SessionStart,
    now: Timestamp,
) -> Result<(), RowError> {
    for ended in &begun.ended {
        let one = Ended {
            session: ended.id.clone().into_string(),
            user: ended.user_id.clone(),
        };
        sessions_ended(c, entry, vec![one], ended.cause, now)?;
    }
    let Some(entry) = entry else { return Ok(()) };
    let mut entry = entry.clone();
    entry.target = Some(AuditTarget {
        kind: TargetKind::Session,
        id: Some(begun.session_id.clone().into_string()),
        name: None,
    });
    let whom = entry.actor.id.clone().unwrap_or_default();
    audit::add_own(c, &entry, &whom)
}

pub fn end_of(
    c: &mut AnyConnection,
    sid: &str,
    user: Option<&UserId>,
    offline: bool,
    now: Timestamp,
) -> Result<Option<Session>, RowError> {
    let Some(session) = find_of(c, sid, user, now)? else {
        return Ok(None);
    };
    Ok(end(c, &session.id, offline, now)?.map(|_| session))
}

/// Those of a user who is deleted: what was allowed in them goes with the user. Where it is recorded, each has its entry. How
/// many there were.
pub fn delete_all_of(
    c: &mut AnyConnection,
    user_id: &str,
    entry: Option<&AuditEntry>,
) -> Result<usize, RowError> {
    let ended: Vec<EndedRow> = on!(c => statement(END_ALL, binds![user_id]).load(c))?;
    let count = ended.len();
    let Some(entry) = entry else {
        return Ok(count);
    };
    let ended = ended.into_iter().map(Ended::from).collect();
    sessions_ended(c, Some(entry), ended, Cause::UserDeleted, entry.at)?;
    Ok(count)
}

/// `why`: the entry about what ends them, and the cause.
pub fn end_all_of(
    c: &mut AnyConnection,
    user_id: &UserId,
    now: Timestamp,
    why: (Option<&AuditEntry>, Cause),
) -> Result<usize, RowError> {
    let ended: Vec<EndedRow> = on!(c => statement(END_ALL, binds![user_id]).load(c))?;
    let count = ended.len();
    several::revoke_user(c, user_id, now)?;
    let ended = ended.into_iter().map(Ended::from).collect();
    sessions_ended(c, why.0, ended, why.1, now)?;
    Ok(count)
}
