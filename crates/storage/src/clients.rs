//! The SQL of clients.

mod list;
pub mod name_keys;

use std::sync::Arc;

use async_trait::async_trait;
use diesel::{
    dsl::{exists, not},
    pg::Pg,
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
    sqlite::Sqlite,
};
use latchkey_protocol::{
    ClientId, Timestamp,
    access::Access,
    admission,
    client::{Client, FormerSecret, Metadata},
    client_list::{ClientCounts, ClientCursor, ClientList, name_key},
    console, kind,
    page::Page,
    secret::Digest,
    store::{self, Clients},
};

use crate::{
    audit::Effect,
    connection::{AnyConnection, Database, on},
    deliveries,
    error::RowError,
    schema::{clients, revoked_access_tokens},
    statement::{binds, statement},
    status_lists::reviews,
    stored::Stored,
};

#[derive(Queryable, QueryableByName, Selectable, Insertable)]
#[diesel(table_name = clients, check_for_backend(Sqlite, Pg))]
pub struct Row {
    id: String,
    secret: Option<Stored<Digest<kind::KeyedClientSecret>>>,
    metadata: String,
    created_at: Stored<Timestamp>,
    version: i64,
    sealed_secret: Option<String>,
    disabled_at: Option<Stored<Timestamp>>,
    former_secret: Option<Stored<Digest<kind::KeyedClientSecret>>>,
    former_secret_until: Option<Stored<Timestamp>>,
    name_key: String,
    secret_since: Option<Stored<Timestamp>>,
}

impl Row {
    pub fn from_client(client: &Client) -> Self {
        Self {
            id: client.id.clone().into_string(),
            secret: client.secret.clone().map(Stored),
            metadata: serde_json::to_string(&client.metadata).unwrap_or_default(),
            created_at: Stored(client.created_at),
            version: client.version,
            sealed_secret: client.sealed_secret.clone(),
            disabled_at: client.disabled_at.map(Stored),
            former_secret: former(client, |former| Stored(former.digest.clone())),
            former_secret_until: former(client, |former| Stored(former.until)),
            name_key: name_key(client.name()),
            secret_since: client.secret_since.map(Stored),
        }
    }

    pub fn into_client(self) -> Result<Client, RowError> {
        let metadata = serde_json::from_str(&self.metadata).map_err(|_| RowError::Corrupt {
            table: "clients",
            row: self.id.clone(),
            column: "metadata",
        })?;
        Ok(Client {
            id: ClientId::new(self.id),
            secret: self.secret.map(|digest| digest.0),
            sealed_secret: self.sealed_secret,
            secret_since: self.secret_since.map(|since| since.0),
            former_secret: self.former_secret.zip(self.former_secret_until).map(
                |(digest, until)| FormerSecret {
                    digest: digest.0,
                    until: until.0,
                },
            ),
            disabled_at: self.disabled_at.map(|at| at.0),
            metadata,
            created_at: self.created_at.0,
            version: self.version,
        })
    }
}

fn former<T>(client: &Client, of: impl Fn(&FormerSecret) -> T) -> Option<T> {
    client.former_secret.as_ref().map(of)
}

/// The version counts this too: whoever read the client before changes nothing.
const DISABLE: &str = "UPDATE clients SET disabled_at = coalesce(disabled_at, ?), version = version + 1 WHERE id = ? AND id <> ? \
    AND (CAST(? AS BIGINT) IS NULL OR version = ?) RETURNING disabled_at";
const ENABLE: &str = "UPDATE clients SET disabled_at = NULL, version = version + 1 WHERE id = ? AND id <> ? \
    AND (CAST(? AS BIGINT) IS NULL OR version = ?) RETURNING disabled_at";

#[derive(QueryableByName)]
struct Disabled {
    #[diesel(sql_type = Nullable<BigInt>)]
    disabled_at: Option<i64>,
}

/// What a change came to, and how many jobs it has left.
#[derive(Default)]
struct Change {
    is_done: bool,
    jobs: i64,
}

impl Effect for Change {
    fn happened(&self) -> bool {
        self.is_done
    }
}

/// What a client was before a change.
#[derive(QueryableByName)]
struct Before {
    #[diesel(sql_type = Text)]
    metadata: String,
}

impl Before {
    /// Whether some whom it admitted may be turned away. What cannot be read may have admitted everybody.
    fn is_narrowed_by(&self, after: Option<&Access>) -> bool {
        let before = serde_json::from_str::<Metadata>(&self.metadata).ok();
        let before = before.and_then(|metadata| metadata.access);
        admission::is_narrower(before.as_ref(), after)
    }
}

