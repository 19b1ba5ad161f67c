//! A store that fails when it is told to.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use latchkey_bff::store::{
    Begun, Key, MemoryStore, Name, NamedEnd, NamedEnded, NewRow, Row, SessionStore, StoreError,
};
use latchkey_protocol::Timestamp;

/// On a store in memory.
#[derive(Default)]
pub struct Flaky {
    inner: MemoryStore,
    fails: AtomicBool,
    before_end: Mutex<Option<(Key, i64, String)>>,
}

impl Flaky {
    pub fn fails(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// Just before the next session is ended at its version, another instance has renewed it so.
    pub fn renews_before_end(&self, key: Key, version: i64, sealed: String) {
        *self.before_end.lock().unwrap() = Some((key, version, sealed));
    }

    fn up(&self) -> Result<&MemoryStore, StoreError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::new("it is away"));
        }
        Ok(&self.inner)
    }

    pub fn new() -> Arc<Self> {
        Arc::default()
    }
}

#[async_trait]
impl SessionStore for Flaky {
    async fn begin(
        &self,
        key: &Key,
        row: &NewRow,
        most: usize,
        now: Timestamp,
    ) -> Result<Begun, StoreError> {
        self.up()?.begin(key, row, most, now).await
    }
    async fn find(&self, key: &Key, now: Timestamp) -> Result<Option<Row>, StoreError> {
        self.up()?.find(key, now).await
    }
    async fn replace(
        &self,
        key: &Key,
        version: i64,
        sealed: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let store = self.up()?;
        store.replace(key, version, sealed, expires_at, now).await
    }
    async fn extend(
        &self,
        key: &Key,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.up()?.extend(key, expires_at, now).await
    }
    async fn lease(
        &self,
        key: &Key,
        version: i64,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        self.up()?.lease(key, version, owner, now, until).await
    }
    async fn release(&self, key: &Key, owner: &str) -> Result<(), StoreError> {
        self.up()?.release(key, owner).await
    }
    async fn end(&self, key: &Key) -> Result<Option<String>, StoreError> {
        self.up()?.end(key).await
    }
    async fn end_version(&self, key: &Key, version: i64) -> Result<bool, StoreError> {
        let store = self.up()?;
        let meanwhile = self.before_end.lock().unwrap().take();
        if let Some((key, version, sealed)) = meanwhile {
            let at = Timestamp::from_seconds(super::BEGIN);
            store.replace(&key, version, &sealed, at, at).await?;
        }
        store.end_version(key, version).await
    }
    async fn end_named(&self, end: &NamedEnd) -> Result<NamedEnded, StoreError> {
        self.up()?.end_named(end).await
    }
    async fn spend(&self, sign_in: &Name, until: Timestamp) -> Result<bool, StoreError> {
        self.up()?.spend(sign_in, until).await
    }
    async fn unspend(&self, sign_in: &Name) -> Result<(), StoreError> {
        self.up()?.unspend(sign_in).await
    }
    async fn is_spent(&self, sign_in: &Name) -> Result<bool, StoreError> {
        self.up()?.is_spent(sign_in).await
    }
    async fn sweep(&self, now: Timestamp, most: i64) -> Result<usize, StoreError> {
        self.up()?.sweep(now, most).await
    }
    async fn ready(&self) -> Result<Option<&'static str>, StoreError> {
        self.up()?.ready().await
    }
}
