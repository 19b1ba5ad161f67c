//! Deletes what has expired, and what exceeds the bounds of its table.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use diesel::{
    connection::SimpleConnection,
    prelude::*,
    sql_query,
    sql_types::{BigInt, Binary, Nullable, Text},
};
use latchkey_protocol::{
    Timestamp,
    attempts::WINDOW,
    bounds,
    idempotency::KNOWN,
    store::{self, Housekeeping},
};

use crate::{
    authorizations,
    connection::{AnyConnection, Database, on},
    deliveries,
    error::RowError,
    jobs, keys, migrate, sessions, space, status_lists,
    stored::Stored,
};

/// Rows of whoever has the most that go at once, before it is looked who that is now.
const SLICE: i64 = 500;
/// How often that is done in one sweep.
const SLICES: usize = 8;

#[async_trait]
impl Housekeeping for Database {
    async fn sweep(&self, now: Timestamp, most: i64) -> store::Result<usize> {
        let excess = self.read(deliveries::excess).await?;
        // By itself: it holds what is in use, and is over before anybody waits for long.
        let expired = self.write(move |c| sessions::expire(c, now, most)).await?;
        let swept = self.write(move |c| sweep(c, &excess, now, most));
        let gone = expired + swept.await?;
        self.recount().await?;
        self.write_one(space::shrink).await?;
        if let Some(path) = self.sqlite_path() {
            space::bound_log(path);
        }
        Ok(gone)
    }

    async fn recount(&self) -> store::Result<()> {
        let (begun, queued) = self.read(|c| Ok((begun(c)?, jobs::count(c)?))).await?;
        self.begun.store(begun, Ordering::Relaxed);
        self.queued.store(queued, Ordering::Relaxed);
        Ok(())
    }

    async fn ready(&self) -> store::Result<bool> {
        if let Some(groups) = self.groups() {
            // They have connections of their own, for which the server may have no room.
            groups.ready().await?;
        }
        self.read(|c| {
            c.batch_execute("SELECT 1")?;
            Ok(migrate::pending(c).is_ok_and(|pending| pending.is_empty()))
        })
        .await
    }
}

/// What has expired: at most `most` rows of each kind.
pub fn sweep(
    c: &mut AnyConnection,
    excess: &deliveries::Excess,
    now: Timestamp,
    most: i64,
) -> Result<usize, RowError> {
    keys::forget_retired(c, now)?;
    let of_lists = status_lists::earlier(c, now)?;
    let mut gone = jobs::forget_dead(c, now, most)?
        + deliveries::forget(c, excess, now, most)?
        + authorizations::forget(c, now, most)?
        + status_lists::forget(c, of_lists, most)?;
    for (table, key, time, before) in [
        ("interactions", "digest", "expires_at", now),
        ("revoked_access_tokens", "jti", "expires_at", now),
        ("refusals", "reference", "at", now - bounds::EXPLAINED),
        ("attempts", "key", "since", now - WINDOW),
        ("idempotent_calls", "key", "began_at", now - KNOWN),
        ("bulk_ends", "id", "done_at", now - bounds::BULK_ENDS_KEPT),
        ("console_drafts", "session_id", "expires_at", now),
        ("upstream_logins", "state", "expires_at", now),
        ("pending_links", "interaction", "expires_at", now),
        (
            "ended_tokens",
            "id",
            "until_at",
            of_lists - status_lists::SHOWN,
        ),
    ] {
        let delete = format!(
            "DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE {time} <= $1 LIMIT $2)"
        );
        gone += on!(c => sql_query(&delete).bind::<BigInt, _>(Stored(before)).bind::<BigInt, _>(most).execute(c))?;
    }
    Ok(gone + excess_refusals(c)? + excess_interactions(c)? + excess_attempts(c)?)
}

#[derive(QueryableByName)]
pub struct Sum {
    #[diesel(sql_type = BigInt)]
    pub sum: i64,
}

fn sum(c: &mut AnyConnection, query: &str) -> Result<i64, RowError> {
    Ok(on!(c => sql_query(query).get_result::<Sum>(c))
        .optional()?
        .map_or(0, |found| found.sum))
}

#[derive(QueryableByName)]
struct Share {
    #[diesel(sql_type = Text)]
    share: String,
    #[diesel(sql_type = BigInt)]
    sum: i64,
}

#[derive(QueryableByName)]
/// Only told apart: rows of one that is no digest go like others.
struct Neighbourhood {
    #[diesel(sql_type = Nullable<Binary>)]
    neighbourhood: Option<Vec<u8>>,
    #[diesel(sql_type = BigInt)]
    sum: i64,
}

