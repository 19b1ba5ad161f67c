//! Sessions that end because the one at another provider has ended.

use diesel::{QueryableByName, RunQueryDsl, sql_types::Text};
use latchkey_protocol::{Timestamp, session::Cause, store, upstream::UpstreamName};

use crate::{
    audit::{Ended, sessions_ended},
    connection::AnyConnection,
    error::RowError,
    sessions,
    statement::{Bind, binds, statement},
};

/// What [`store::UpstreamSessionEnd`] says, owned.
pub struct EndedThere {
    upstream: UpstreamName,
    issuer: String,
    subject: Option<String>,
    sid: Option<String>,
    until: Timestamp,
}

impl From<store::UpstreamSessionEnd<'_>> for EndedThere {
    fn from(end: store::UpstreamSessionEnd<'_>) -> Self {
        Self {
            upstream: end.upstream.clone(),
            issuer: end.issuer.to_owned(),
            subject: end.subject.map(str::to_owned),
            sid: end.sid.map(str::to_owned),
            until: end.until,
        }
    }
}

macro_rules! came_from {
    ($which:literal, $lock:literal) => {
        concat!(
            "SELECT sessions.id FROM sessions \
             JOIN session_upstreams ON session_upstreams.session_id = sessions.id \
             WHERE session_upstreams.upstream = ? AND session_upstreams.issuer = ? AND ",
            $which,
            " ORDER BY sessions.id",
            $lock
        )
    };
}
macro_rules! of_session {
    ($lock:literal) => {
        came_from!("session_upstreams.sid = ?", $lock)
    };
}
macro_rules! of_session_and_subject {
    ($lock:literal) => {
        came_from!(
            "session_upstreams.sid = ? AND session_upstreams.subject = ?",
            $lock
        )
    };
}
macro_rules! of_subject {
    ($lock:literal) => {
        came_from!(
            "session_upstreams.subject = ? AND session_upstreams.came_at <= ?",
            $lock
        )
    };
}

/// One statement for SQLite, and one for PostgreSQL: there a sign-in that goes on in the same session is waited for.
type Texts = (&'static str, &'static str);
const OF_SESSION: Texts = (of_session!(""), of_session!(" FOR UPDATE"));
const OF_SESSION_AND_SUBJECT: Texts = (
    of_session_and_subject!(""),
    of_session_and_subject!(" FOR UPDATE"),
);
const OF_SUBJECT: Texts = (of_subject!(""), of_subject!(" FOR UPDATE"));

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    id: String,
}

/// Ends them, with an entry for each. How many.
pub fn end(c: &mut AnyConnection, end: &EndedThere, now: Timestamp) -> Result<usize, RowError> {
    let mut ended: Vec<Ended> = Vec::new();
    for Found { id } in found(c, end)? {
        ended.extend(sessions::end(c, &id, false, now)?);
    }
    let count = ended.len();
    sessions_ended(c, None, ended, Cause::EndedUpstream, now)?;
    Ok(count)
}

fn found(c: &mut AnyConnection, end: &EndedThere) -> Result<Vec<Found>, RowError> {
    let (upstream, issuer) = (&end.upstream, &*end.issuer);
    match (end.sid.as_deref(), end.subject.as_deref()) {
        (Some(sid), Some(subject)) => {
            let binds = binds![upstream, issuer, sid, subject];
            load(c, OF_SESSION_AND_SUBJECT, binds)
        }
        (Some(sid), None) => load(c, OF_SESSION, binds![upstream, issuer, sid]),
        (None, Some(subject)) => {
            let binds = binds![upstream, issuer, subject, end.until];
            load(c, OF_SUBJECT, binds)
        }
        (None, None) => Ok(Vec::new()),
    }
}

fn load(
    c: &mut AnyConnection,
    (sqlite, postgres): Texts,
    binds: &[Bind<'_>],
) -> Result<Vec<Found>, RowError> {
    Ok(match c {
        AnyConnection::Sqlite(c) => statement(sqlite, binds).load(c)?,
        AnyConnection::Postgres(c) => statement(postgres, binds).load(c)?,
    })
}
