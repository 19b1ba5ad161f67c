//! The one place that blocks.
//!
//! SQLite: reads run where they are asked, in microseconds, on a connection of their own; writes go to one thread
//! that puts all that is waiting into one durable commit. PostgreSQL: what each request looks up and commits is asked in
//! groups (`group.rs`); other reads and writes go to a pool of threads. Each has a connection of its own (`lanes.rs`).

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, atomic::AtomicI64},
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use diesel::{
    Connection, MultiConnection, PgConnection, SqliteConnection, connection::SimpleConnection,
};
use latchkey_protocol::{StoreError, audit::AuditEntry, client::Client, time::Timestamp};

use crate::{
    audit::{self, Effect},
    crew::Crew,
    error::RowError,
    files,
    lanes::{Lanes, Work},
    migrate,
    postgres::{self, Link},
    questions::Groups,
    sqlite,
    task::{AT_MOST, Kind, Task, VerbTask},
};

#[derive(MultiConnection)]
pub enum AnyConnection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Runs one query text on whichever connection it is. Each arm has its own static type, which is how diesel finds the
/// prepared statement without writing the SQL again.
///
/// A single row is asked for with `get_result`, never `first`: that binds a LIMIT, and SQLite plans a statement anew
/// whenever a bound LIMIT is bound again.
macro_rules! on {
    ($c:ident => $query:expr) => {
        match $c {
            crate::connection::AnyConnection::Sqlite($c) => $query,
            crate::connection::AnyConnection::Postgres($c) => $query,
        }
    };
}
pub(crate) use on;

/// How to reach a database.
#[derive(Debug, Clone)]
pub struct Options {
    /// `sqlite://PATH` or `postgres://...`.
    pub url: String,
    /// The most connections to PostgreSQL, at least one. Of two or more, groups have one to three to themselves; the others
    /// are made when there is work for them, and closed when there has been none for a while.
    pub pool: usize,
}

/// How many operations may wait; beyond that callers hear [`StoreError::Busy`] at once.
pub const WAITING: usize = 10_000;
/// The most operations in one SQLite commit.
const GROUP: usize = 512;
enum Backend {
    Sqlite {
        path: String,
        readers: Mutex<Vec<AnyConnection>>,
        writer: Sender<Box<dyn Task>>,
    },
    Postgres {
        groups: Box<Groups>,
        tasks: Arc<Crew>,
    },
}

/// A [`latchkey_protocol::Store`] on SQLite or PostgreSQL. Cheap to share behind an `Arc`.
#[derive(Clone)]
pub struct Database {
    backend: Arc<Backend>,
    /// Clients are read with every request and change rarely; a second's age is allowed.
    pub(crate) clients: moka::sync::Cache<String, Arc<Client>>,
    /// About how much is kept of unfinished sign-ins: counted by the last sweep, and begun here since.
    pub(crate) begun: Arc<AtomicI64>,
    /// About how many jobs there are: counted as above.
    pub(crate) queued: Arc<AtomicI64>,
    pub(crate) job_added: Arc<tokio::sync::Notify>,
    pub(crate) delivery_added: Arc<tokio::sync::Notify>,
    /// What the next verb records.
    pub(crate) entry: Option<Arc<AuditEntry>>,
    /// Networks that may begin no more sign-ins, and the second in which that was found.
    pub(crate) full_networks: moka::sync::Cache<[u8; 32], Timestamp>,
}

pub fn unavailable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(error.to_string().trim().replace('\n', " "))
}

impl Options {
    fn sqlite_path(&self) -> Option<&str> {
        self.url
            .strip_prefix("sqlite://")
            .or_else(|| self.url.strip_prefix("sqlite:"))
    }

    /// The file of a SQLite database.
    pub fn file(&self) -> Option<&std::path::Path> {
        self.sqlite_path().map(std::path::Path::new)
    }

