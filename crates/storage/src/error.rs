//! What can go wrong inside a verb, and what the store reports of it.

use diesel::result::{DatabaseErrorKind, Error};
use latchkey_protocol::StoreError;

use crate::stored::NoDigest;

/// What can go wrong inside a verb.
#[derive(Debug)]
pub enum RowError {
    Database(Error),
    Corrupt {
        table: &'static str,
        row: String,
        column: &'static str,
    },
}

impl From<Error> for RowError {
    fn from(error: Error) -> Self {
        match no_digest(&error) {
            Some(&NoDigest { table, column }) => Self::Corrupt {
                table,
                row: "of unknown key".into(),
                column,
            },
            None => Self::Database(error),
        }
    }
}

/// Whether a column that was read should hold a digest, and holds none.
fn no_digest(error: &Error) -> Option<&NoDigest> {
    let Error::DeserializationError(field) = error else {
        return None;
    };
    field
        .downcast_ref()
        .or_else(|| field.source()?.downcast_ref())
}

impl RowError {
    /// Whether the connection is of no more use.
    pub fn is_broken(&self) -> bool {
        match self {
            Self::Database(Error::DatabaseError(kind, detail)) => {
                matches!(
                    kind,
                    DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand
                ) || detail.message().contains("terminating connection")
            }
            Self::Database(
                Error::BrokenTransactionManager | Error::RollbackErrorOnCommit { .. },
            ) => true,
            Self::Database(_) | Self::Corrupt { .. } => false,
        }
    }
}

impl RowError {
    /// Of a broken connection: whether the statement that found out has certainly changed nothing. Either it could not
    /// be sent, or the server says that it was told to end the connection, which it does before a statement or by
    /// undoing one. Where the server says so in another language, nothing is certain.
    pub fn is_undone(&self) -> bool {
        matches!(self, Self::Database(Error::DatabaseError(kind, detail))
            if matches!(kind, DatabaseErrorKind::UnableToSendCommand)
                || detail.message().contains("terminating connection due to administrator command"))
    }

    /// Whether PostgreSQL ended a wait that would have had no end. It has undone all of it. Where the server says so in
    /// another language, whoever called hears of a failure.
    pub fn is_deadlock(&self) -> bool {
        matches!(self, Self::Database(Error::DatabaseError(_, detail)) if detail.message().contains("deadlock detected"))
    }

    /// Whether another process holds SQLite's lock.
    fn is_locked(&self) -> bool {
        matches!(self, Self::Database(Error::DatabaseError(_, detail)) if detail.message().contains("database is locked"))
    }
}

impl From<RowError> for StoreError {
    fn from(error: RowError) -> Self {
        match error {
            RowError::Corrupt { table, row, column } => Self::Corrupt { table, row, column },
            broken if broken.is_broken() => Self::Unavailable("the connection was lost".into()),
            locked if locked.is_locked() => Self::Busy,
            RowError::Database(error) => Self::Failed(error.to_string()),
        }
    }
}
