//! Sessions in Redis. Each verb is one script, which Redis runs as a whole; what has expired Redis deletes by itself.

use std::time::Duration;

use async_trait::async_trait;
use latchkey_protocol::Timestamp;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, Script, aio::MultiplexedConnection};
use tokio::sync::Mutex;

use super::{
    Begun, ENDS_REMEMBERED, Key, Name, NamedEnd, NamedEnded, NewRow, Row, SessionStore, StoreError,
};

/// How long Redis may take for a connection, and for an answer.
const PATIENCE: Duration = Duration::from_secs(3);

const BEGIN: &str = "
if KEYS[5] and redis.call('EXISTS', KEYS[5]) == 1 then return 0 end
local ended = redis.call('GET', KEYS[3])
if ended and tonumber(ARGV[3]) <= tonumber(ended) then return 0 end
redis.call('HSET', KEYS[1], 'sealed', ARGV[1], 'version', 1, 'until', ARGV[2])
redis.call('EXPIREAT', KEYS[1], ARGV[2])
redis.call('SADD', KEYS[2], KEYS[1])
redis.call('EXPIREAT', KEYS[2], ARGV[4])
if KEYS[4] then
  redis.call('SADD', KEYS[4], KEYS[1])
  redis.call('EXPIREAT', KEYS[4], ARGV[4])
end
return 1";
const FIND: &str = "
local row = redis.call('HMGET', KEYS[1], 'sealed', 'version', 'until')
if not row[1] or tonumber(row[3]) <= tonumber(ARGV[1]) then return false end
return {row[1], tonumber(row[2]), tonumber(row[3])}";
const REPLACE: &str = "
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'sealed', ARGV[2])
redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('HDEL', KEYS[1], 'owner', 'leased')
if tonumber(redis.call('HGET', KEYS[1], 'until')) < tonumber(ARGV[3]) then
  redis.call('HSET', KEYS[1], 'until', ARGV[3])
  redis.call('EXPIREAT', KEYS[1], ARGV[3])
end
return 1";
const EXTEND: &str = "
local known = redis.call('HGET', KEYS[1], 'until')
if known and tonumber(known) < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'until', ARGV[1])
  redis.call('EXPIREAT', KEYS[1], ARGV[1])
end
return 0";
const LEASE: &str = "
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
local leased = redis.call('HGET', KEYS[1], 'leased')
if leased and tonumber(leased) > tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], 'owner', ARGV[2], 'leased', ARGV[4])
return 1";
const RELEASE: &str = "
if redis.call('HGET', KEYS[1], 'owner') == ARGV[1] then redis.call('HDEL', KEYS[1], 'owner', 'leased') end
return 0";
const END: &str = "
local sealed = redis.call('HGET', KEYS[1], 'sealed')
redis.call('DEL', KEYS[1])
return sealed";
const END_NAMED: &str = "
if redis.call('EXISTS', KEYS[3]) == 1 then return -1 end
local known = redis.call('GET', KEYS[2])
if not known or tonumber(known) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[2], ARGV[1])
  redis.call('EXPIREAT', KEYS[2], ARGV[2])
end
local ended = 0
for _, session in ipairs(redis.call('SMEMBERS', KEYS[1])) do ended = ended + redis.call('DEL', session) end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[3], 1)
redis.call('EXPIREAT', KEYS[3], ARGV[3])
return ended";

/// How long the list of a user's or a session's rows is kept after its last one began, in seconds.
const LISTED: i64 = 400 * 86_400;

/// Keeps sessions in Redis, which any number of instances may share. It must not evict them: `maxmemory-policy noeviction`.
pub struct RedisStore {
    client: Client,
    connection: Mutex<Option<MultiplexedConnection>>,
}

