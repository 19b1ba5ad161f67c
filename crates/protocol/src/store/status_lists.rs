//! Numbers in status lists, and which tokens ended (Token Status List).

use async_trait::async_trait;

use super::Result;
use crate::{
    AuthorizationId,
    admission::{Review, ReviewedPage},
    entry_change::EntryChange,
    jobs::JobLease,
    status::TokenEntries,
    time::Timestamp,
};

/// Numbers of one list that are the caller's alone: `first`, and those after it, `count` in all. None is given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryLease {
    /// The number of the list, from 0.
    pub list: u32,
    /// The first number.
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// What is asked for by a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseRequest {
    /// How many numbers; at least 1, at most a whole list.
    pub count: u32,
    /// The time.
    pub now: Timestamp,
    /// When the last token that may get one of them is over. Its list is kept until then.
    pub live_until: Timestamp,
    /// Only of a list with a number above this one; a new list where there is none. For a node that finds that the
    /// database went back behind what it holds.
    pub above: Option<u32>,
}

/// A list that was begun and is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownList {
    /// Its number.
    pub list: u32,
    /// How many of its numbers were given away.
    pub taken: u32,
    /// When the last of them were.
    pub leased_at: Timestamp,
    /// When the last token that has an entry in it is over.
    pub live_until: Timestamp,
}

/// Tokens that ended before their time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedTokens {
    /// When all of them are over anyway.
    pub until: Timestamp,
    /// Whether a session ended and no more: of the entries, only those of tokens that were issued within a session ended.
    pub in_session: bool,
    /// Their entries.
    pub entries: TokenEntries,
}

/// How far a caller has read what ended. The first look begins with the default one; it belongs to one database and is
/// of no use to another process.
///
/// PostgreSQL numbers rows before they are committed, so a look there is a series of pages, and the next series begins
/// before the oldest transaction that was under way when the last one began: no row that is committed late is missed, and
/// some come twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EndedCursor {
    /// The transaction that the next series begins at; none between two series, and on SQLite.
    pub horizon: Option<i64>,
    /// The last row that was read: its transaction (PostgreSQL alone) and its id.
    pub after: (i64, i64),
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusChanges {
    /// Every list that is not over, by its number: also each that the entries below are of.
    pub lists: Vec<KnownList>,
    /// What ended, at most as much as was asked for. A row may come again with another look.
    pub ended: Vec<EndedTokens>,
    /// For the next look.
    pub cursor: EndedCursor,
    /// Whether the series goes on: there may be more at once.
    pub is_more: bool,
}

/// Numbers in status lists, and which tokens ended.
///
/// A token's entry ends in the transaction of whatever ends the token: the store copies the entries that an
/// authorization has when it is revoked or deleted, and when its session ends. No verb has to ask for it.
#[async_trait]
pub trait StatusLists: Send + Sync {
    /// Takes numbers of the newest list, or of one that is begun for it. Of any number of racing callers no two get the
    /// same number, and no number is given again while the list is there. [`super::StoreError::Busy`] where no list had
    /// room so many times in a row.
    async fn lease_status_entries(&self, request: LeaseRequest) -> Result<EntryLease>;
    /// The lists, and at most `most` rows of what ended since the look that gave `cursor`. Whatever was committed before
    /// the first look of a series comes with that series: it and the looks that follow while [`StatusChanges::is_more`].
    async fn status_lists_since(&self, cursor: EndedCursor, most: i64) -> Result<StatusChanges>;
    /// The next page of a review, whose job the caller holds: of at most `most` authorizations of its client ends the tokens
    /// of those whose user the client does not admit, or of all where it is disabled, and revokes nothing. How far it came
    /// is in the job with the same transaction. A client or a user that cannot be read admits nobody, or is not admitted.
    /// None, and nothing written, where the job is somebody else's by now.
    async fn review_admissions(
        &self,
        job: &JobLease,
        review: &Review,
        most: i64,
        now: Timestamp,
    ) -> Result<Option<ReviewedPage>>;
    /// Replaces the entries of an authorization, if they are those that were read and it is not revoked. `false`, and
    /// nothing written, when it is gone, was revoked, its session ended meanwhile, or another change came first.
    async fn add_token_entry(&self, id: &AuthorizationId, change: &EntryChange) -> Result<bool>;
}
