//! The SQL of clients.

use std::sync::Arc;

use async_trait::async_trait;
use diesel::prelude::*;
use latchkey_protocol::{
    client::Client,
    secret::Digest,
    store::{self, Clients},
};

use crate::{
    connection::{AnyConnection, Database, on},
    digest::bytes,
    error::{RowError, is_taken},
    schema::clients,
};

#[derive(Queryable, Insertable)]
#[diesel(table_name = clients)]
pub struct Row {
    id: String,
    secret: Option<Vec<u8>>,
    metadata: String,
    created_at: i64,
    version: i64,
}

impl Row {
    pub fn from_client(client: &Client) -> Self {
        Self {
            id: client.id.clone(),
            secret: client.secret.as_ref().map(|d| d.as_bytes().to_vec()),
            metadata: serde_json::to_string(&client.metadata).unwrap_or_default(),
            created_at: client.created_at,
            version: client.version,
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
            secret: self.secret.map(Digest::from_stored),
            metadata,
            created_at: self.created_at,
            version: self.version,
        })
    }
}

#[async_trait]
impl Clients for Database {
    async fn create_client(&self, client: &Client) -> store::Result<bool> {
        let row = Row::from_client(client);
        self.write_one(move |c| create(c, &row)).await
    }

    async fn client(&self, id: &str) -> store::Result<Option<Arc<Client>>> {
        if let Some(client) = self.clients.get(id) {
            return Ok(Some(client));
        }
        let key = id.to_owned();
        let found = self.read(move |c| find(c, &key)).await?.map(Arc::new);
        if let Some(client) = &found {
            self.clients.insert(id.to_owned(), client.clone());
        }
        Ok(found)
    }

    async fn clients(&self) -> store::Result<Vec<Client>> {
        self.read(all).await
    }

    async fn update_client_metadata(&self, client: &Client) -> store::Result<bool> {
        let row = Row::from_client(client);
        let updated = self.write_one(move |c| update_metadata(c, &row)).await;
        self.clients.invalidate(&client.id);
        updated
    }

    async fn set_client_secret(
        &self,
        id: &str,
        version: i64,
        secret: &Digest,
    ) -> store::Result<bool> {
        let (key, secret) = (id.to_owned(), bytes(secret));
        let updated = self
            .write_one(move |c| set_secret(c, &key, version, &secret))
            .await;
        self.clients.invalidate(id);
        updated
    }

    async fn delete_client(&self, id: &str) -> store::Result<bool> {
        let key = id.to_owned();
        let deleted = self.write_one(move |c| delete(c, &key)).await;
        self.clients.invalidate(id);
        deleted
    }
}

pub fn create(c: &mut AnyConnection, row: &Row) -> Result<bool, RowError> {
    match on!(c => diesel::insert_into(clients::table).values(row).execute(c)) {
        Ok(_) => Ok(true),
        Err(error) if is_taken(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

pub fn find(c: &mut AnyConnection, id: &str) -> Result<Option<Client>, RowError> {
    on!(c => clients::table.find(id).get_result::<Row>(c))
        .optional()?
        .map(Row::into_client)
        .transpose()
}

pub fn all(c: &mut AnyConnection) -> Result<Vec<Client>, RowError> {
    on!(c => clients::table.order(clients::id).load::<Row>(c))?
        .into_iter()
        .map(Row::into_client)
        .collect()
}

pub fn update_metadata(c: &mut AnyConnection, row: &Row) -> Result<bool, RowError> {
    let unchanged = clients::table
        .filter(clients::id.eq(&row.id))
        .filter(clients::version.eq(row.version));
    let values = (
        clients::metadata.eq(&row.metadata),
        clients::secret.eq(&row.secret),
        clients::version.eq(row.version + 1),
    );
    Ok(on!(c => diesel::update(unchanged).set(values).execute(c))? == 1)
}

pub fn set_secret(
    c: &mut AnyConnection,
    id: &str,
    version: i64,
    secret: &[u8],
) -> Result<bool, RowError> {
    let unchanged = clients::table
        .filter(clients::id.eq(id))
        .filter(clients::version.eq(version));
    let values = (
        clients::secret.eq(Some(secret)),
        clients::version.eq(version + 1),
    );
    Ok(on!(c => diesel::update(unchanged).set(values).execute(c))? == 1)
}

pub fn delete(c: &mut AnyConnection, id: &str) -> Result<bool, RowError> {
    Ok(on!(c => diesel::delete(clients::table.find(id)).execute(c))? == 1)
}