impl RedisStore {
    /// At `redis://[:PASSWORD@]HOST[:PORT][/DATABASE]`. It is called with the first verb.
    ///
    /// # Errors
    /// [`StoreError`]: this is no such address.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        Ok(Self {
            client: Client::open(url).map_err(StoreError::new)?,
            connection: Mutex::default(),
        })
    }

    async fn connection(&self) -> Result<MultiplexedConnection, StoreError> {
        let mut known = self.connection.lock().await;
        if let Some(connection) = &*known {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let made = self
            .client
            .get_multiplexed_async_connection_with_config(&config);
        let made = made.await.map_err(StoreError::new)?;
        *known = Some(made.clone());
        Ok(made)
    }

    async fn run<T: FromRedisValue>(
        &self,
        script: &str,
        keys: &[String],
        arguments: &[String],
    ) -> Result<T, StoreError> {
        let mut connection = self.connection().await?;
        let script = Script::new(script);
        let mut call = script.prepare_invoke();
        for key in keys {
            call.key(key);
        }
        for argument in arguments {
            call.arg(argument);
        }
        let done = call.invoke_async(&mut connection).await;
        if done.is_err() {
            // Whatever is wrong with it, the next one is new.
            self.connection.lock().await.take();
        }
        done.map_err(StoreError::new)
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
    async fn begin(&self, key: &Key, row: &NewRow, now: Timestamp) -> Result<Begun, StoreError> {
        let mut keys = vec![
            session(key),
            named('n', &row.subject),
            named('e', &row.subject),
        ];
        if let Some(sid) = &row.sid {
            keys.extend([named('n', sid), named('e', sid)]);
        }
        let arguments = [
            row.sealed.clone(),
            seconds(row.expires_at),
            seconds(row.issued_at),
            seconds(now + LISTED),
        ];
        let begun: i64 = self.run(BEGIN, &keys, &arguments).await?;
        Ok(if begun == 1 {
            Begun::Done
        } else {
            Begun::HasEnded
        })
    }

    async fn find(&self, key: &Key, now: Timestamp) -> Result<Option<Row>, StoreError> {
        let found: Option<(String, i64, i64)> =
            self.run(FIND, &[session(key)], &[seconds(now)]).await?;
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
    ) -> Result<bool, StoreError> {
        let arguments = [version.to_string(), sealed.to_owned(), seconds(expires_at)];
        let done: i64 = self.run(REPLACE, &[session(key)], &arguments).await?;
        Ok(done == 1)
    }

    async fn extend(&self, key: &Key, expires_at: Timestamp) -> Result<(), StoreError> {
        let keys = [session(key)];
        let _done: i64 = self.run(EXTEND, &keys, &[seconds(expires_at)]).await?;
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
        let done: i64 = self.run(LEASE, &[session(key)], &arguments).await?;
        Ok(done == 1)
    }

    async fn release(&self, key: &Key, owner: &str) -> Result<(), StoreError> {
        let keys = [session(key)];
        let _done: i64 = self.run(RELEASE, &keys, &[owner.to_owned()]).await?;
        Ok(())
    }

    async fn end(&self, key: &Key) -> Result<Option<String>, StoreError> {
        self.run(END, &[session(key)], &[]).await
    }

    async fn end_named(&self, end: &NamedEnd) -> Result<NamedEnded, StoreError> {
        let keys = [
            named('n', &end.name),
            named('e', &end.name),
            named('j', &end.jti),
        ];
        let arguments = [
            seconds(end.at),
            seconds(end.at + ENDS_REMEMBERED),
            seconds(end.jti_until),
        ];
        let ended: i64 = self.run(END_NAMED, &keys, &arguments).await?;
        Ok(usize::try_from(ended).map_or(NamedEnded::Again, NamedEnded::Sessions))
    }

    /// Redis does it by itself.
    async fn sweep(&self, _now: Timestamp, _most: i64) -> Result<usize, StoreError> {
        Ok(0)
    }

    async fn ready(&self) -> Result<(), StoreError> {
        let _done: i64 = self.run("return 1", &[], &[]).await?;
        Ok(())
    }
}
