//! Migrations: which are pending, and applying them once among many nodes.

use diesel::{QueryableByName, RunQueryDsl, connection::SimpleConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use latchkey_protocol::StoreError;

use crate::{Options, address_keys, clients, connection::AnyConnection};

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
/// Any fixed number: nodes that start together migrate one after the other.
const LOCK: i64 = 0x6c61_7463_686b_6579;

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(error.to_string())
}

/// The names of migrations that are not applied yet.
///
/// # Errors
/// [`StoreError`] when the database does not answer.
pub fn pending(connection: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    Ok(match connection {
        AnyConnection::Sqlite(c) => c
            .pending_migrations(SQLITE)
            .map_err(failed)?
            .iter()
            .map(|m| m.name().to_string())
            .collect(),
        AnyConnection::Postgres(c) => c
            .pending_migrations(POSTGRES)
            .map_err(failed)?
            .iter()
            .map(|m| m.name().to_string())
            .collect(),
    })
}

#[derive(QueryableByName)]
struct AppliedMigration {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    tables: i64,
}

/// Whether migrations were ever applied. Asking for pending ones makes the table that they are noted in.
fn begun(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    const NAME: &str = "__diesel_schema_migrations";
    let known: AppliedMigration = match connection {
        AnyConnection::Sqlite(c) => {
            let count =
                format!("SELECT count(*) AS tables FROM sqlite_master WHERE name = '{NAME}'");
            diesel::sql_query(count).get_result(c).map_err(failed)?
        }
        AnyConnection::Postgres(c) => {
            let count = format!("SELECT count(to_regclass('{NAME}')) AS tables");
            diesel::sql_query(count).get_result(c).map_err(failed)?
        }
    };
    Ok(known.tables > 0)
}

/// What is there, found out without making anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// No file.
    Absent,
    /// A database without a table of ours.
    Empty,
    /// These migrations are not applied yet.
    Pending(Vec<String>),
    /// All migrations are applied, and none beyond them.
    Current,
}

impl Options {
    /// # Errors
    /// [`StoreError`] when the database does not answer.
    pub fn condition(&self) -> Result<Condition, StoreError> {
        if self.file().is_some_and(|file| !file.exists()) {
            return Ok(Condition::Absent);
        }
        // Opening an empty file as a database would write to it.
        if self
            .file()
            .is_some_and(|file| file.metadata().is_ok_and(|known| known.len() == 0))
        {
            return Ok(Condition::Empty);
        }
        let mut connection = self.connect()?;
        if !begun(&mut connection)? {
            return Ok(Condition::Empty);
        }
        let pending = pending(&mut connection)?;
        Ok(if pending.is_empty() {
            Condition::Current
        } else {
            Condition::Pending(pending)
        })
    }
}

/// What the program does before this migration is noted as applied: so it is done once, and again where it was cut off.
const ADDRESS_KEYS: &str = "00000000000008";
/// As [`ADDRESS_KEYS`].
const NAME_KEYS: &str = "00000000000026";

pub fn apply(connection: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    if matches!(connection, AnyConnection::Sqlite(_)) {
        return apply_pending(connection);
    }
    connection
        .batch_execute(&format!("SELECT pg_advisory_lock({LOCK})"))
        .map_err(failed)?;
    let applied = apply_pending(connection);
    connection
        .batch_execute(&format!("SELECT pg_advisory_unlock({LOCK})"))
        .map_err(failed)?;
    applied
}

fn apply_pending(connection: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    let mut applied = Vec::new();
    for name in pending(connection)? {
        if name.starts_with(ADDRESS_KEYS) {
            address_keys::renew(connection)?;
        }
        if name.starts_with(NAME_KEYS) {
            clients::name_keys::renew(connection)?;
        }
        let version = match connection {
            AnyConnection::Sqlite(c) => c.run_next_migration(SQLITE).map(|v| v.to_string()),
            AnyConnection::Postgres(c) => c.run_next_migration(POSTGRES).map(|v| v.to_string()),
        };
        applied.push(version.map_err(failed)?);
    }
    Ok(applied)
}
