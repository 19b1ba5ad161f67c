//! The SQL of status lists: numbers that are leased, and the journal of tokens that ended, which triggers write.

mod admits;
pub mod changes;
pub mod in_sessions;
pub mod lease;
pub mod not_admitted;
pub mod reviews;

use async_trait::async_trait;
use diesel::{prelude::*, sql_types::BigInt};
use latchkey_protocol::{
    AuthorizationId, StoreError, Timestamp,
    admission::{Review, ReviewedPage},
    entry_change::EntryChange,
    jobs::JobLease,
    store::{self, EndedCursor, EntryLease, LeaseRequest, StatusChanges, StatusLists},
};

use crate::{
    authorizations::{Entries, change_entries},
    connection::{AnyConnection, Database, on},
    error::RowError,
    statement::{binds, statement},
};

/// Seconds for which an entry may still be shown after its token is over: lists change at full minutes, on all nodes the
/// same, and clocks of nodes differ.
pub const SHOWN: i64 = 120;

/// How often a lease is tried, where others begin a list at the same moment.
const TRIES: usize = 8;

#[async_trait]
impl StatusLists for Database {
    async fn lease_status_entries(&self, request: LeaseRequest) -> store::Result<EntryLease> {
        for _ in 0..TRIES {
            let leased = self.write_one(move |c| lease::take(c, &request)).await?;
            if let Some(leased) = leased {
                return Ok(leased);
            }
            let begun = self.write_one(move |c| lease::begin(c, &request)).await?;
            if let Some(begun) = begun {
                return Ok(begun);
            }
        }
        Err(StoreError::Busy)
    }

    async fn status_lists_since(
        &self,
        cursor: EndedCursor,
        most: i64,
    ) -> store::Result<StatusChanges> {
        self.read(move |c| changes::since(c, cursor, most)).await
    }

    async fn review_admissions(
        &self,
        job: &JobLease,
        review: &Review,
        most: i64,
        now: Timestamp,
    ) -> store::Result<Option<ReviewedPage>> {
        let (job, review) = (job.clone(), review.clone());
        self.write(move |c| reviews::page(c, &job, &review, most, now))
            .await
    }

    async fn add_token_entry(
        &self,
        id: &AuthorizationId,
        change: &EntryChange,
    ) -> store::Result<bool> {
        let (id, entries) = (id.to_owned(), Entries::of(change));
        self.write_one(move |c| change_entries(c, &id, &entries))
            .await
    }
}

/// For `json_each`.
fn ids(ids: &[String]) -> String {
    serde_json::to_string(ids).unwrap_or_default()
}

const STORE_NOW: &str = "SELECT CAST(floor(extract(epoch FROM now())) AS BIGINT) AS at";

#[derive(QueryableByName)]
struct At {
    #[diesel(sql_type = BigInt)]
    at: i64,
}

/// The time of the database, which is the same for all nodes. The clock of SQLite is the node's own.
pub fn store_now(c: &mut AnyConnection, now: Timestamp) -> Result<Timestamp, RowError> {
    let AnyConnection::Postgres(c) = c else {
        return Ok(now);
    };
    let At { at } = statement(STORE_NOW, binds![]).get_result(c)?;
    Ok(Timestamp::from_seconds(at))
}

/// The time of this node or of the database, whichever is earlier: a node whose clock is ahead takes nothing for over that
/// others need.
pub fn earlier(c: &mut AnyConnection, now: Timestamp) -> Result<Timestamp, RowError> {
    Ok(now.min(store_now(c, now)?))
}

const FORGET: &str = "DELETE FROM status_lists WHERE list IN (SELECT list FROM status_lists WHERE live_until <= ? \
    AND list < (SELECT max(list) FROM status_lists) LIMIT ?)";

/// Removes lists that are over. The newest stays, so that no number of a list comes again. How many.
pub fn forget(c: &mut AnyConnection, now: Timestamp, most: i64) -> Result<usize, RowError> {
    let binds = binds![now - SHOWN, most];
    Ok(on!(c => statement(FORGET, binds).execute(c))?)
}
