//! What the status lists say of a token: read where the server reads it.

use anyhow::Result;
use latchkey_protocol::{
    Issuer,
    status::{StatusClaim, StatusEntry},
    store::{EndedCursor, StatusChanges},
};
use serde_json::{Value, json};

use super::at::At;

/// How many rows are read at once.
const PAGE: i64 = 50_000;

/// An entry, and what its list says of it.
pub struct TokenStatus {
    entry: StatusEntry,
    /// None where the list is over.
    ended: Option<bool>,
}

/// Of a token with these claims, whoever signed it; none where it names no entry of ours.
pub async fn published(at: &At, claims: &Value) -> Result<Option<TokenStatus>> {
    let issuer = Issuer::new(&at.settings.issuer);
    let claim = serde_json::from_value::<StatusClaim>(claims["status"].clone()).ok();
    let entry = claim.and_then(|claim| StatusEntry::named(&claim.status_list, &issuer));
    let Some(entry) = entry else {
        return Ok(None);
    };
    let (mut cursor, mut ended) = (EndedCursor::default(), false);
    loop {
        let changes = at.store.status_lists_since(cursor, PAGE).await?;
        ended |= ends(&changes, entry, at);
        if !changes.is_more {
            let mut lists = changes.lists.iter();
            let is_known = lists.any(|list| list.list == entry.list && at.now < list.live_until);
            let ended = is_known.then_some(ended);
            return Ok(Some(TokenStatus { entry, ended }));
        }
        cursor = changes.cursor;
    }
}

/// Whether one of these rows ends it.
fn ends(changes: &StatusChanges, entry: StatusEntry, at: &At) -> bool {
    changes.ended.iter().any(|row| {
        let mut entries = row.entries.iter();
        entries.any(|one| {
            let counts = one.in_session || !row.in_session;
            one.entry == entry && counts && at.now < one.until
        })
    })
}

impl TokenStatus {
    /// For programs.
    pub fn to_json(&self) -> Value {
        json!({ "list": self.entry.list, "idx": self.entry.idx, "ended": self.ended })
    }

    /// In words.
    pub fn text(&self) -> String {
        let StatusEntry { list, idx } = self.entry;
        let says = match self.ended {
            Some(true) => "its bit is set: APIs that follow the list refuse it",
            Some(false) => "its bit is not set",
            None => "the list is over, and says nothing any more",
        };
        format!("entry {idx} of status list {list}; {says}")
    }
}
