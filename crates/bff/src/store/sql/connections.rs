//! Connections, and the one place that blocks: SQLite's reads run where they are asked, all else on threads.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use diesel::{
    Connection, MultiConnection, PgConnection, SqliteConnection, connection::SimpleConnection,
    result::Error,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::sync::Semaphore;

use crate::store::StoreError;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
/// Any fixed number: instances that start together migrate one after the other.
const LOCK: i64 = 0x6c61_7463_6862_6666;
/// The most connections to PostgreSQL.
const POOL: usize = 4;
/// How long a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long PostgreSQL may take for a connection, and for a statement.
const POSTGRES_LIMITS: &str = "SET statement_timeout = 5000; SET lock_timeout = 5000";
/// Without them a server that was switched off, or is behind a broken network, holds its connection for a quarter of an hour.
const NETWORK_LIMITS: [(&str, &str); 5] = [
    ("connect_timeout", "3"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "5000"),
];
const SQLITE_SET_UP: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; \
     PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;";

#[derive(MultiConnection)]
pub enum AnyConnection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Connections that wait for work.
#[derive(Clone)]
pub struct Connections(Arc<Shared>);

struct Shared {
    url: String,
    path: Option<String>,
    idle: Mutex<Vec<AnyConnection>>,
    readers: Mutex<Vec<AnyConnection>>,
    seats: Semaphore,
}

impl Connections {
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let path = url
            .strip_prefix("sqlite://")
            .or_else(|| url.strip_prefix("sqlite:"));
        let seats = if path.is_some() { 1 } else { POOL };
        let shared = Shared {
            url: url.to_owned(),
            path: path.map(str::to_owned),
            idle: Mutex::default(),
            readers: Mutex::default(),
            seats: Semaphore::new(seats),
        };
        if let Some(path) = path {
            private(path)?;
        }
        let mut connection = shared.connect()?;
        migrate(&mut connection)?;
        shared.keep(&shared.idle, connection);
        Ok(Self(Arc::new(shared)))
    }

    /// Work that only reads.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        if self.0.path.is_some() {
            // Microseconds: another thread would cost more than the work.
            return self.0.run(&self.0.readers, work);
        }
        self.write(work).await
    }

    /// Work of any kind.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = self.0.clone();
        // The permit goes along: whoever stops waiting frees no seat before the work is over.
        let done = async {
            let seat = tokio::time::timeout(PATIENCE, self.0.seats.acquire()).await;
            let Ok(Ok(seat)) = seat else {
                return Err(StoreError::new("no connection was free for 5 s"));
            };
            seat.forget();
            let work = tokio::task::spawn_blocking(move || {
                let _seat = Seat(&shared.seats);
                shared.run(&shared.idle, work)
            });
            work.await.map_err(StoreError::new)?
        };
        done.await
    }
}

/// Gives its place back.
struct Seat<'a>(&'a Semaphore);

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

impl Shared {
    fn run<T>(
        &self,
        idle: &Mutex<Vec<AnyConnection>>,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        let waiting = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match waiting {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let done = work(&mut connection);
        match done {
            Ok(value) => {
                self.keep(idle, connection);
                Ok(value)
            }
            // Whatever is wrong with it, the next ones are new: the others have lost the database too, if it was that.
            Err(error) => {
                idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
                Err(StoreError::new(error))
            }
        }
    }

    fn keep(&self, idle: &Mutex<Vec<AnyConnection>>, connection: AnyConnection) {
        let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(connection);
    }

    fn connect(&self) -> Result<AnyConnection, StoreError> {
        if let Some(path) = &self.path {
            let mut connection = SqliteConnection::establish(path).map_err(StoreError::new)?;
            connection
                .batch_execute(SQLITE_SET_UP)
                .map_err(StoreError::new)?;
            return Ok(AnyConnection::Sqlite(connection));
        }
        let limited = limited(&self.url);
        let mut connection = PgConnection::establish(&limited).map_err(StoreError::new)?;
        connection
            .batch_execute(POSTGRES_LIMITS)
            .map_err(StoreError::new)?;
        Ok(AnyConnection::Postgres(connection))
    }
}

/// With libpq's own limits, unless the address sets them.
fn limited(url: &str) -> String {
    // A password may have a question mark in it, and ends with the last `@`.
    let place = url.rsplit_once('@').map_or(url, |(_, place)| place);
    let given = place.split_once('?').map(|(_, given)| given);
    let is_given = |name: &str| {
        let mut names = given.unwrap_or_default().split('&');
        names.any(|one| one.split('=').next() == Some(name))
    };
    let (mut limited, mut joint) = (url.to_owned(), if given.is_some() { '&' } else { '?' });
    for (name, value) in NETWORK_LIMITS {
        if !is_given(name) {
            limited += &format!("{joint}{name}={value}");
            joint = '&';
        }
    }
    limited
}

fn migrate(connection: &mut AnyConnection) -> Result<(), StoreError> {
    match connection {
        AnyConnection::Sqlite(c) => c.run_pending_migrations(SQLITE).map(drop),
        AnyConnection::Postgres(c) => {
            c.batch_execute(&format!("SELECT pg_advisory_lock({LOCK})"))
                .map_err(StoreError::new)?;
            let migrated = c.run_pending_migrations(POSTGRES).map(drop);
            c.batch_execute(&format!("SELECT pg_advisory_unlock({LOCK})"))
                .map_err(StoreError::new)?;
            migrated
        }
    }
    .map_err(StoreError::new)
}

/// The file is for the user who runs the program alone. SQLite makes what stands beside it with the same mode.
fn private(path: &str) -> Result<(), StoreError> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    if path.is_empty() || path.starts_with(":memory:") {
        return Err(StoreError::new("SQLite needs a file: sqlite://PATH"));
    }
    let named = |error: std::io::Error| StoreError::new(format!("{path}: {error}"));
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(named)
        }
        Err(error) => Err(named(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_cut_off_is_noticed_within_seconds() {
        let all = "connect_timeout=3&keepalives_idle=10&keepalives_interval=5&keepalives_count=3&tcp_user_timeout=5000";
        for (url, expected) in [
            ("postgres://h/db", format!("postgres://h/db?{all}")),
            ("postgres://u:a?b@h/db", format!("postgres://u:a?b@h/db?{all}")),
            ("postgres://h/connect_timeout?sslmode=require", format!("postgres://h/connect_timeout?sslmode=require&{all}")),
            (
                "postgres://h/db?connect_timeout=9&tcp_user_timeout=1",
                "postgres://h/db?connect_timeout=9&tcp_user_timeout=1&keepalives_idle=10&keepalives_interval=5&keepalives_count=3".to_owned(),
            ),
        ] {
            assert_eq!(limited(url), expected);
        }
    }
}
