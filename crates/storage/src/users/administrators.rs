//! The last administrator: an enabled user who has a password and the role `admin`, whom nobody takes away, also not two of them each other.

use diesel::{prelude::*, sql_types::BigInt};
use latchkey_protocol::store::LastAdministrator;

use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    statement::{Bind, binds, statement},
};

/// The condition of the index `users_administrators`. `roles` is a JSON array as the program writes it, without spaces: a
/// comma and an unescaped quotation mark begin a role and nothing else, and the comma in front stands for the bracket.
macro_rules! administrator {
    ($of:literal) => {
        concat!(
            $of,
            "disabled_at IS NULL AND ",
            $of,
            "password_hash IS NOT NULL AND replace(',' || substr(",
            $of,
            "roles, 2), ',\"admin\"', '') <> ',' || substr(",
            $of,
            "roles, 2)"
        )
    };
}

/// By id, as the index is: PostgreSQL, which takes nearly everybody for an administrator, would read the table otherwise.
pub(super) const ANY: &str = concat!(
    "SELECT count(*) AS count FROM (SELECT 1 FROM users WHERE ",
    administrator!(""),
    " ORDER BY id LIMIT 1) AS found"
);

/// A text for SQLite, which has one writer, and one for PostgreSQL, which holds the row until the end of the transaction.
macro_rules! hold {
    ($($condition:tt)*) => {
        [
            concat!("SELECT CAST(1 AS BIGINT) AS count FROM users WHERE id = ?", $($condition)*),
            concat!("SELECT CAST(1 AS BIGINT) AS count FROM users WHERE id = ?", $($condition)*, " FOR NO KEY UPDATE"),
        ]
    };
}
pub(super) type Texts = [&'static str; 2];

const WHOEVER: Texts = hold!("");
const NO_ADMINISTRATOR: Texts = hold!(" AND NOT (", administrator!(""), ")");
pub(super) const ONE_OF_SEVERAL: Texts = hold!(
    " AND (NOT (",
    administrator!(""),
    ") OR (SELECT other.id FROM users AS other WHERE other.id <> users.id AND ",
    administrator!("other."),
    " ORDER BY other.id LIMIT 1) IS NOT NULL)"
);

/// Any fixed number: those who take an administrator away do so one after the other, so that each sees who is left.
const LOCK: i64 = 0x6c6b_6164_6d69_6e00;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Whether there is one.
pub fn exists(c: &mut AnyConnection) -> Result<bool, RowError> {
    let found: Count = on!(c => statement(ANY, binds![]).get_result(c))?;
    Ok(found.count > 0)
}

/// What holding a user came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The row is this transaction's, and may lose the role or the account.
    Yes,
    Unknown,
    LastAdministrator,
}

/// Takes the row of a user who is about to be no administrator any more. To be called after any lock of names and before any
/// other row is taken.
///
/// Whoever is no administrator costs one look. On PostgreSQL the others wait for a lock first, and then see what those before
/// them have committed; nobody waits for that lock with a row in hand.
pub fn hold(c: &mut AnyConnection, id: &str, last: LastAdministrator) -> Result<Held, RowError> {
    if last == LastAdministrator::Stays && take(c, NO_ADMINISTRATOR, binds![id])? {
        return Ok(Held::Yes);
    }
    if let AnyConnection::Postgres(c) = &mut *c {
        diesel::sql_query(format!("SELECT pg_advisory_xact_lock({LOCK})")).execute(c)?;
    }
    let held = match last {
        LastAdministrator::Stays => take(c, ONE_OF_SEVERAL, binds![id])?,
        LastAdministrator::MayGo => take(c, WHOEVER, binds![id])?,
    };
    Ok(if held {
        Held::Yes
    } else if last == LastAdministrator::Stays && take(c, WHOEVER, binds![id])? {
        Held::LastAdministrator
    } else {
        Held::Unknown
    })
}

const WHILE_AT: Texts = hold!(" AND version = ?");

/// Takes the row of a user who is still as whoever asks has read them: nobody changes it before this transaction is over.
pub fn hold_at(c: &mut AnyConnection, id: &str, version: i64) -> Result<bool, RowError> {
    take(c, WHILE_AT, binds![id, version])
}

const WHILE_ENABLED: Texts = hold!(" AND version = ? AND disabled_at IS NULL");

/// As [`hold_at`], of a user who may sign in.
pub fn hold_enabled(c: &mut AnyConnection, id: &str, version: i64) -> Result<bool, RowError> {
    take(c, WHILE_ENABLED, binds![id, version])
}

/// Takes the row of a user, whatever it says. `false` when there is none.
pub fn hold_row(c: &mut AnyConnection, id: &str) -> Result<bool, RowError> {
    take(c, WHOEVER, binds![id])
}

const AT_VERSION: &str = "SELECT count(*) AS count FROM users WHERE id = ? AND version = ?";

/// Whether the user is still as whoever asks has read them, if they name a version. To be called with the row held.
pub fn is_at(c: &mut AnyConnection, id: &str, version: Option<i64>) -> Result<bool, RowError> {
    let Some(version) = version else {
        return Ok(true);
    };
    let found: Count = on!(c => statement(AT_VERSION, binds![id, version]).get_result(c))?;
    Ok(found.count == 1)
}

fn take(
    c: &mut AnyConnection,
    [plain, holding]: Texts,
    binds: &[Bind<'_>],
) -> Result<bool, RowError> {
    let found: Vec<Count> = match c {
        AnyConnection::Sqlite(c) => statement(plain, binds).load(c)?,
        AnyConnection::Postgres(c) => statement(holding, binds).load(c)?,
    };
    Ok(found.iter().any(|one| one.count == 1))
}
