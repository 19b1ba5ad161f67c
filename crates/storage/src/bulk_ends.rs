//! The SQL of ends of many sessions.

mod slice;
mod stands;

use async_trait::async_trait;
use diesel::{prelude::*, sql_types::BigInt};
use latchkey_protocol::{
    ClientId, Timestamp,
    audit::AuditEntry,
    bulk_end::{BulkEnd, SessionCount},
    store::{self, BulkEnds},
};

#[cfg(test)]
pub(crate) use self::slice::GIVEN_CLIENT;
use self::slice::slice;
pub use self::stands::{AuthorizationStands, SessionStands};
pub(crate) use self::stands::{authorization_stands, session_meant, session_stands};
use crate::{
    audit,
    connection::{AnyConnection, Database, on},
    error::RowError,
    schema::bulk_ends,
    statement::{Bind, binds, statement},
};

#[derive(Queryable, Selectable, QueryableByName)]
#[diesel(table_name = bulk_ends, check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
struct Row {
    id: i64,
    client_id: Option<String>,
    until_at: i64,
    begun_at: i64,
    ended: i64,
    done_at: Option<i64>,
}

impl Row {
    fn into_bulk_end(self) -> BulkEnd {
        BulkEnd {
            id: self.id,
            client_id: self.client_id.map(ClientId::new),
            until: Timestamp::from_seconds(self.until_at),
            begun_at: Timestamp::from_seconds(self.begun_at),
            ended: self.ended,
            done_at: self.done_at.map(Timestamp::from_seconds),
        }
    }
}

/// As far as clocks of nodes may be ahead of the one that says what time it is.
const AHEAD: i64 = 60;

/// What nodes whose clocks are ahead have begun is meant as well. The id of an authorization begins with its time: the last
/// one is the newest. Of a client by a range of pairs, for the reason that `status_lists/reviews.rs` gives.
macro_rules! begin {
    ($newest:literal, $where:literal) => {
        concat!(
            "INSERT INTO bulk_ends (client_id, until_at, begun_at, actor_kind, actor, actor_name, front_end, address, request_id) \
            SELECT ?, (SELECT max(at) FROM (SELECT ? AS at UNION ALL SELECT max(created_at) FROM sessions WHERE created_at <= ? \
            UNION ALL SELECT created_at FROM (SELECT created_at FROM authorizations ",
            $newest,
            " LIMIT 1) AS newest WHERE created_at <= ?) AS begun), ?, ?, ?, ?, ?, ?, ? ",
            $where,
            "RETURNING id, client_id, until_at, begun_at, ended, done_at"
        )
    };
}
const BEGIN_ALL: &str = begin!("ORDER BY id DESC", "");
const BEGIN_CLIENT: &str = begin!(
    "WHERE (client_id, id) > (?, '') AND client_id <= ? ORDER BY client_id DESC, id DESC",
    "WHERE EXISTS (SELECT 1 FROM clients WHERE id = ? AND (CAST(? AS BIGINT) IS NULL OR version = ?)) "
);

fn begin(
    c: &mut AnyConnection,
    (client, version): (Option<&ClientId>, Option<i64>),
    entry: Option<&AuditEntry>,
    now: Timestamp,
) -> Result<Option<BulkEnd>, RowError> {
    let unasked = audit::unasked(now);
    let by = entry.unwrap_or(&unasked);
    let address = by.address.map(|address| address.to_string());
    let ahead = now + AHEAD;
    let newest: Vec<Bind> = [Bind::from(client), Bind::from(now), Bind::from(ahead)]
        .into_iter()
        .chain(client.into_iter().flat_map(|of| [of, of]).map(Bind::from))
        .collect();
    let about: &[Bind] = binds![
        ahead,
        now,
        by.actor.kind.name(),
        by.actor.id.as_deref(),
        by.actor.name.as_deref(),
        by.front_end.name(),
        address.as_deref(),
        by.request_id.as_deref(),
    ];
    let exists: Vec<Bind> = match client {
        Some(client) => binds![client, version, version].to_vec(),
        None => Vec::new(),
    };
    let all = [&newest, about, &exists].concat();
    let text = if client.is_some() {
        BEGIN_CLIENT
    } else {
        BEGIN_ALL
    };
    let begun: Vec<Row> = on!(c => statement(text, &all).load(c))?;
    Ok(begun.into_iter().next().map(Row::into_bulk_end))
}

/// As many as are shown.
const SHOWN: i64 = 20;

fn shown(c: &mut AnyConnection, since: Timestamp) -> Result<Vec<BulkEnd>, RowError> {
    let since = since.as_seconds();
    let rows: Vec<Row> = on!(c => bulk_ends::table
        .filter(bulk_ends::done_at.is_null().or(bulk_ends::done_at.gt(since)))
        .order(bulk_ends::id.desc())
        .limit(SHOWN)
        .select(Row::as_select())
        .load(c))?;
    Ok(rows.into_iter().map(Row::into_bulk_end).collect())
}

