//! What an installation has: a database with every migration, a master key, signing keys. Only `serve`, `dev` and `migrate`
//! make them; every other command finds them, or says where it looked.

use std::{
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use latchkey_jose::{KeyRing, MasterKey};
use latchkey_protocol::{Clock, Store, Timestamp};
use latchkey_storage::{Condition, Database, Options};

use super::{
    healthcheck::{self, Server},
    print::say,
};
use crate::{
    config::Settings,
    runtime::block_on,
    serve::open_store,
    wiring::{SystemClock, master_key_file, open_keys},
};

/// How long a server that listens may take to make what it needs.
const STARTING: Duration = Duration::from_secs(30);
/// How long a server that was started just before may take to listen.
const STARTED: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(100);

/// An installation that is there.
pub struct Installation {
    pub store: Arc<dyn Store>,
    pub master: MasterKey,
    pub ring: KeyRing,
}

/// Opens the installation. While a server is starting, as in `latchkey serve & latchkey user create ...`, it waits.
///
/// # Errors
/// A sentence that names what is missing, by its absolute path, and what to do.
pub async fn open(settings: &Settings, now: Timestamp) -> Result<Installation> {
    let begun = Instant::now();
    let mut told = false;
    loop {
        // Asked first: what a server that is ready has not made is not there.
        let server = healthcheck::server(settings).await;
        let missing = match look(settings, now).await? {
            Found::Installation(found) => return Ok(*found),
            Found::Missing(what) => what,
        };
        let patience = match server {
            Server::Ready => bail!(
                "{missing}, and the server at {} uses another",
                settings.listen
            ),
            Server::Starting => STARTING,
            Server::Silent => STARTED,
        };
        if begun.elapsed() >= patience {
            bail!("{missing}");
        }
        if !told && matches!(server, Server::Starting) {
            eprintln!(
                "latchkey: waiting for the server at {}, which is starting",
                settings.listen
            );
            told = true;
        }
        actix_web::rt::time::sleep(PAUSE).await;
    }
}

enum Found {
    Installation(Box<Installation>),
    Missing(String),
}

async fn look(settings: &Settings, now: Timestamp) -> Result<Found> {
    let options = Options {
        url: settings.database_url.clone(),
        pool: 2,
    };
    let place = place(settings, &options);
    let made = "latchkey serve or latchkey migrate makes one; if you have one elsewhere, go to its folder or name its settings file with --config";
    match options.condition().context("database_url")? {
        Condition::Current => {}
        Condition::Absent => {
            return Ok(Found::Missing(format!(
                "there is no database at {place}: {made}"
            )));
        }
        Condition::Empty => {
            return Ok(Found::Missing(format!(
                "the database {place} is empty: {made}"
            )));
        }
        Condition::Pending(names) => {
            let names = names.join(", ");
            let what = format!(
                "the database {place} lacks {names}: run latchkey migrate, or start latchkey serve"
            );
            return Ok(Found::Missing(what));
        }
    }
    let file = master_key_file(&settings.keys_dir);
    if !file.exists() {
        let file = absolute(&file);
        return Ok(Found::Missing(format!(
            "there is no master key at {file} (setting keys_dir): bring it back from a backup or another node; for a new installation latchkey serve or latchkey migrate makes it"
        )));
    }
    let store: Arc<dyn Store> = Arc::new(Database::open_current(&options).context("database_url")?);
    if store.signing_keys().await?.is_empty() {
        let what = format!(
            "the database {place} has no signing keys yet: run latchkey migrate, or start latchkey serve"
        );
        return Ok(Found::Missing(what));
    }
    // Both are there: nothing is made.
    let (master, ring) = open_keys(&*store, &settings.keys_dir, now).await?;
    Ok(Found::Installation(Box::new(Installation {
        store,
        master,
        ring,
    })))
}

/// `latchkey migrate`: makes database and keys where there are none, and applies what is pending.
///
/// # Errors
/// As `serve`.
pub fn migrate(settings: &Settings, check: bool) -> Result<ExitCode> {
    let options = Options {
        url: settings.database_url.clone(),
        pool: 1,
    };
    let place = place(settings, &options);
    let condition = options.condition().context("database_url")?;
    match (&condition, check) {
        (Condition::Current, true) => say!("the database is up to date"),
        (Condition::Current, false) => {}
        (Condition::Absent, true) => say!("pending: everything; there is no database at {place}"),
        (Condition::Empty, true) => say!("pending: everything; the database {place} is empty"),
        (Condition::Absent | Condition::Empty, false) => say!("making the database {place}"),
        (Condition::Pending(names), _) => {
            for name in names {
                say!("{}{name}", if check { "pending: " } else { "applying: " });
            }
        }
    }
    if check {
        return Ok(if condition == Condition::Current {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(1)
        });
    }
    block_on(async {
        let store = open_store(settings)?;
        open_keys(&*store, &settings.keys_dir, SystemClock.now()).await?;
        say!("the database is up to date");
        Ok(ExitCode::SUCCESS)
    })
}

/// Where the database is: an absolute path, or an address without its password.
fn place(settings: &Settings, options: &Options) -> String {
    options
        .file()
        .map_or_else(|| settings.database_shown(), absolute)
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path)
        .unwrap_or_else(|_| path.to_path_buf())
        .display()
        .to_string()
}
