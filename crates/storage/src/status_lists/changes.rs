//! What ended since the last look.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Binary, Nullable},
};
use latchkey_protocol::{
    Timestamp,
    status::TokenEntries,
    store::{EndedCursor, EndedTokens, KnownList, StatusChanges},
};

use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    schema::status_lists,
    statement::{binds, statement},
};

/// One writer comes after the other: rows are numbered in the order in which they are committed.
const SINCE_SQLITE: &str = "SELECT 0 AS horizon, id, until_at, in_session, entries, tx FROM ended_tokens \
    WHERE id > ? ORDER BY id LIMIT ?";
/// In one snapshot: rows, and the oldest transaction that may still add some. One row at least.
const SINCE_POSTGRES: &str = "SELECT txid_snapshot_xmin(txid_current_snapshot()) AS horizon, \
    ended.id, ended.until_at, ended.in_session, ended.entries, ended.tx FROM (VALUES (1)) AS one \
    LEFT JOIN LATERAL (SELECT * FROM ended_tokens WHERE (tx, id) > (?, ?) ORDER BY tx, id LIMIT ?) AS ended ON true";

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = BigInt)]
    horizon: i64,
    #[diesel(embed)]
    row: Row,
}

/// All of it is null where nothing ended.
#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<BigInt>)]
    id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    until_at: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    in_session: Option<i64>,
    #[diesel(sql_type = Nullable<Binary>)]
    entries: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    tx: Option<i64>,
}

impl Row {
    /// Where it stands; none where there is no row.
    fn place(&self) -> Option<(i64, i64)> {
        self.tx.zip(self.id)
    }

    /// A row that cannot be read holds nobody else up.
    fn ended(&self) -> Option<EndedTokens> {
        let stored = self.entries.as_deref()?;
        let entries = TokenEntries::from_stored(stored);
        if entries.is_none() {
            tracing::error!(id = self.id, "a row of ended_tokens cannot be read");
        }
        Some(EndedTokens {
            until: Timestamp::from_seconds(self.until_at?),
            in_session: self.in_session == Some(1),
            entries: entries?,
        })
    }
}

pub fn since(
    c: &mut AnyConnection,
    cursor: EndedCursor,
    most: i64,
) -> Result<StatusChanges, RowError> {
    let (found, cursor) = look(c, cursor, most)?;
    let count = found.iter().filter_map(|one| one.row.place()).count();
    let is_more = i64::try_from(count).unwrap_or(i64::MAX) >= most;
    let ended = found.iter().filter_map(|one| one.row.ended()).collect();
    let cursor = match c {
        AnyConnection::Sqlite(_) => after_last(&found, cursor),
        AnyConnection::Postgres(_) => next(&found, cursor, is_more),
    };
    Ok(StatusChanges {
        // After the entries, so that none is of a list that is not among them.
        lists: lists(c)?,
        ended,
        cursor,
        is_more,
    })
}

/// One page, and the cursor that it was read from.
fn look(
    c: &mut AnyConnection,
    cursor: EndedCursor,
    most: i64,
) -> Result<(Vec<Found>, EndedCursor), RowError> {
    let AnyConnection::Postgres(c) = c else {
        let binds = binds![cursor.after.1, most];
        return Ok((on!(c => statement(SINCE_SQLITE, binds).load(c))?, cursor));
    };
    let page = |c: &mut PgConnection, after: (i64, i64)| -> QueryResult<Vec<Found>> {
        statement(SINCE_POSTGRES, binds![after.0, after.1, most]).load(c)
    };
    let found = page(c, cursor.after)?;
    let is_of_another = found
        .first()
        .is_some_and(|one| one.horizon < cursor.after.0);
    if cursor.horizon.is_none() && is_of_another {
        // Its transactions are behind those that were read: the database went back, or it is another one.
        let begin = EndedCursor::default();
        return Ok((page(c, begin.after)?, begin));
    }
    Ok((found, cursor))
}

fn after_last(found: &[Found], cursor: EndedCursor) -> EndedCursor {
    let last = found.iter().filter_map(|one| one.row.place()).next_back();
    EndedCursor {
        after: last.unwrap_or(cursor.after),
        ..cursor
    }
}

/// The next page of the series, or the beginning of the next series: where the first page of this one found the oldest
/// transaction under way. No row is numbered 0.
fn next(found: &[Found], cursor: EndedCursor, is_more: bool) -> EndedCursor {
    let horizon = cursor
        .horizon
        .or_else(|| found.first().map(|one| one.horizon));
    if is_more {
        return EndedCursor {
            horizon,
            ..after_last(found, cursor)
        };
    }
    EndedCursor {
        horizon: None,
        after: horizon.map_or(cursor.after, |begin| (begin, 0)),
    }
}

fn lists(c: &mut AnyConnection) -> Result<Vec<KnownList>, RowError> {
    let known = status_lists::table.order(status_lists::list).select((
        status_lists::list,
        status_lists::taken,
        status_lists::leased_at,
        status_lists::live_until,
    ));
    let rows: Vec<(i64, i64, i64, i64)> = on!(c => known.load(c))?;
    let read = |(list, taken, leased_at, live_until): (i64, i64, i64, i64)| {
        let corrupt = |column| RowError::Corrupt {
            table: "status_lists",
            row: list.to_string(),
            column,
        };
        Ok(KnownList {
            list: u32::try_from(list).map_err(|_| corrupt("list"))?,
            taken: u32::try_from(taken).map_err(|_| corrupt("taken"))?,
            leased_at: Timestamp::from_seconds(leased_at),
            live_until: Timestamp::from_seconds(live_until),
        })
    };
    rows.into_iter().map(read).collect()
}
