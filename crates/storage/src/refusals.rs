//! Refusals, kept for a while so that they can be explained.

use async_trait::async_trait;
use diesel::{pg::Pg, prelude::*, sqlite::Sqlite};
use latchkey_protocol::{
    Timestamp, kind,
    observe::{KeptRefusal, RefusalFilter},
    page::Page,
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

/// By the index of `at`; of one moment there are few.
macro_rules! filtered {
    ($filter:expr, $page:expr) => {{
        let (filter, page) = ($filter, $page);
        let mut rows = refusals::table.select(Row::as_select()).into_boxed();
        if let Some(client_id) = &filter.client_id {
            rows = rows.filter(refusals::client_id.eq(client_id));
        }
        if let Some(reason) = &filter.reason {
            rows = rows.filter(refusals::reason.eq(reason));
        }
        if let Some(since) = filter.since {
            rows = rows.filter(refusals::at.ge(since.as_seconds()));
        }
        if let Some(until) = filter.until {
            rows = rows.filter(refusals::at.lt(until.as_seconds()));
        }
        if let Some((at, reference)) = &page.after {
            let at = at.as_seconds();
            let before = refusals::at.eq(at).and(refusals::reference.lt(reference));
            // The first says where to begin in the index.
            rows = rows
                .filter(refusals::at.le(at))
                .filter(refusals::at.lt(at).or(before));
        }
        rows.order((refusals::at.desc(), refusals::reference.desc()))
            .limit(page.limit)
    }};
}

#[async_trait]
impl KeptRefusals for Database {
    async fn keep_refusal(&self, refusal: &KeptRefusal) -> store::Result<()> {
        let row = Row::from_refusal(refusal);
        self.write_one(move |c| keep(c, &row)).await
    }

    async fn refusals(
        &self,
        filter: &RefusalFilter,
        page: &Page<(Timestamp, String)>,
    ) -> store::Result<Vec<KeptRefusal>> {
        let (filter, page) = (filter.clone(), page.clone());
        self.read(move |c| {
            let rows: Vec<Row> = on!(c => filtered!(&filter, &page).load(c))?;
            Ok(rows.into_iter().map(Row::into_refusal).collect())
        })
        .await
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
