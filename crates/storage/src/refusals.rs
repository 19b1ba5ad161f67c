use diesel::prelude::*;
use latchkey_protocol::{secret::Digest, store::KeptRefusal};

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
    received: String,
    share: String,
    neighbourhood: Option<Vec<u8>>,
}

impl Row {
    pub fn from_refusal(refusal: &KeptRefusal) -> Self {
        let kept = refusal.clone();
        Self {
            reference: kept.reference,
            at: kept.at,
            reason: kept.reason,
            endpoint: kept.endpoint,
            client_id: kept.client_id,
            request_id: kept.request_id,
            expected: kept.expected,
            received: kept.received,
            share: kept.share,
            neighbourhood: kept.neighbourhood.map(|d| d.as_bytes().to_vec()),
        }
    }
}

pub fn keep(c: &mut AnyConnection, row: &Row) -> Result<(), RowError> {
    on!(c => diesel::insert_into(refusals::table).values(row).execute(c))?;
    Ok(())
}

pub fn find(c: &mut AnyConnection, reference: &str) -> Result<Option<KeptRefusal>, RowError> {
    let row: Option<Row> = on!(c => refusals::table.find(reference).get_result(c)).optional()?;
    Ok(row.map(|row| KeptRefusal {
        reference: row.reference,
        at: row.at,
        reason: row.reason,
        endpoint: row.endpoint,
        client_id: row.client_id,
        request_id: row.request_id,
        expected: row.expected,
        received: row.received,
        share: row.share,
        neighbourhood: row.neighbourhood.map(Digest::from_stored),
    }))
}
