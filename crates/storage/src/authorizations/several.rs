//! Several authorizations end at once. On PostgreSQL everybody takes them by their ids, and all that one transaction is about
//! to take at once: two who took the same ones in different orders would wait for one another.

use diesel::{prelude::*, sql_types::BigInt};
use latchkey_protocol::{ClientId, Timestamp, UserId};

use crate::{
    columns::{Grouped, Values, columns},
    connection::AnyConnection,
    error::RowError,
    statement::{Bind, binds, statement},
};

/// A text for SQLite, which has one writer, and one for PostgreSQL. Also those that are `$held` and not among `$these` are
/// taken: they are changed later in the transaction.
macro_rules! revoke {
    ($held:literal, $these:literal) => {
        [
            concat!(
                "UPDATE authorizations SET revoked_at = ? WHERE ",
                $held,
                " AND revoked_at IS NULL",
                $these
            ),
            concat!(
                "WITH asked AS MATERIALIZED (SELECT CAST(? AS BIGINT) AS now), held AS MATERIALIZED (SELECT id FROM authorizations WHERE ",
                $held,
                " AND revoked_at IS NULL ORDER BY id FOR NO KEY UPDATE) \
                 UPDATE authorizations SET revoked_at = asked.now FROM asked, held \
                 WHERE authorizations.id = held.id AND authorizations.revoked_at IS NULL",
                $these
            ),
        ]
    };
}
const REVOKE_SESSION: [&str; 2] = revoke!("session_id = ?", " AND offline <= ?");
const REVOKE_USER: [&str; 2] = revoke!("user_id = ?", "");
const REVOKE_PAIR: [&str; 2] = revoke!("user_id = ? AND client_id = ?", "");

/// What was allowed in a session; what goes on offline only if that is asked for.
pub fn revoke_session(
    c: &mut AnyConnection,
    session: &str,
    offline: bool,
    now: Timestamp,
) -> Result<(), RowError> {
    let binds = binds![now, session, i64::from(offline)];
    revoke(c, REVOKE_SESSION, binds).map(drop)
}

/// All that a user has allowed.
pub fn revoke_user(c: &mut AnyConnection, user: &UserId, now: Timestamp) -> Result<(), RowError> {
    revoke(c, REVOKE_USER, binds![now, user]).map(drop)
}

/// All that a user has allowed a client. How many.
pub fn revoke_pair(
    c: &mut AnyConnection,
    (user, client): (&UserId, &ClientId),
    now: Timestamp,
) -> Result<usize, RowError> {
    revoke(c, REVOKE_PAIR, binds![now, user, client])
}

fn revoke(
    c: &mut AnyConnection,
    [plain, holding]: [&'static str; 2],
    binds: &[Bind<'_>],
) -> Result<usize, RowError> {
    Ok(match c {
        AnyConnection::Sqlite(c) => statement(plain, binds).execute(c)?,
        AnyConnection::Postgres(c) => statement(holding, binds).execute(c)?,
    })
}

const HOLD_USER: &str = "WITH held AS MATERIALIZED (SELECT id FROM authorizations WHERE user_id = ? ORDER BY id FOR UPDATE) \
    SELECT count(*) AS count FROM held";

/// All of a user who is about to be deleted, which takes them in whatever order.
pub fn hold_user(c: &mut AnyConnection, user: &UserId) -> Result<(), RowError> {
    if let AnyConnection::Postgres(c) = c {
        statement(HOLD_USER, binds![user]).execute(c)?;
    }
    Ok(())
}

/// Of this text, [`hold`] asks for ids and for sessions.
const HOLD: &str = "WITH held AS MATERIALIZED (SELECT id FROM authorizations WHERE id IN (SELECT unnest(?) \
    UNION SELECT a.id FROM authorizations AS a WHERE a.session_id = ANY (?)) AND revoked_at IS NULL \
    ORDER BY id FOR NO KEY UPDATE) SELECT count(*) FROM held";

/// How [`HOLD`] is found again.
struct Held;

/// These, and all of these sessions.
pub fn hold(c: &mut AnyConnection, ids: &[&str], sessions: &[&str]) -> Result<(), RowError> {
    let AnyConnection::Postgres(c) = c else {
        return Ok(());
    };
    let mut values = texts(ids);
    values.extend(texts(sessions));
    Grouped::<Held, BigInt>::new(HOLD, &values).execute(c)?;
    Ok(())
}

/// An array of them; there is always one.
fn texts<'a>(texts: &[&'a str]) -> Vec<Values<'a>> {
    let mut rows: Vec<_> = texts.iter().map(|&text| [Bind::from(text)]).collect();
    if rows.is_empty() {
        rows.push([Bind::Text(None)]);
    }
    columns(&rows)
}
