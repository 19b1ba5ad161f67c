//! Each store there is.

use std::sync::Arc;

use latchkey_bff::store::{MemoryStore, RedisStore, SessionStore, SqlStore};

use super::{postgres::Scratch, redis::Redis};

fn run<F: Future<Output = ()>>(
    name: &str,
    store: Arc<dyn SessionStore>,
    test: &impl Fn(Arc<dyn SessionStore>) -> F,
) {
    eprintln!("on {name}");
    actix_web::rt::System::new().block_on(test(store));
}

/// Runs a test on each store. Without a PostgreSQL or Redis that part is skipped, aloud.
pub fn on_each_store<F: Future<Output = ()>>(test: impl Fn(Arc<dyn SessionStore>) -> F) {
    on_stores_that_sweep(&test);
    if let Some(redis) = Redis::start() {
        run(
            "Redis",
            Arc::new(RedisStore::open(&redis.url).unwrap()),
            &test,
        );
    }
}

/// Those in which nothing expires by itself.
pub fn on_stores_that_sweep<F: Future<Output = ()>>(test: impl Fn(Arc<dyn SessionStore>) -> F) {
    run("memory", Arc::new(MemoryStore::default()), &test);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/bff.db", folder.path().display());
    run("SQLite", Arc::new(SqlStore::open(&url).unwrap()), &test);
    on_postgres(test);
}

/// The one that hosts with clocks of their own share, and that has one itself.
pub fn on_postgres<F: Future<Output = ()>>(test: impl Fn(Arc<dyn SessionStore>) -> F) {
    if let Some(scratch) = Scratch::new() {
        let store = Arc::new(SqlStore::open(&scratch.url).unwrap());
        run("PostgreSQL", store, &test);
    }
}
