//! Refusals, kept for a while so that they can be explained.

use async_trait::async_trait;
use diesel::prelude::*;
use latchkey_protocol::{
    observe::KeptRefusal,
    secret::Digest,
    store::{self, KeptRefusals},
};

use crate::{
    connection::{AnyConnection, Database, on},
    error::RowError,
    schema::refusals,
    statement::{binds, statement},
};

#[derive(Queryable)]
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

#[async_trait]
impl KeptRefusals for Database {
    async fn keep_refusal(&self, refusal: &KeptRefusal) -> store::Result<()> {
        let row = Row::from_refusal(refusal);
        self.write_one(move |c| keep(c, &row)).await
    }

    async fn refusal(&self, reference: &str) -> store::Result<Option<KeptRefusal>> {
        let reference = reference.to_owned();
        self.read(move |c| find(c, &reference)).await
    }
}

const INSERT: &str = "INSERT INTO refusals (reference, at, reason, endpoint, client_id, request_id, expected, came, share, neighbourhood) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

pub fn keep(c: &mut AnyConnection, row: &Row) -> Result<(), RowError> {
    let binds = binds![
        &row.reference,
        row.at,
        &row.reason,
        &row.endpoint,
        &row.client_id,
        &row.request_id,
        &row.expected,
        &row.received,
        &row.share,
        &row.neighbourhood,
    ];
    on!(c => statement(INSERT, binds).execute(c))?;
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
