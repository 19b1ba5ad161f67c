//! Refusals, kept for a while so that they can be explained.

use async_trait::async_trait;
use diesel::{pg::Pg, prelude::*, sqlite::Sqlite};
use latchkey_protocol::{
    Timestamp, kind,
    observe::KeptRefusal,
    secret::Digest,
    store::{self, KeptRefusals},
};

use crate::{
    connection::{AnyConnection, Database, on},
    error::RowError,
    schema::refusals,
    statement::{binds, statement},
    stored::Stored,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = refusals, check_for_backend(Sqlite, Pg))]
pub struct Row {
    reference: String,
    at: Stored<Timestamp>,
    reason: String,
    endpoint: String,
    client_id: Option<String>,
    request_id: String,
    expected: String,
    received: String,
    share: String,
    neighbourhood: Option<Stored<Digest<kind::Neighbourhood>>>,
}

impl Row {
    pub fn from_refusal(refusal: &KeptRefusal) -> Self {
        let kept = refusal.clone();
        Self {
            reference: kept.reference,
            at: Stored(kept.at),
            reason: kept.reason,
            endpoint: kept.endpoint,
            client_id: kept.client_id,
            request_id: kept.request_id,
            expected: kept.expected,
            received: kept.received,
            share: kept.share,
            neighbourhood: kept.neighbourhood.map(Stored),
        }
    }

    fn into_refusal(self) -> KeptRefusal {
        KeptRefusal {
            reference: self.reference,
            at: self.at.0,
            reason: self.reason,
            endpoint: self.endpoint,
            client_id: self.client_id,
            request_id: self.request_id,
            expected: self.expected,
            received: self.received,
            share: self.share,
            neighbourhood: self.neighbourhood.map(|digest| digest.0),
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
        self.read(move |c| {
            let kept = refusals::table.find(&reference);
            let row: Option<Row> =
                on!(c => kept.select(Row::as_select()).get_result(c)).optional()?;
            Ok(row.map(Row::into_refusal))
        })
        .await
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
