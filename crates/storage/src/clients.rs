use diesel::prelude::*;
use latchkey_protocol::{client::Client, secret::Digest};

use crate::{
    connection::{AnyConnection, on},
    error::{RowError, is_taken},
    schema::clients,
};

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = clients, treat_none_as_null = true)]
pub struct Row {
    id: String,
    secret: Option<Vec<u8>>,
    metadata: String,
    created_at: i64,
}

impl Row {
    pub fn from_client(client: &Client) -> Self {
        Self {
            id: client.id.clone(),
            secret: client.secret.as_ref().map(|d| d.as_bytes().to_vec()),
            metadata: serde_json::to_string(&client.metadata).unwrap_or_default(),
            created_at: client.created_at,
        }
    }

    fn into_client(self) -> Result<Client, RowError> {
        let metadata = serde_json::from_str(&self.metadata).map_err(|_| RowError::Corrupt {
            table: "clients",
            row: self.id.clone(),
            column: "metadata",
        })?;
        Ok(Client { id: self.id, secret: self.secret.map(Digest::from_stored), metadata, created_at: self.created_at })
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
    on!(c => clients::table.find(id).get_result::<Row>(c)).optional()?.map(Row::into_client).transpose()
}

pub fn all(c: &mut AnyConnection) -> Result<Vec<Client>, RowError> {
    on!(c => clients::table.order(clients::id).load::<Row>(c))?.into_iter().map(Row::into_client).collect()
}

pub fn update(c: &mut AnyConnection, row: &Row) -> Result<bool, RowError> {
    let id = row.id.clone();
    Ok(on!(c => diesel::update(clients::table.filter(clients::id.eq(id))).set(row).execute(c))? == 1)
}

pub fn delete(c: &mut AnyConnection, id: &str) -> Result<bool, RowError> {
    Ok(on!(c => diesel::delete(clients::table.find(id)).execute(c))? == 1)
}