const BEFORE: &str = "SELECT metadata FROM clients WHERE id = ? AND version = ?";
const BEFORE_HELD: &str =
    "SELECT metadata FROM clients WHERE id = ? AND version = ? FOR NO KEY UPDATE";

/// The client as it was read; nobody changes it before this transaction is over.
fn hold(c: &mut AnyConnection, row: &Row) -> Result<Option<Before>, RowError> {
    let binds = binds![&row.id, row.version];
    let found: Vec<Before> = match c {
        // One writer at a time: nothing comes between.
        AnyConnection::Sqlite(c) => statement(BEFORE, binds).load(c)?,
        AnyConnection::Postgres(c) => statement(BEFORE_HELD, binds).load(c)?,
    };
    Ok(found.into_iter().next())
}

impl Database {
    /// What is judged next is judged by the client as it is, and the jobs that the change has left count.
    fn changed(&self, id: &ClientId, change: store::Result<Change>) -> store::Result<bool> {
        self.clients.invalidate(id.as_str());
        let change = change?;
        self.note_jobs(change.jobs);
        Ok(change.is_done)
    }
}

/// While its sessions are being ended they are found by what it was allowed, which goes with it.
const DELETE: &str = "DELETE FROM clients WHERE id = ? AND id <> ? AND (CAST(? AS BIGINT) IS NULL OR version = ?) \
    AND NOT EXISTS (SELECT 1 FROM bulk_ends WHERE bulk_ends.client_id = clients.id AND done_at IS NULL)";

/// The client, while nobody has changed it since it was read.
macro_rules! at_version {
    ($id:expr, $version:expr) => {
        clients::table
            .filter(clients::id.eq($id))
            .filter(clients::id.ne(console::CLIENT_ID))
            .filter(clients::version.eq($version))
    };
}

#[async_trait]
impl Clients for Database {
    async fn create_client(&self, client: &Client) -> store::Result<bool> {
        let row = Row::from_client(client);
        let insert = move |c: &mut AnyConnection| {
            let added = on!(c => diesel::insert_into(clients::table).values(&row).on_conflict_do_nothing().execute(c))?;
            Ok(added == 1)
        };
        self.write_recorded(insert).await
    }

    async fn client(&self, id: &ClientId) -> store::Result<Option<Arc<Client>>> {
        if let Some(client) = self.clients.get(id.as_str()) {
            return Ok(Some(client));
        }
        let found = self.client_now(id).await?.map(Arc::new);
        if let Some(client) = &found {
            self.clients
                .insert(id.to_owned().into_string(), client.clone());
        }
        Ok(found)
    }

    async fn client_now(&self, id: &ClientId) -> store::Result<Option<Client>> {
        let key = id.to_owned();
        self.read(move |c| {
            on!(c => clients::table.find(key.as_str()).select(Row::as_select()).get_result(c))
                .optional()?
                .map(Row::into_client)
                .transpose()
        })
        .await
    }

    async fn client_of_token(&self, id: &ClientId, jti: &str) -> store::Result<Option<Client>> {
        let (id, jti) = (id.to_owned(), jti.to_owned());
        self.read(move |c| {
            let live = clients::table
                .filter(clients::id.eq(id.as_str()))
                .filter(clients::id.ne(console::CLIENT_ID))
                .filter(not(exists(revoked_access_tokens::table.find(&jti))));
            on!(c => live.select(Row::as_select()).get_result(c))
                .optional()?
                .map(Row::into_client)
                .transpose()
        })
        .await
    }

    async fn clients(&self, page: &Page<String>) -> store::Result<Vec<Client>> {
        let (after, limit) = (page.after.clone().unwrap_or_default(), page.limit);
        self.read(move |c| {
            // No id is empty.
            let next = clients::table
                .filter(clients::id.gt(&after))
                .filter(clients::id.ne(console::CLIENT_ID))
                .order(clients::id)
                .limit(limit);
            on!(c => next.select(Row::as_select()).load(c))?
                .into_iter()
                .map(Row::into_client)
                .collect()
        })
        .await
    }

    async fn client_list(
        &self,
        asked: &ClientList,
        page: &Page<ClientCursor>,
    ) -> store::Result<Vec<Client>> {
        let (asked, page) = (asked.clone(), page.clone());
        self.read(move |c| list::list(c, &asked, &page)).await
    }

