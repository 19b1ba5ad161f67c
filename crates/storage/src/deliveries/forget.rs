//! Deliveries that go: those that were settled long ago, and those beyond the bound.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};
use latchkey_protocol::{Timestamp, bounds};

use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    schema::deliveries,
    statement::{binds, statement},
};

const OLD: &str = "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE state = ? AND state <> 'waiting' \
    AND attempted_at <= ? ORDER BY attempted_at LIMIT ?)";
const OF_CLIENT: &str = "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE client_id = ? \
    AND state = 'waiting' ORDER BY due_at, id LIMIT ?)";
const NOISY: &str = "SELECT client_id, count(*) AS waiting FROM deliveries WHERE state = 'waiting' \
    GROUP BY client_id ORDER BY waiting DESC LIMIT 1";
/// Settled whenever that was.
const EVER: Timestamp = Timestamp::from_seconds(i64::MAX);

#[derive(QueryableByName)]
struct Noisy {
    #[diesel(sql_type = Text)]
    client_id: String,
    #[diesel(sql_type = BigInt)]
    waiting: i64,
}

/// At most `most` of each kind. How many rows went.
pub fn forget(c: &mut AnyConnection, now: Timestamp, most: i64) -> Result<usize, RowError> {
    let mut gone = 0;
    for (state, kept) in [
        ("delivered", bounds::RECEIPTS_KEPT),
        ("dead", bounds::DEAD_DELIVERIES_KEPT),
    ] {
        gone += on!(c => statement(OLD, binds![state, now - kept, most]).execute(c))?;
    }
    Ok(gone + beyond(c, bounds::DELIVERIES, most)?)
}

/// What is beyond `bound`.
fn beyond(c: &mut AnyConnection, bound: i64, most: i64) -> Result<usize, RowError> {
    let ends = deliveries::table.select((
        diesel::dsl::min(deliveries::id),
        diesel::dsl::max(deliveries::id),
    ));
    let ends: (Option<i64>, Option<i64>) = on!(c => ends.get_result(c))?;
    // No more numbers than that were given: nothing to count.
    let (Some(first), Some(last)) = ends else {
        return Ok(0);
    };
    if last - first < bound {
        return Ok(0);
    }
    let count: i64 = on!(c => deliveries::table.count().get_result(c))?;
    let mut gone = 0;
    for state in ["delivered", "dead"] {
        let left = (count - bound).min(most) - i64::try_from(gone).unwrap_or(i64::MAX);
        if left > 0 {
            gone += on!(c => statement(OLD, binds![state, EVER, left]).execute(c))?;
        }
    }
    if count - i64::try_from(gone).unwrap_or(i64::MAX) > 2 * bound {
        let noisy: Vec<Noisy> = on!(c => statement(NOISY, binds![]).load(c))?;
        if let Some(Noisy { client_id, waiting }) = noisy.into_iter().next() {
            tracing::error!(
                client = client_id,
                waiting,
                "too many logout tokens wait for one client: the oldest are given up"
            );
            gone += on!(c => statement(OF_CLIENT, binds![&client_id, most]).execute(c))?;
        }
    }
    Ok(gone)
}
