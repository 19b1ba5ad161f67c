//! Where `latchkey dev` keeps its database and keys: in memory, unless a folder is named.

use std::{
    fs::{self, File, TryLockError},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::config::Settings;

/// What the folders are called.
const PREFIX: &str = "latchkey-dev-";
/// The file that whoever uses a folder has locked. The system lets go of the lock however they end.
const LOCK: &str = "in-use";
/// Files here are in memory, on Linux.
const MEMORY: &str = "/dev/shm";

/// A folder that is gone with this, unless it was named. SQLite needs a file: in memory it has a database for each connection.
pub struct Place {
    _temporary: Option<(TempDir, File)>,
}

impl Place {
    /// Puts database and keys into the `named` folder, or one in memory.
    ///
    /// # Errors
    /// When there is no place for it.
    pub fn take(settings: &mut Settings, named: Option<PathBuf>) -> Result<Self> {
        let (folder, temporary) = match named {
            // As a program elsewhere names it, too.
            Some(named) => (std::path::absolute(named)?, None),
            None => {
                let (folder, lock) = temporary().context("cannot make a temporary folder")?;
                (folder.path().to_path_buf(), Some((folder, lock)))
            }
        };
        settings.database_url = format!("sqlite://{}/latchkey.db", folder.display());
        settings.keys_dir = folder.join("keys");
        Ok(Self {
            _temporary: temporary,
        })
    }
}

/// In memory where that can be, else where temporary files are.
fn temporary() -> std::io::Result<(TempDir, File)> {
    let on_disk = std::env::temp_dir();
    let memory = Path::new(MEMORY);
    remove_left(memory);
    remove_left(&on_disk);
    folder_in(memory).or_else(|_| folder_in(&on_disk))
}

fn folder_in(parent: &Path) -> std::io::Result<(TempDir, File)> {
    let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
    // It is called so only once it is locked: a folder without the file is not looked into.
    let new = folder.path().join("new");
    let lock = File::create_new(&new)?;
    lock.lock()?;
    fs::rename(new, folder.path().join(LOCK))?;
    Ok((folder, lock))
}

/// Removes folders of this user whose program was killed. What cannot be removed stays: nothing depends on it.
fn remove_left(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && entry.metadata().is_ok_and(|found| {
                found.is_dir() && found.uid() == rustix::process::geteuid().as_raw()
            });
        if is_ours && is_left(&entry.path()) {
            let _removed = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether nobody uses the folder.
fn is_left(folder: &Path) -> bool {
    let Ok(lock) = File::open(folder.join(LOCK)) else {
        return false;
    };
    match lock.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_killed_program_left_is_removed_and_what_is_in_use_stays() {
        let parent = tempfile::tempdir().unwrap();
        let (used, _lock) = folder_in(parent.path()).unwrap();
        let (left, lock) = folder_in(parent.path()).unwrap();
        let left = left.keep();
        drop(lock);
        let unlocked = parent.path().join(format!("{PREFIX}begun"));
        let other = parent.path().join("other");
        for folder in [&unlocked, &other] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(other.join(LOCK), "").unwrap();
        remove_left(parent.path());
        assert!(!left.exists(), "nobody uses it");
        assert!(used.path().exists() && unlocked.exists() && other.exists());
    }

    #[test]
    fn a_place_is_gone_with_what_was_made_in_it() {
        let mut settings = Settings::default();
        let place = Place::take(&mut settings, None).unwrap();
        let keys = settings.keys_dir.clone();
        assert!(keys.parent().unwrap().is_dir());
        drop(place);
        assert!(!keys.parent().unwrap().exists());
    }
}
