//! The SQL of counts by the hour.

use async_trait::async_trait;
use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};
use latchkey_protocol::{
    Timestamp, bounds,
    store::{self, Tallies},
    tally::{Counted, HourlyCount, hour},
};

use crate::{
    connection::{AnyConnection, Database, on},
    error::RowError,
    statement::{binds, statement},
};

const ADD: &str = "INSERT INTO hourly_counts (hour, what, count) VALUES (?, ?, ?) \
    ON CONFLICT (hour, what) DO UPDATE SET count = hourly_counts.count + excluded.count";
const SET: &str = "INSERT INTO hourly_counts (hour, what, count) VALUES (?, ?, ?) \
    ON CONFLICT (hour, what) DO UPDATE SET count = excluded.count";
const FORGET: &str = "DELETE FROM hourly_counts WHERE hour < ?";
const SESSIONS: &str = "SELECT count(*) AS count FROM sessions WHERE expires_at > ?";
const LIST: &str =
    "SELECT hour, what, count FROM hourly_counts WHERE hour >= ? ORDER BY hour, what";

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    hour: i64,
    #[diesel(sql_type = Text)]
    what: String,
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn add(
    c: &mut AnyConnection,
    counts: &[(Counted, i64)],
    sessions: i64,
    now: Timestamp,
) -> Result<(), RowError> {
    let of = hour(now);
    // In one order on all nodes.
    for (what, count) in counts {
        on!(c => statement(ADD, binds![of, what.name(), *count]).execute(c))?;
    }
    let binds = binds![of, Counted::Sessions.name(), sessions];
    on!(c => statement(SET, binds).execute(c))?;
    on!(c => statement(FORGET, binds![now - bounds::COUNTS_KEPT]).execute(c))?;
    Ok(())
}

#[async_trait]
impl Tallies for Database {
    async fn add_counts(&self, counts: &[(Counted, i64)], now: Timestamp) -> store::Result<()> {
        // By an index; not within a write.
        let count = self.read(move |c| {
            let count: Count = on!(c => statement(SESSIONS, binds![now]).get_result(c))?;
            Ok(count.count)
        });
        let (counts, sessions) = (counts.to_vec(), count.await?);
        self.write(move |c| add(c, &counts, sessions, now)).await
    }

    async fn hourly_counts(&self, since: Timestamp) -> store::Result<Vec<HourlyCount>> {
        self.read(move |c| {
            let rows: Vec<Row> = on!(c => statement(LIST, binds![since]).load(c))?;
            let known = |row: Row| {
                // Of another version, perhaps.
                let what = Counted::from_name(&row.what)?;
                Some(HourlyCount {
                    hour: Timestamp::from_seconds(row.hour),
                    what,
                    count: row.count,
                })
            };
            Ok(rows.into_iter().filter_map(known).collect())
        })
        .await
    }
}
