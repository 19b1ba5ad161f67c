//! SQLite: how its connections are set up, for those that read and the one that writes.

use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use latchkey_protocol::StoreError;

use crate::{
    connection::{AnyConnection, unavailable},
    space,
};

/// How much of a SQLite database readers map into memory, in bytes. A large one is read all over, a page here and a page
/// there: mapped, a page costs no system call and no copy, and the memory is the kernel's page cache, which it takes back
/// when it needs it.
const MAPPED: &str = "PRAGMA mmap_size = 1073741824";
/// The pages that the writer keeps, in KiB. What it changes stands in the log, which is not mapped: each page that it has not is a
/// call and a copy, and the 2 MB that SQLite takes by itself hold 5,000 authorizations.
const CACHED: &str = "PRAGMA cache_size = -8192";
/// How long another process may hold SQLite's write lock.
const BUSY: &str = "PRAGMA busy_timeout = 10000";

pub fn connect(path: &str) -> Result<AnyConnection, StoreError> {
    let mut connection = SqliteConnection::establish(path).map_err(unavailable)?;
    // Only in a new file does auto_vacuum do anything, and only before anything else.
    let pragmas = format!(
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = {}; \
         PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;",
        space::LOG
    );
    connection
        .batch_execute(&format!("{BUSY}; {pragmas}"))
        .map_err(unavailable)?;
    Ok(AnyConnection::Sqlite(connection))
}

pub fn connect_reader(path: &str) -> Result<AnyConnection, StoreError> {
    let mut connection = connect(path)?;
    connection.batch_execute(MAPPED).map_err(unavailable)?;
    Ok(connection)
}

/// Of the one connection that writes.
pub fn prepare_writer(connection: &mut AnyConnection) -> Result<(), StoreError> {
    connection.batch_execute(CACHED).map_err(unavailable)
}
