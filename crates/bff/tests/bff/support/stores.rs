//! Each store there is.

use std::sync::Arc;

use latchkey_bff::store::{MemoryStore, SessionStore, SqlStore};

use super::postgres::Scratch;

/// Runs a test on each store. Without a PostgreSQL that part is skipped, aloud.
pub fn on_each_store<F: Future<Output = ()>>(test: impl Fn(Arc<dyn SessionStore>) -> F) {
    let run = |name: &str, store: Arc<dyn SessionStore>| {
        eprintln!("on {name}");
        actix_web::rt::System::new().block_on(test(store));
    };
    run("memory", Arc::new(MemoryStore::default()));
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/bff.db", folder.path().display());
    run("SQLite", Arc::new(SqlStore::open(&url).unwrap()));
    if let Some(scratch) = Scratch::new() {
        run(
            "PostgreSQL",
            Arc::new(SqlStore::open(&scratch.url).unwrap()),
        );
    }
}