/// An end of all sessions leaves those that began after it: the newest, by the index.
const COUNT_ALL: &str = concat!(
    "WITH looked AS (SELECT id, created_at, expires_at FROM sessions WHERE created_at > (SELECT coalesce(max(until_at), ?) \
    FROM bulk_ends WHERE done_at IS NULL AND client_id IS NULL) ORDER BY created_at DESC, id DESC LIMIT ?) \
    SELECT (SELECT count(*) FROM looked) AS looked, (SELECT count(*) FROM looked AS sessions WHERE expires_at > ? AND ",
    session_stands!(),
    ") AS count"
);
const COUNT_CLIENT: &str = concat!(
    "WITH looked AS (SELECT session_id FROM authorizations WHERE (client_id, id) > (?, '') AND client_id <= ? \
    ORDER BY client_id DESC, id DESC LIMIT ?) \
    SELECT (SELECT count(*) FROM looked) AS looked, (SELECT count(*) FROM sessions \
    WHERE sessions.id IN (SELECT session_id FROM looked) AND sessions.expires_at > ? AND ",
    session_stands!(),
    ") AS count"
);

#[derive(QueryableByName)]
struct Counted {
    /// Rows that were looked at.
    #[diesel(sql_type = BigInt)]
    looked: i64,
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn count(
    c: &mut AnyConnection,
    client: Option<&ClientId>,
    most: i64,
    now: Timestamp,
) -> Result<SessionCount, RowError> {
    let looks = most.saturating_mul(2);
    let Counted { looked, count } = match client {
        Some(client) => {
            let of_client = binds![client, client, looks, now];
            on!(c => statement(COUNT_CLIENT, of_client).get_result(c))?
        }
        None => on!(c => statement(COUNT_ALL, binds![i64::MIN, looks, now]).get_result(c))?,
    };
    Ok(match count {
        count if count > most => SessionCount::AtLeast(most),
        count if looked == looks => SessionCount::AtLeast(count),
        count => SessionCount::Exactly(count),
    })
}

#[async_trait]
impl BulkEnds for Database {
    async fn begin_bulk_end(
        &self,
        client: Option<&ClientId>,
        version: Option<i64>,
        now: Timestamp,
    ) -> store::Result<Option<BulkEnd>> {
        let (client, entry) = (client.cloned(), self.entry.clone());
        let begun = self
            .write_recorded(move |c| begin(c, (client.as_ref(), version), entry.as_deref(), now))
            .await;
        // The worker asks what there is.
        self.job_added.notify_one();
        begun
    }

    async fn continue_bulk_end(
        &self,
        id: i64,
        now: Timestamp,
        most: i64,
    ) -> store::Result<Option<BulkEnd>> {
        let ended = self.write(move |c| slice(c, id, now, most));
        ended.await
    }

    async fn bulk_ends(&self, since: Timestamp) -> store::Result<Vec<BulkEnd>> {
        self.read(move |c| shown(c, since)).await
    }

    async fn count_sessions(
        &self,
        client: Option<&ClientId>,
        most: i64,
        now: Timestamp,
    ) -> store::Result<SessionCount> {
        let client = client.cloned();
        self.read(move |c| count(c, client.as_ref(), most, now))
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::{BEGIN_ALL, BEGIN_CLIENT, COUNT_CLIENT};
    use crate::test_database::{CLIENTS, fill, on_postgres, on_sqlite, plan};

    const BY: [&str; 8] = ["1", "1", "'server'", "'a'", "'a'", "'server'", "'a'", "'a'"];

    fn begins(client: &str) -> Vec<&str> {
        let newest = [client, "1", "1", client, client];
        [&newest[..], &BY, &[client, "1", "1"]].concat()
    }

    /// Also where the client has next to nothing, or nearly all.
    #[test]
    fn the_newest_of_a_client_are_found_by_the_client() {
        on_sqlite(|c| {
            let range = "INDEX authorizations_client ((client_id,id)>(?,?) AND client_id<?)";
            for (text, values) in [
                (BEGIN_CLIENT, begins("'c'")),
                (COUNT_CLIENT, vec!["'c'", "'c'", "2000", "1"]),
            ] {
                let plan = plan(c, text, &values);
                assert!(plan.contains(range), "{text}: {plan}");
                assert!(!plan.contains("ORDER BY"), "{text}: {plan}");
            }
        });
        on_postgres("newest", |c| {
            fill(c);
            for client in CLIENTS {
                for (text, values) in [
                    (BEGIN_CLIENT, begins(client)),
                    (COUNT_CLIENT, vec![client, client, "2000", "1"]),
                ] {
                    let plan = plan(c, text, &values);
                    let by = "Backward using authorizations_client on authorizations";
                    assert!(plan.contains(by), "{text} of {client}: {plan}");
                    assert!(plan.contains("Index Cond: ((ROW("), "{client}: {plan}");
                }
            }
            let plan = plan(c, BEGIN_ALL, &[&["NULL", "1", "1", "1"], &BY[1..]].concat());
            assert!(!plan.contains("Seq Scan on authorizations"), "{plan}");
        });
    }
}
