//! A code is issued, and room is made for it.

use diesel::{prelude::*, sql_types::BigInt};
use latchkey_protocol::{Digest, access::JudgedVersions, bounds, kind};

use super::Row;
use crate::{
    connection::{AnyConnection, on},
    consents,
    error::RowError,
    interactions,
    statement::{Bind, binds, statement},
};

macro_rules! columns {
    () => {
        "id, client_id, user_id, session_id, scope, offline, nonce, auth_time, amr, redirect_uri, redirect_uri_sent, \
         code_challenge, code, code_expires_at, created_at, exchanged_at, refresh_current, refresh_issued_at, \
         refresh_idle_expires_at, refresh_kid, refresh_parent, refresh_expires_at, revoked_at, expires_at, ignored_scope, \
         asked_claims"
    };
}
pub(super) use columns;
macro_rules! values {
    () => {
        "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
    };
}
const INSERT: &str = concat!(
    "INSERT INTO authorizations (",
    columns!(),
    ") VALUES (",
    values!(),
    ")"
);

pub fn issue(
    c: &mut AnyConnection,
    interaction: Option<&Digest<kind::Interaction>>,
    row: &Row,
    rests_on_consent: bool,
) -> Result<bool, RowError> {
    if let Some(interaction) = interaction
        && !interactions::delete(c, interaction)?
    {
        return Ok(false);
    }
    if !hold(c, row)? {
        return Ok(false);
    }
    if rests_on_consent && !consents::hold(c, &row.user_id, &row.client_id)? {
        return Ok(false);
    }
    trim(c, row)?;
    on!(c => statement(INSERT, &row.binds()).execute(c))?;
    Ok(true)
}

const HOLD: &str = "SELECT CAST(1 AS BIGINT) AS held FROM sessions JOIN clients ON clients.id = ? WHERE sessions.id = ?";
const HOLD_LOCKED: &str = "SELECT CAST(1 AS BIGINT) AS held FROM sessions JOIN clients ON clients.id = ? \
    WHERE sessions.id = ? FOR KEY SHARE OF clients FOR NO KEY UPDATE OF sessions";

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = BigInt)]
    held: i64,
}

/// Whether the session and the client are there; if so neither can be ended before this transaction is.
///
/// Codes of one session come one by one: two that make room at once would wait for one another. The client is locked
/// before what makes room, as where it is deleted with all that is its.
fn hold(c: &mut AnyConnection, row: &Row) -> Result<bool, RowError> {
    let binds = binds![&row.client_id, &row.session_id];
    let held = match c {
        // One writer at a time: nothing comes between.
        AnyConnection::Sqlite(c) => statement(HOLD, binds).get_result::<Held>(c),
        AnyConnection::Postgres(c) => statement(HOLD_LOCKED, binds).get_result::<Held>(c),
    };
    Ok(held.optional()?.is_some_and(|one| one.held == 1))
}

const JUDGED: &str = "SELECT CAST(1 AS BIGINT) AS held FROM users JOIN clients ON clients.id = ? AND clients.version = ? \
    WHERE users.id = ? AND users.version = ?";
const JUDGED_LOCKED: &str = "SELECT CAST(1 AS BIGINT) AS held FROM users JOIN clients ON clients.id = ? AND clients.version = ? \
    WHERE users.id = ? AND users.version = ? FOR SHARE OF users, clients";

/// Whether user and client are as they were when the user was found to be one whom the client admits; if so neither changes
/// before this transaction is over. PostgreSQL: `FOR SHARE` waits for whoever changes a row, and looks at it again.
pub fn hold_judged(
    c: &mut AnyConnection,
    row: &Row,
    judged: JudgedVersions,
) -> Result<bool, RowError> {
    let binds = binds![&row.client_id, judged.client, &row.user_id, judged.user];
    let held = match c {
        // One writer at a time: nothing comes between.
        AnyConnection::Sqlite(c) => statement(JUDGED, binds).get_result::<Held>(c),
        AnyConnection::Postgres(c) => statement(JUDGED_LOCKED, binds).get_result::<Held>(c),
    };
    Ok(held.optional()?.is_some_and(|one| one.held == 1))
}

/// Where there is room for so many more, one statement does it all: PostgreSQL looks at the room as it was when the
/// statement began, and as many as there are connections, each with a group, may do so at once.
pub const AMPLE: i64 = bounds::CODES / 2;

