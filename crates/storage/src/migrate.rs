use diesel::connection::SimpleConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use latchkey_protocol::StoreError;

use crate::connection::AnyConnection;

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
        AnyConnection::Sqlite(c) => {
            c.pending_migrations(SQLITE).map_err(failed)?.iter().map(|m| m.name().to_string()).collect()
        }
        AnyConnection::Postgres(c) => {
            c.pending_migrations(POSTGRES).map_err(failed)?.iter().map(|m| m.name().to_string()).collect()
        }
    })
}

pub fn apply(connection: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    let names =
        |versions: Vec<diesel::migration::MigrationVersion<'_>>| versions.iter().map(ToString::to_string).collect();
    match connection {
        AnyConnection::Sqlite(c) => c.run_pending_migrations(SQLITE).map(names).map_err(failed),
        AnyConnection::Postgres(c) => {
            c.batch_execute(&format!("SELECT pg_advisory_lock({LOCK})")).map_err(failed)?;
            let applied = c.run_pending_migrations(POSTGRES).map(names).map_err(failed);
            c.batch_execute(&format!("SELECT pg_advisory_unlock({LOCK})")).map_err(failed)?;
            applied
        }
    }
}
