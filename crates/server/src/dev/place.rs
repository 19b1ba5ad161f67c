//! Where `latchkey dev` keeps its database and keys: in memory, unless a folder is named.

use std::{
    fs::{self, File, TryLockError},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::config::Settings;

/// What the folders are called.
const PREFIX: &str = "latchkey-dev-";
/// The file that whoever uses a folder has locked. The system lets go of the lock however they end.
const LOCK: &str = "in-use";
/// The file that says that a folder was made here: its users are known, and what has the names of a seed is replaced.
const MARK: &str = "made-by-latchkey-dev";
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
            Some(named) => (kept(std::path::absolute(named)?)?, None),
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

/// Whether the database beside which this is was made by `latchkey dev`.
pub fn is_of_dev(database: &Path) -> bool {
    let mark = database.parent().map(|folder| folder.join(MARK));
    mark.is_some_and(|mark| mark.exists())
}

/// A folder that stays.
fn kept(folder: PathBuf) -> Result<PathBuf> {
    let database = folder.join("latchkey.db");
    if database.exists() && !folder.join(MARK).exists() {
        bail!(
            "{} was not made by latchkey dev, which would replace users and clients in it: name another folder, such as an empty one",
            database.display()
        );
    }
    mark(&folder)?;
    Ok(folder)
}

/// Makes a folder for what `serve` does not start on.
///
/// # Errors
/// When it cannot be written to.
pub fn mark(folder: &Path) -> Result<()> {
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder);
    made.and_then(|()| fs::write(folder.join(MARK), ""))
        .with_context(|| format!("cannot write to {}", folder.display()))
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
    fn a_database_of_others_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        let ours = parent.path().join("a/b");
        for _ in 0..2 {
            kept(ours.clone()).unwrap();
            fs::write(ours.join("latchkey.db"), "").unwrap();
            assert!(is_of_dev(&ours.join("latchkey.db")));
        }
        let theirs = parent.path().join("theirs");
        fs::create_dir(&theirs).unwrap();
        fs::write(theirs.join("latchkey.db"), "").unwrap();
        assert!(!is_of_dev(&theirs.join("latchkey.db")));
        let refused = kept(theirs.clone()).unwrap_err().to_string();
        assert!(
            refused.contains("was not made by latchkey dev"),
            "{refused}"
        );
        assert_eq!(fs::read_dir(&theirs).unwrap().count(), 1);
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
