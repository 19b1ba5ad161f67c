//! SQLite's files hold digests of secrets, personal data and sealed keys: they are for the user who runs the server alone.

use std::{
    fs::{DirBuilder, OpenOptions, Permissions},
    io::{Error, ErrorKind, Result},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

/// What stands beside a database. SQLite makes these with the mode of the database itself.
const SUFFIXES: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// Makes the folder (0700) and an empty database (0600) where there are none, and takes everybody else's rights to
/// files that are there. Folders that are there stay as they are.
///
/// # Errors
/// Those of the file system.
pub fn prepare(path: &str) -> Result<()> {
    if path.starts_with("file:") {
        // A URI that only SQLite can read; the program's umask serves.
        return Ok(());
    }
    let database = Path::new(path);
    if let Some(folder) = database
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| named(folder, &error))?;
    }
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(database)
    {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(named(database, &error)),
    }
    for suffix in SUFFIXES {
        restrict(&format!("{path}{suffix}"));
    }
    Ok(())
}

fn restrict(file: &str) {
    let Ok(metadata) = std::fs::metadata(file) else {
        return;
    };
    if metadata.permissions().mode() & 0o077 == 0 {
        return;
    }
    if let Err(error) = std::fs::set_permissions(file, Permissions::from_mode(0o600)) {
        tracing::warn!(file, %error, "others can read this file, and its mode cannot be changed: run chmod 600 on it");
    }
}

fn named(path: &Path, error: &Error) -> Error {
    Error::new(error.kind(), format!("{}: {error}", path.display()))
}