const OF_SHARE: &str = "DELETE FROM refusals WHERE reference IN (SELECT reference FROM refusals WHERE share = $1 \
    AND neighbourhood IS NOT DISTINCT FROM $2 ORDER BY at LIMIT $3)";
const OF_NEIGHBOURHOOD: &str = "DELETE FROM refusals WHERE reference IN (SELECT reference FROM refusals WHERE \
    neighbourhood IS NOT DISTINCT FROM $1 ORDER BY at LIMIT $2)";

/// Refusals beyond the bound: of the client or the neighbourhood that has the most, the oldest go, so that whoever is
/// noisy pushes out nobody else's.
fn excess_refusals(c: &mut AnyConnection) -> Result<usize, RowError> {
    let mut excess = sum(c, "SELECT count(*) AS sum FROM refusals")? - bounds::REFUSALS;
    let mut gone = 0;
    for _ in 0..SLICES {
        if excess <= 0 {
            break;
        }
        let slice = excess.min(SLICE);
        let by_share =
            "SELECT share, count(*) AS sum FROM refusals GROUP BY share ORDER BY sum DESC LIMIT 1";
        let Some(noisy) = on!(c => sql_query(by_share).get_result::<Share>(c)).optional()? else {
            break;
        };
        let by_place = "SELECT neighbourhood, count(*) AS sum FROM refusals GROUP BY neighbourhood ORDER BY sum DESC LIMIT 1";
        let Some(near) = on!(c => sql_query(by_place).get_result::<Neighbourhood>(c)).optional()?
        else {
            break;
        };
        let deleted = if noisy.sum > near.sum {
            let within = "SELECT neighbourhood, count(*) AS sum FROM refusals WHERE share = $1 \
                GROUP BY neighbourhood ORDER BY sum DESC LIMIT 1";
            let theirs = sql_query(within).bind::<Text, _>(noisy.share.clone());
            let Some(near) = on!(c => theirs.get_result::<Neighbourhood>(c)).optional()? else {
                break;
            };
            on!(c => sql_query(OF_SHARE)
                .bind::<Text, _>(&noisy.share)
                .bind::<Nullable<Binary>, _>(&near.neighbourhood)
                .bind::<BigInt, _>(slice)
                .execute(c))?
        } else {
            let delete =
                sql_query(OF_NEIGHBOURHOOD).bind::<Nullable<Binary>, _>(near.neighbourhood);
            on!(c => delete.bind::<BigInt, _>(slice).execute(c))?
        };
        gone += deleted;
        excess -= i64::try_from(deleted).unwrap_or(i64::MAX);
    }
    Ok(gone)
}

/// What all unfinished sign-ins count together.
pub fn begun(c: &mut AnyConnection) -> Result<i64, RowError> {
    sum(
        c,
        "SELECT CAST(coalesce(sum(cost), 0) AS BIGINT) AS sum FROM interactions",
    )
}

/// Unfinished sign-ins beyond the bound: of the neighbourhood that has the most, the oldest go.
fn excess_interactions(c: &mut AnyConnection) -> Result<usize, RowError> {
    let mut gone = 0;
    for _ in 0..SLICES {
        if begun(c)? <= bounds::BEGUN_BY_ALL {
            break;
        }
        let by_place = "SELECT neighbourhood, CAST(sum(cost) AS BIGINT) AS sum FROM interactions \
            GROUP BY neighbourhood ORDER BY sum DESC LIMIT 1";
        let Some(near) = on!(c => sql_query(by_place).get_result::<Neighbourhood>(c)).optional()?
        else {
            break;
        };
        let delete = "DELETE FROM interactions WHERE digest IN (SELECT digest FROM interactions WHERE \
            neighbourhood IS NOT DISTINCT FROM $1 ORDER BY created_at LIMIT $2)";
        let delete = sql_query(delete).bind::<Nullable<Binary>, _>(near.neighbourhood);
        gone += on!(c => delete.bind::<BigInt, _>(4 * SLICE).execute(c))?;
    }
    Ok(gone)
}

/// Counts beyond the bound: the smallest go, which have the least to say.
fn excess_attempts(c: &mut AnyConnection) -> Result<usize, RowError> {
    let excess = sum(c, "SELECT count(*) AS sum FROM attempts")? - bounds::COUNTS;
    if excess <= 0 {
        return Ok(0);
    }
    let delete = "DELETE FROM attempts WHERE key IN (SELECT key FROM attempts ORDER BY count, since LIMIT $1)";
    Ok(on!(c => sql_query(delete).bind::<BigInt, _>(excess).execute(c))?)
}
