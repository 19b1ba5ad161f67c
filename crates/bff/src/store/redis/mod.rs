//! Sessions in Redis. Each verb is one script; what has expired Redis deletes by itself.

mod link;
mod scripts;

use async_trait::async_trait;
use latchkey_protocol::Timestamp;
use redis::{Client, FromRedisValue, Script};

use super::{
    Begun, ENDS_REMEMBERED, Key, Name, NamedEnd, NamedEnded, NewRow, Row, SessionStore, StoreError,
};
use link::Link;
use scripts::Scripts;

/// Keeps sessions in Redis, which any number of instances may share. It must not evict them: `maxmemory-policy noeviction`.
pub struct RedisStore {
    link: Link,
    scripts: Scripts,
}

impl RedisStore {
    /// At `redis://[:PASSWORD@]HOST[:PORT][/DATABASE]`. It is called with the first verb.
    ///
    /// # Errors
    /// [`StoreError`]: this is no such address.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let client = Client::open(url).map_err(StoreError::new)?;
        Ok(Self {
            link: Link::new(client),
            scripts: Scripts::default(),
        })
    }

    async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[String],
        arguments: &[String],
    ) -> Result<T, StoreError> {
        let mut up = self.link.up().await?;
        let mut call = script.prepare_invoke();
        for key in keys {
            call.key(key);
        }
        for argument in arguments {
            call.arg(argument);
        }
        let done = call.invoke_async(&mut up.connection).await;
        done.map_err(|error| {
            self.link.failed(&up, &error);
            StoreError::new(error)
        })
    }
}

fn session(key: &Key) -> String {
    format!("bff:s:{}", key.to_hex())
}

fn named(kind: char, name: &Name) -> String {
    format!("bff:{kind}:{}", name.to_hex())
}

fn seconds(at: Timestamp) -> String {
    at.as_seconds().to_string()
}

#[async_trait]
impl SessionStore for RedisStore {
    async fn begin(
        &self,
        key: &Key,
        row: &NewRow,
        most: usize,
        now: Timestamp,
    ) -> Result<Begun, StoreError> {
        let mut keys = vec![
            session(key),
            named('l', &row.subject),
            named('e', &row.subject),
        ];
        if let Some(sid) = &row.sid {
            keys.extend([named('l', sid), named('e', sid)]);
        }
        let arguments = [
            row.sealed.clone(),
            seconds(row.expires_at),
            seconds(row.issued_at),
            seconds(now),
            most.max(1).to_string(),
        ];
        let begun: i64 = self.run(&self.scripts.begin, &keys, &arguments).await?;
        Ok(if begun == 1 {
            Begun::Done
        } else {
            Begun::HasEnded
        })
    }

    async fn find(&self, key: &Key, now: Timestamp) -> Result<Option<Row>, StoreError> {
        let (keys, arguments) = ([session(key)], [seconds(now)]);
        let found = self.run(&self.scripts.find, &keys, &arguments);
        let found: Option<(String, i64, i64)> = found.await?;
        Ok(found.map(|(sealed, version, until)| Row {
            sealed,
            version,
            expires_at: Timestamp::from_seconds(until),
        }))
    }

    async fn replace(
        &self,
        key: &Key,
        version: i64,
        sealed: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let arguments = [
            version.to_string(),
            sealed.to_owned(),
            seconds(expires_at),
            seconds(now),
        ];
        let keys = [session(key)];
        let done = self.run(&self.scripts.replace, &keys, &arguments);
        let done: i64 = done.await?;
        Ok(done == 1)
    }

    async fn extend(
        &self,
        key: &Key,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let arguments = [seconds(expires_at), seconds(now)];
        let keys = [session(key)];
        let done = self.run(&self.scripts.extend, &keys, &arguments);
        let _done: i64 = done.await?;
        Ok(())
    }

    async fn lease(
        &self,
        key: &Key,
        version: i64,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let arguments = [
            version.to_string(),
            owner.to_owned(),
            seconds(now),
            seconds(until),
        ];
        let keys = [session(key)];
        let done = self.run(&self.scripts.lease, &keys, &arguments);
        let done: i64 = done.await?;
        Ok(done == 1)
    }

    async fn release(&self, key: &Key, owner: &str) -> Result<(), StoreError> {
        let (keys, arguments) = ([session(key)], [owner.to_owned()]);
        let done = self.run(&self.scripts.release, &keys, &arguments);
        let _done: i64 = done.await?;
        Ok(())
    }

    async fn end(&self, key: &Key) -> Result<Option<String>, StoreError> {
        self.run(&self.scripts.end, &[session(key)], &[]).await
    }

    async fn end_version(&self, key: &Key, version: i64) -> Result<bool, StoreError> {
        let (keys, arguments) = ([session(key)], [version.to_string()]);
        let done = self.run(&self.scripts.end_version, &keys, &arguments);
        let done: i64 = done.await?;
        Ok(done == 1)
    }

    async fn end_named(&self, end: &NamedEnd) -> Result<NamedEnded, StoreError> {
        let keys = [
            named('l', &end.name),
            named('e', &end.name),
            named('j', &end.jti),
        ];
        let arguments = [
            seconds(end.at),
            seconds(end.at + ENDS_REMEMBERED),
            seconds(end.jti_until),
        ];
        let ended: i64 = self.run(&self.scripts.end_named, &keys, &arguments).await?;
        Ok(usize::try_from(ended).map_or(NamedEnded::Again, NamedEnded::Sessions))
    }

    async fn spend(&self, sign_in: &Name, until: Timestamp) -> Result<bool, StoreError> {
        let (keys, arguments) = ([named('i', sign_in)], [seconds(until)]);
        let done: i64 = self.run(&self.scripts.spend, &keys, &arguments).await?;
        Ok(done == 1)
    }

    async fn unspend(&self, sign_in: &Name) -> Result<(), StoreError> {
        let keys = [named('i', sign_in)];
        let _done: i64 = self.run(&self.scripts.unspend, &keys, &[]).await?;
        Ok(())
    }

    async fn is_spent(&self, sign_in: &Name) -> Result<bool, StoreError> {
        let keys = [named('i', sign_in)];
        let done: i64 = self.run(&self.scripts.is_spent, &keys, &[]).await?;
        Ok(done == 1)
    }

    /// Redis does it by itself.
    async fn sweep(&self, _now: Timestamp, _most: i64) -> Result<usize, StoreError> {
        Ok(0)
    }

    /// What frees memory is taken by a full Redis, and by no replica and none whose snapshot has failed.
    async fn ready(&self) -> Result<Option<&'static str>, StoreError> {
        let keys = ["bff:ready".to_owned()];
        let _done: i64 = self.run(&self.scripts.unspend, &keys, &[]).await?;
        let written: Result<i64, StoreError> = self.run(&self.scripts.room, &keys, &[]).await;
        match written {
            Ok(_) => Ok(None),
            Err(error) if error.to_string().contains("OOM") => Ok(Some("is full: nobody signs in")),
            Err(error) => Err(error),
        }
    }
}