    /// One plain connection, for migrations.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub fn connect(&self) -> Result<AnyConnection, StoreError> {
        match self.sqlite_path() {
            Some("" | ":memory:") => Err(StoreError::Unavailable(
                "SQLite needs a file: sqlite://PATH".into(),
            )),
            Some(path) => {
                files::prepare(path).map_err(unavailable)?;
                sqlite::connect(path)
            }
            None if self.url.starts_with("postgres://")
                || self.url.starts_with("postgresql://") =>
            {
                postgres::connect(&self.url)
            }
            None => Err(StoreError::Unavailable(
                "database_url starts with sqlite:// or postgres://".into(),
            )),
        }
    }

    /// Runs statements as they stand, on a connection of its own: repairs, and tests of what repairs are for.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Failed`].
    pub fn script(&self, statements: &str) -> Result<(), StoreError> {
        self.connect()?
            .batch_execute(statements)
            .map_err(|error| StoreError::Failed(error.to_string()))
    }
}

impl Database {
    /// Connects, applies migrations, and starts the threads that block.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database cannot be reached, [`StoreError::Failed`] when a migration fails.
    pub fn open(options: &Options) -> Result<Self, StoreError> {
        let mut connection = options.connect()?;
        migrate::apply(&mut connection)?;
        Self::open_migrated(options, connection)
    }

    /// As [`Database::open`], without migrating.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub fn open_current(options: &Options) -> Result<Self, StoreError> {
        Self::open_migrated(options, options.connect()?)
    }

    /// As [`Database::open`], with an own connection and without migrating.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub fn open_migrated(
        options: &Options,
        mut connection: AnyConnection,
    ) -> Result<Self, StoreError> {
        let backend = match options.sqlite_path() {
            Some(path) => {
                sqlite::prepare_writer(&mut connection)?;
                let (writer, queue) = bounded(WAITING);
                std::thread::Builder::new()
                    .name("sqlite-writer".into())
                    .spawn(move || write_in_groups(connection, &queue))
                    .map_err(unavailable)?;
                Backend::Sqlite {
                    path: path.to_owned(),
                    readers: Mutex::default(),
                    writer,
                }
            }
            None => {
                let link = Arc::new(Link::new(&options.url));
                let lanes = Lanes::start(&link, options.pool, connection)?;
                Backend::Postgres {
                    groups: Box::new(Groups::on(&lanes)),
                    tasks: lanes.tasks,
                }
            }
        };
        let clients = moka::sync::Cache::builder()
            .max_capacity(10_000)
            .time_to_live(Duration::from_millis(800))
            .build();
        let full_networks = moka::sync::Cache::new(10_000);
        Ok(Self {
            backend: Arc::new(backend),
            clients,
            begun: Arc::default(),
            queued: Arc::default(),
            job_added: Arc::default(),
            delivery_added: Arc::default(),
            entry: None,
            full_networks,
        })
    }

    /// The file, where it is SQLite.
    pub(crate) fn sqlite_path(&self) -> Option<&str> {
        match &*self.backend {
            Backend::Sqlite { path, .. } => Some(path),
            Backend::Postgres { .. } => None,
        }
    }

    /// Where it is PostgreSQL: what is asked together there.
    pub(crate) fn groups(&self) -> Option<&Groups> {
        match &*self.backend {
            Backend::Sqlite { .. } => None,
            Backend::Postgres { groups, .. } => Some(groups),
        }
    }

    /// Runs a read that needs no transaction.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&mut AnyConnection) -> Result<T, RowError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let Backend::Sqlite { path, readers, .. } = &*self.backend else {
            return self.send(Kind::Read, work).await;
        };
        let idle = readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => sqlite::connect_reader(path)?,
        };
        let result = work(&mut connection);
        readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
        result.map_err(StoreError::from)
    }

    /// Runs one statement that writes.
    pub(crate) async fn write_one<T: Send + 'static>(
        &self,
        work: impl Fn(&mut AnyConnection) -> Result<T, RowError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.send(Kind::Statement, work).await
    }

    /// Runs several statements as one. The first must write: on SQLite a lock is already held, on PostgreSQL
    /// it takes the row.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut AnyConnection) -> Result<T, RowError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.send(Kind::Transaction, work).await
    }

    /// Runs a verb as [`Database::write`] does, and writes the entry about it in the same transaction, if it did what it was
    /// called for.
    pub(crate) async fn write_recorded<T: Effect + Send + 'static>(
        &self,
        work: impl Fn(&mut AnyConnection) -> Result<T, RowError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let entry = self.entry.clone();
        self.write(move |c| {
            let result = work(c)?;
            if let Some(entry) = entry.as_ref().filter(|_| result.happened()) {
                audit::add(c, entry)?;
            }
            Ok(result)
        })
        .await
    }

    async fn send<T: Send + 'static>(
        &self,
        kind: Kind,
        work: impl Fn(&mut AnyConnection) -> Result<T, RowError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (task, answered) = VerbTask::new(kind, work, self.delivery_added.clone());
        let task: Box<dyn Task> = Box::new(task);
        let ended = || StoreError::Unavailable("the database thread has ended".into());
        let answer = match &*self.backend {
            Backend::Sqlite { writer, .. } => {
                writer.try_send(task).map_err(|error| match error {
                    TrySendError::Full(_) => StoreError::Busy,
                    TrySendError::Disconnected(_) => ended(),
                })?;
                answered.await
            }
            Backend::Postgres { tasks, .. } => {
                // Groups, which are never refused here, may share the queue.
                if tasks.waiting() >= WAITING {
                    return Err(StoreError::Busy);
                }
                tasks.send(Work::Task(task));
                // A server that has stopped in the middle of a statement answers nobody.
                tokio::time::timeout(AT_MOST, answered)
                    .await
                    .map_err(|_| StoreError::Unavailable("it does not answer in time".into()))?
            }
        };
        answer.map_err(|_| StoreError::Failed("the database thread dropped the work".into()))?
    }
}

