//! Sessions in SQLite or PostgreSQL, in a database of their own.

mod connections;
mod rows;

use async_trait::async_trait;
use latchkey_protocol::Timestamp;

use super::{Begun, Key, Name, NamedEnd, NamedEnded, NewRow, Row, SessionStore, StoreError};
use connections::Connections;

/// Keeps sessions in SQLite (one host) or PostgreSQL (as many instances as you like). Cheap to clone.
#[derive(Clone)]
pub struct SqlStore(Connections);

impl SqlStore {
    /// Connects to `sqlite://PATH` or `postgres://...`, and makes the tables where there are none.
    ///
    /// # Errors
    /// [`StoreError`]: it cannot be reached, or a migration fails.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        Ok(Self(Connections::open(url)?))
    }
}

#[async_trait]
impl SessionStore for SqlStore {
    async fn begin(
        &self,
        key: &Key,
        row: &NewRow,
        most: usize,
        now: Timestamp,
    ) -> Result<Begun, StoreError> {
        let (key, row) = (*key, row.clone());
        self.0
            .write(move |c| rows::begin(c, &key, &row, most, now))
            .await
    }

    async fn find(&self, key: &Key, now: Timestamp) -> Result<Option<Row>, StoreError> {
        let key = *key;
        self.0.read(move |c| rows::find(c, &key, now)).await
    }

    async fn replace(
        &self,
        key: &Key,
        version: i64,
        sealed: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (key, sealed) = (*key, sealed.to_owned());
        self.0
            .write(move |c| rows::replace(c, &key, version, &sealed, expires_at, now))
            .await
    }

    async fn extend(
        &self,
        key: &Key,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let key = *key;
        self.0
            .write(move |c| rows::extend(c, &key, expires_at, now))
            .await
    }

    async fn lease(
        &self,
        key: &Key,
        version: i64,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let (key, owner) = (*key, owner.to_owned());
        self.0
            .write(move |c| rows::lease(c, &key, version, &owner, now, until))
            .await
    }

    async fn release(&self, key: &Key, owner: &str) -> Result<(), StoreError> {
        let (key, owner) = (*key, owner.to_owned());
        self.0.write(move |c| rows::release(c, &key, &owner)).await
    }

    async fn end(&self, key: &Key) -> Result<Option<String>, StoreError> {
        let key = *key;
        self.0.write(move |c| rows::end(c, &key)).await
    }

    async fn end_version(&self, key: &Key, version: i64) -> Result<bool, StoreError> {
        let key = *key;
        self.0
            .write(move |c| rows::end_version(c, &key, version))
            .await
    }

    async fn end_named(&self, end: &NamedEnd) -> Result<NamedEnded, StoreError> {
        let end = end.clone();
        self.0.write(move |c| rows::end_named(c, &end)).await
    }

    async fn spend(&self, sign_in: &Name, until: Timestamp) -> Result<bool, StoreError> {
        let sign_in = *sign_in;
        self.0.write(move |c| rows::spend(c, &sign_in, until)).await
    }

    async fn unspend(&self, sign_in: &Name) -> Result<(), StoreError> {
        let sign_in = *sign_in;
        self.0.write(move |c| rows::unspend(c, &sign_in)).await
    }

    async fn is_spent(&self, sign_in: &Name) -> Result<bool, StoreError> {
        let sign_in = *sign_in;
        self.0.read(move |c| rows::is_spent(c, &sign_in)).await
    }

    async fn sweep(&self, now: Timestamp, most: i64) -> Result<usize, StoreError> {
        self.0.write(move |c| rows::sweep(c, now, most)).await
    }

    async fn ready(&self) -> Result<Option<&'static str>, StoreError> {
        self.0.write(rows::ready).await?;
        Ok(None)
    }
}
