use diesel::prelude::*;
use latchkey_protocol::store::KeptRefusal;

use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    schema::refusals,
};

#[derive(Queryable, Insertable)]
#[diesel(table_name = refusals)]
pub struct Row {
    reference: String,
    at: i64,
    reason: String,
    endpoint: String,
    client_id: Option<String>,
    request_id: String,
    expected: String,
    came: String,
}

impl Row {
    pub fn from_refusal(refusal: &KeptRefusal) -> Self {
        let KeptRefusal { reference, at, reason, endpoint, client_id, request_id, expected, came } = refusal.clone();
        Self { reference, at, reason, endpoint, client_id, request_id, expected, came }
    }
}

pub fn keep(c: &mut AnyConnection, row: &Row) -> Result<(), RowError> {
    on!(c => diesel::insert_into(refusals::table).values(row).execute(c))?;
    Ok(())
}

pub fn find(c: &mut AnyConnection, reference: &str) -> Result<Option<KeptRefusal>, RowError> {
    let row: Option<Row> = on!(c => refusals::table.find(reference).get_result(c)).optional()?;
    Ok(row.map(|Row { reference, at, reason, endpoint, client_id, request_id, expected, came }| KeptRefusal {
        reference,
        at,
        reason,
        endpoint,
        client_id,
        request_id,
        expected,
        came,
    }))
}