/// Puts whatever is waiting into one commit: many durable writes for one flush to disk.
fn write_in_groups(mut connection: AnyConnection, queue: &Receiver<Box<dyn Task>>) {
    while let Ok(first) = queue.recv() {
        if let Err(error) = connection.batch_execute("BEGIN IMMEDIATE") {
            // Another process has held the lock too long, or the disk fails: the caller's work never began.
            tracing::error!(%error, "cannot begin a SQLite transaction");
            first.refuse(RowError::from(error).into());
            continue;
        }
        let mut done = Vec::with_capacity(16);
        let mut next = Some(first);
        while let Some(mut task) = next {
            match catch_unwind(AssertUnwindSafe(|| task.run(&mut connection))) {
                Ok(_) => done.push(task),
                // Of a verb that did not come to its end nothing may stay; a single statement has no savepoint.
                Err(_) => drop(connection.batch_execute("ROLLBACK TO verb; RELEASE verb")),
            }
            next = if done.len() < GROUP {
                queue.try_recv().ok()
            } else {
                None
            };
        }
        let committed = connection.batch_execute("COMMIT").map_err(|error| {
            tracing::error!(%error, "a SQLite commit failed");
            // Nothing may be left open; if this fails there was nothing.
            let _nothing_open = connection.batch_execute("ROLLBACK");
            error.to_string()
        });
        for task in done {
            task.tell(committed.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use diesel::{RunQueryDsl, dsl::sql, sql_types::BigInt};

    use super::*;

    #[test]
    fn readers_map_the_database_and_the_writer_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/db", folder.path().display());
        let database = Database::open(&Options { url, pool: 1 }).unwrap();
        let mapped = |c: &mut AnyConnection| {
            Ok(on!(c => sql::<BigInt>("PRAGMA mmap_size").get_result::<i64>(c))?)
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        assert_eq!(runtime.block_on(database.read(mapped)).unwrap(), 1 << 30);
        assert_eq!(runtime.block_on(database.write_one(mapped)).unwrap(), 0);
    }
}