const ISSUE_FOR_INTERACTION: &str = concat!(
    "WITH room AS MATERIALIZED (SELECT count(*) FILTER (WHERE exchanged_at IS NULL) < ? \
     AND count(*) FILTER (WHERE exchanged_at IS NOT NULL) <= ? AS ample \
     FROM authorizations WHERE session_id = ? AND client_id = ?), \
     gone AS (DELETE FROM interactions WHERE digest = ? AND (SELECT ample FROM room) RETURNING 1), \
     held AS (SELECT sessions.id FROM sessions JOIN clients ON clients.id = ? WHERE sessions.id = ? \
     AND (SELECT ample FROM room) AND EXISTS (SELECT 1 FROM gone) FOR KEY SHARE OF clients, sessions), \
     allowed AS (SELECT consents.user_id FROM consents JOIN users ON users.id = consents.user_id \
     JOIN clients ON clients.id = consents.client_id WHERE consents.user_id = ? AND consents.client_id = ? \
     AND EXISTS (SELECT 1 FROM held) FOR KEY SHARE OF users, clients, consents) \
     INSERT INTO authorizations (",
    columns!(),
    ") SELECT ",
    values!(),
    " FROM held WHERE ? = 0 OR EXISTS (SELECT 1 FROM allowed)"
);

const ISSUE_WITH_ROOM: &str = concat!(
    "INSERT INTO authorizations (",
    columns!(),
    ") SELECT ",
    values!(),
    " FROM sessions JOIN clients ON clients.id = ? WHERE sessions.id = ? \
     AND (? = 0 OR EXISTS (SELECT 1 FROM consents WHERE user_id = ? AND client_id = ?)) \
     AND (SELECT count(*) FROM authorizations WHERE session_id = ? AND client_id = ? AND exchanged_at IS NULL) < ? \
     AND (SELECT count(*) FROM authorizations WHERE session_id = ? AND client_id = ?) <= ?"
);

/// What [`issue`] does without an interaction, in one statement of SQLite, where nothing need make room. If nothing is issued,
/// [`issue`] says why.
pub fn issue_with_room(
    c: &mut AnyConnection,
    row: &Row,
    rests_on_consent: bool,
) -> Result<bool, RowError> {
    let last: &[Bind] = binds![
        &row.client_id,
        &row.session_id,
        i64::from(rests_on_consent),
        &row.user_id,
        &row.client_id,
        &row.session_id,
        &row.client_id,
        bounds::CODES,
        &row.session_id,
        &row.client_id,
        bounds::AUTHORIZATIONS,
    ];
    let all = [&row.binds(), last].concat();
    Ok(on!(c => statement(ISSUE_WITH_ROOM, &all).execute(c))? == 1)
}

/// What [`issue`] does for an interaction, in one statement of PostgreSQL, where there is ample room. If not, or if there
/// is nothing to issue for, nothing is issued, and [`issue`] says why.
///
/// The client, the session and the consent are locked against their end, as there; not against other codes, which need not wait where
/// there is room.
pub fn issue_at_once(
    c: &mut AnyConnection,
    interaction: &Digest<kind::Interaction>,
    row: &Row,
    rests_on_consent: bool,
) -> Result<bool, RowError> {
    let first: &[Bind] = binds![
        AMPLE,
        bounds::AUTHORIZATIONS,
        &row.session_id,
        &row.client_id,
        interaction,
        &row.client_id,
        &row.session_id,
        &row.user_id,
        &row.client_id,
    ];
    let last: &[Bind] = binds![i64::from(rests_on_consent)];
    let all = [first, &row.binds(), last].concat();
    Ok(on!(c => statement(ISSUE_FOR_INTERACTION, &all).execute(c))? == 1)
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    unused: i64,
    #[diesel(sql_type = BigInt)]
    used: i64,
}
/// By indexes: of what was exchanged no row is read.
const COUNT_SQLITE: &str = "SELECT unused, given - unused AS used FROM (SELECT \
    (SELECT count(*) FROM authorizations WHERE session_id = ? AND client_id = ? AND exchanged_at IS NULL) AS unused, \
    (SELECT count(*) FROM authorizations WHERE session_id = ? AND client_id = ?) AS given)";
