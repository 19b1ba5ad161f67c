//! The SQL of clients.

use std::sync::Arc;

use async_trait::async_trait;
use diesel::{pg::Pg, prelude::*, sqlite::Sqlite};
use latchkey_protocol::{
    Timestamp,
    client::Client,
    console, kind,
    page::Page,
    secret::Digest,
    store::{self, Clients},
};

use crate::{
    connection::{AnyConnection, Database, on},
    error::RowError,
    schema::clients,
    stored::Stored,
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = clients, check_for_backend(Sqlite, Pg))]
pub struct Row {
    id: String,
    secret: Option<Stored<Digest<kind::KeyedClientSecret>>>,
    metadata: String,
    created_at: Stored<Timestamp>,
    version: i64,
    sealed_secret: Option<String>,
}

impl Row {
    pub fn from_client(client: &Client) -> Self {
        Self {
            id: client.id.clone(),
            secret: client.secret.clone().map(Stored),
            metadata: serde_json::to_string(&client.metadata).unwrap_or_default(),
            created_at: Stored(client.created_at),
            version: client.version,
            sealed_secret: client.sealed_secret.clone(),
        }
    }

    fn into_client(self) -> Result<Client, RowError> {
        let metadata = serde_json::from_str(&self.metadata).map_err(|_| RowError::Corrupt {
            table: "clients",
            row: self.id.clone(),
            column: "metadata",
        })?;
        Ok(Client {
            id: self.id,
            secret: self.secret.map(|digest| digest.0),
            sealed_secret: self.sealed_secret,
            metadata,
            created_at: self.created_at.0,
            version: self.version,
        })
    }
}

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

    async fn client(&self, id: &str) -> store::Result<Option<Arc<Client>>> {
        if let Some(client) = self.clients.get(id) {
            return Ok(Some(client));
        }
        let key = id.to_owned();
        let found = move |c: &mut AnyConnection| {
            on!(c => clients::table.find(&key).select(Row::as_select()).get_result(c))
                .optional()?
                .map(Row::into_client)
                .transpose()
        };
        let found = self.read(found).await?.map(Arc::new);
        if let Some(client) = &found {
            self.clients.insert(id.to_owned(), client.clone());
        }
        Ok(found)
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

    async fn update_client_metadata(&self, client: &Client) -> store::Result<bool> {
        let row = Row::from_client(client);
        let update = move |c: &mut AnyConnection| {
            let values = (
                clients::metadata.eq(&row.metadata),
                clients::secret.eq(&row.secret),
                clients::sealed_secret.eq(&row.sealed_secret),
                clients::version.eq(row.version + 1),
            );
            let unchanged = at_version!(&row.id, row.version);
            Ok(on!(c => diesel::update(unchanged).set(values).execute(c))? == 1)
        };
        let updated = self.write_recorded(update).await;
        self.clients.invalidate(&client.id);
        updated
    }

    async fn set_client_secret(
        &self,
        id: &str,
        version: i64,
        secret: &Digest<kind::KeyedClientSecret>,
        sealed: Option<&str>,
    ) -> store::Result<bool> {
        let (key, secret, sealed) = (
            id.to_owned(),
            Stored(secret.clone()),
            sealed.map(str::to_owned),
        );
        let update = move |c: &mut AnyConnection| {
            let values = (
                clients::secret.eq(Some(&secret)),
                clients::sealed_secret.eq(&sealed),
                clients::version.eq(version + 1),
            );
            let unchanged = at_version!(&key, version);
            Ok(on!(c => diesel::update(unchanged).set(values).execute(c))? == 1)
        };
        let updated = self.write_recorded(update).await;
        self.clients.invalidate(id);
        updated
    }

    async fn delete_client(&self, id: &str) -> store::Result<bool> {
        let key = id.to_owned();
        let delete = move |c: &mut AnyConnection| {
            let own = clients::table
                .filter(clients::id.eq(&key))
                .filter(clients::id.ne(console::CLIENT_ID));
            Ok(on!(c => diesel::delete(own).execute(c))? == 1)
        };
        let deleted = self.write_recorded(delete).await;
        self.clients.invalidate(id);
        deleted
    }
}
