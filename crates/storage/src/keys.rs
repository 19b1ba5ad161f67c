use diesel::prelude::*;
use latchkey_protocol::store::StoredKey;

use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    schema::signing_keys,
};

#[derive(Queryable, Insertable)]
#[diesel(table_name = signing_keys)]
pub struct Row {
    kid: String,
    sealed: String,
    created_at: i64,
    activates_at: i64,
    retires_at: Option<i64>,
}

impl Row {
    pub fn from_key(key: &StoredKey) -> Self {
        let StoredKey { kid, sealed, created_at, activates_at, retires_at } = key.clone();
        Self { kid, sealed, created_at, activates_at, retires_at }
    }
}

pub fn all(c: &mut AnyConnection) -> Result<Vec<StoredKey>, RowError> {
    let rows: Vec<Row> = on!(c => signing_keys::table.order(signing_keys::created_at).load(c))?;
    Ok(rows
        .into_iter()
        .map(|Row { kid, sealed, created_at, activates_at, retires_at }| StoredKey {
            kid,
            sealed,
            created_at,
            activates_at,
            retires_at,
        })
        .collect())
}

pub fn add_first(c: &mut AnyConnection, row: &Row) -> Result<bool, RowError> {
    // Nodes that start together add theirs one after the other; all but the first see a key and take theirs back.
    if let AnyConnection::Postgres(inner) = c {
        diesel::sql_query("LOCK TABLE signing_keys IN EXCLUSIVE MODE").execute(inner)?;
    }
    let known: i64 = on!(c => signing_keys::table.count().get_result(c))?;
    if known > 0 {
        return Ok(false);
    }
    on!(c => diesel::insert_into(signing_keys::table).values(row).execute(c))?;
    Ok(true)
}

pub fn rotate(c: &mut AnyConnection, row: &Row, others_retire_at: i64) -> Result<(), RowError> {
    let others = signing_keys::table.filter(signing_keys::retires_at.is_null());
    on!(c => diesel::update(others).set(signing_keys::retires_at.eq(Some(others_retire_at))).execute(c))?;
    on!(c => diesel::insert_into(signing_keys::table).values(row).execute(c))?;
    Ok(())
}

pub fn retire(c: &mut AnyConnection, kid: &str, at: i64) -> Result<bool, RowError> {
    Ok(on!(c => diesel::update(signing_keys::table.find(kid)).set(signing_keys::retires_at.eq(Some(at))).execute(c))?
        == 1)
}