    async fn client_counts(&self, id: &ClientId, now: Timestamp) -> store::Result<ClientCounts> {
        let id = id.to_owned();
        self.read(move |c| list::counts(c, &id, now)).await
    }

    async fn update_client_metadata(&self, client: &Client) -> store::Result<bool> {
        let (row, after) = (Row::from_client(client), client.metadata.access.clone());
        let at = self
            .entry
            .as_ref()
            .map_or(Timestamp::EPOCH, |entry| entry.at);
        let update = move |c: &mut AnyConnection| {
            let Some(before) = hold(c, &row)? else {
                return Ok(Change::default());
            };
            let values = (
                clients::metadata.eq(&row.metadata),
                clients::name_key.eq(&row.name_key),
                clients::secret.eq(&row.secret),
                clients::sealed_secret.eq(&row.sealed_secret),
                clients::secret_since.eq(&row.secret_since),
                clients::former_secret.eq(&row.former_secret),
                clients::former_secret_until.eq(&row.former_secret_until),
                clients::version.eq(row.version + 1),
            );
            let unchanged = at_version!(&row.id, row.version);
            let is_done = on!(c => diesel::update(unchanged).set(values).execute(c))? == 1;
            let is_review = is_done && before.is_narrowed_by(after.as_ref());
            let id = ClientId::new(&*row.id);
            let jobs = match is_review {
                true => reviews::enqueue(c, &id, at)?,
                false => 0,
            };
            Ok(Change { is_done, jobs })
        };
        self.changed(&client.id, self.write_recorded(update).await)
    }

    async fn set_client_secret(
        &self,
        id: &ClientId,
        version: i64,
        secret: &Digest<kind::KeyedClientSecret>,
        sealed: Option<&str>,
        former: Option<&FormerSecret>,
        now: Timestamp,
    ) -> store::Result<bool> {
        let (key, secret, sealed) = (
            id.to_owned(),
            Stored(secret.clone()),
            sealed.map(str::to_owned),
        );
        let former_digest = former.map(|former| Stored(former.digest.clone()));
        let former_until = former.map(|former| Stored(former.until));
        let update = move |c: &mut AnyConnection| {
            let values = (
                clients::secret.eq(Some(&secret)),
                clients::sealed_secret.eq(&sealed),
                clients::secret_since.eq(Some(Stored(now))),
                clients::former_secret.eq(&former_digest),
                clients::former_secret_until.eq(&former_until),
                clients::version.eq(version + 1),
            );
            let unchanged = at_version!(key.as_str(), version);
            Ok(on!(c => diesel::update(unchanged).set(values).execute(c))? == 1)
        };
        let updated = self.write_recorded(update).await;
        self.clients.invalidate(id.as_str());
        updated
    }

    async fn set_client_disabled(
        &self,
        id: &ClientId,
        version: Option<i64>,
        at: Option<Timestamp>,
    ) -> store::Result<bool> {
        let key = id.to_owned();
        let update = move |c: &mut AnyConnection| {
            let disable = binds![at, &key, console::CLIENT_ID, version, version];
            let changed: Vec<Disabled> = match at {
                Some(_) => on!(c => statement(DISABLE, disable).load(c))?,
                None => on!(c => statement(ENABLE, &disable[1..]).load(c))?,
            };
            // One that was disabled before was reviewed then.
            let of_now = |one: &&Disabled| one.disabled_at == at.map(Timestamp::as_seconds);
            let newly = at.zip(changed.first().filter(of_now));
            let jobs = match newly {
                Some((at, _)) => reviews::enqueue(c, &key, at)?,
                None => 0,
            };
            let is_done = !changed.is_empty();
            Ok(Change { is_done, jobs })
        };
        self.changed(id, self.write_recorded(update).await)
    }

    async fn delete_client(&self, id: &ClientId, version: Option<i64>) -> store::Result<bool> {
        let key = id.to_owned();
        let delete = move |c: &mut AnyConnection| {
            let binds = binds![&key, console::CLIENT_ID, version, version];
            let is_there = on!(c => statement(DELETE, binds).execute(c))? == 1;
            if is_there {
                deliveries::forget_client(c, &key)?;
            }
            Ok(is_there)
        };
        let deleted = self.write_recorded(delete).await;
        self.clients.invalidate(id.as_str());
        deleted
    }
}
