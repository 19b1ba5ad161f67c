//! Gives the disk back what is no longer used. PostgreSQL does so by itself.

use std::path::PathBuf;

use diesel::connection::SimpleConnection;

use crate::{connection::AnyConnection, error::RowError, sqlite};

/// The size that SQLite's log is cut back to, in bytes.
pub const LOG: u64 = 64 * 1024 * 1024;
/// Free pages that are given back at once: 16 MiB.
const PAGES: u32 = 4096;

/// Gives free pages back, where the database was created so that it can (`auto_vacuum`).
pub fn shrink(c: &mut AnyConnection) -> Result<(), RowError> {
    if matches!(c, AnyConnection::Sqlite(_)) {
        c.batch_execute(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
    }
    Ok(())
}

/// Cuts SQLite's log where it has outgrown its bound: readers that overlap all the time keep it from starting anew.
pub fn bound_log(path: &str) {
    let log = PathBuf::from(format!("{path}-wal"));
    if std::fs::metadata(&log).map_or(0, |log| log.len()) <= LOG {
        return;
    }
    let path = path.to_owned();
    let cut = move || {
        let cut = sqlite::connect(&path).map(|mut c| {
            c.batch_execute("PRAGMA busy_timeout = 2000; PRAGMA wal_checkpoint(TRUNCATE)")
        });
        if let Ok(Err(error)) = cut {
            tracing::warn!(%error, "SQLite's log could not be cut");
        }
    };
    if let Err(error) = std::thread::Builder::new()
        .name("sqlite-log".into())
        .spawn(cut)
    {
        tracing::warn!(%error, "cannot start a thread");
    }
}