const COUNT: &str = "SELECT count(*) FILTER (WHERE exchanged_at IS NULL) AS unused, \
    count(*) FILTER (WHERE exchanged_at IS NOT NULL) AS used FROM authorizations WHERE session_id = ? AND client_id = ?";

/// Of what the session has of the client: codes that nobody exchanged, and what was exchanged, by its last use.
macro_rules! unused {
    () => {
        "SELECT id FROM authorizations WHERE session_id = ? AND client_id = ? AND exchanged_at IS NULL \
         ORDER BY created_at DESC, id DESC LIMIT 1000 OFFSET ?"
    };
}
macro_rules! used {
    () => {
        "SELECT id FROM authorizations WHERE session_id = ? AND client_id = ? AND exchanged_at IS NOT NULL \
         ORDER BY CASE WHEN refresh_current IS NULL THEN 1 ELSE 0 END, \
         coalesce(refresh_issued_at, exchanged_at) DESC, id DESC LIMIT 1000 OFFSET ?"
    };
}
const UNUSED: &str = concat!("DELETE FROM authorizations WHERE id IN (", unused!(), ")");
const USED: &str = concat!("DELETE FROM authorizations WHERE id IN (", used!(), ")");
/// What somebody else is about to change stays, until the next one makes room: who holds several rows waits for none.
macro_rules! free {
    ($surplus:expr) => {
        concat!(
            "DELETE FROM authorizations WHERE id IN (SELECT id FROM authorizations WHERE id IN (",
            $surplus,
            ") FOR UPDATE SKIP LOCKED)"
        )
    };
}
const UNUSED_FREE: &str = free!(unused!());
const USED_FREE: &str = free!(used!());

/// Makes room for one more, so that no loop of sign-ins in one session fills the database.
fn trim(c: &mut AnyConnection, row: &Row) -> Result<(), RowError> {
    let (session, client) = (&row.session_id, &row.client_id);
    let count: Count = match c {
        AnyConnection::Sqlite(c) => {
            statement(COUNT_SQLITE, binds![session, client, session, client]).get_result(c)?
        }
        AnyConnection::Postgres(c) => statement(COUNT, binds![session, client]).get_result(c)?,
    };
    if count.unused >= bounds::CODES {
        let surplus = binds![&row.session_id, &row.client_id, bounds::CODES - 1];
        delete(c, (UNUSED, UNUSED_FREE), surplus)?;
    }
    if count.used > bounds::AUTHORIZATIONS {
        let surplus = binds![&row.session_id, &row.client_id, bounds::AUTHORIZATIONS];
        let ended = delete(c, (USED, USED_FREE), surplus)?;
        tracing::warn!(
            target: "audit", session = %row.session_id, client = %row.client_id, ended,
            "one session holds too many authorizations of a client: those that were used longest ago have ended"
        );
    }
    Ok(())
}

/// By the text for SQLite or by that for PostgreSQL. How many.
fn delete(
    c: &mut AnyConnection,
    texts: (&'static str, &'static str),
    binds: &[Bind<'_>],
) -> Result<usize, RowError> {
    Ok(match c {
        AnyConnection::Sqlite(c) => statement(texts.0, binds).execute(c)?,
        AnyConnection::Postgres(c) => statement(texts.1, binds).execute(c)?,
    })
}

#[cfg(test)]
mod tests {
    use super::{COUNT_SQLITE, ISSUE_WITH_ROOM, UNUSED, USED};
    use crate::test_database::{on_sqlite, plan};

    /// Without statistics SQLite takes the index of which the most columns are known.
    #[test]
    fn what_a_session_has_of_a_client_is_found_by_both() {
        on_sqlite(|c| {
            let used = plan(c, USED, &["'s1'", "'c1'", "20"]);
            let both = "INDEX authorizations_session (session_id=? AND client_id=?)";
            assert!(used.contains(both), "{used}");
            let unused = plan(c, UNUSED, &["'s1'", "'c1'", "20"]);
            let by_index = "INDEX authorizations_unused (session_id=? AND client_id=?)";
            assert!(unused.contains(by_index), "{unused}");
            for (text, binds) in [(ISSUE_WITH_ROOM, 37), (COUNT_SQLITE, 4)] {
                let plan = plan(c, text, &vec!["'1'"; binds]);
                for covering in [by_index, &format!("COVERING {both}")] {
                    assert!(plan.contains(covering), "{text}: {plan}");
                }
            }
        });
    }
}
