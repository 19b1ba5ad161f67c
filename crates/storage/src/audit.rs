//! The SQL of the audit table.

mod effect;

use std::sync::Arc;

use async_trait::async_trait;
use diesel::{pg::Pg, prelude::*, sql_types::BigInt, sqlite::Sqlite};
use latchkey_protocol::{
    Store, Timestamp,
    audit::{
        ActorKind, AuditActor, AuditEntry, AuditOutcome, AuditTarget, FrontEnd, StoredAuditEntry,
        TargetKind, closes_at,
    },
    bounds,
    session::{Cause, Session},
    store::{self, Audit},
};
use serde_json::{Map, json};

use crate::{
    connection::{AnyConnection, Database, on},
    error::RowError,
    schema::audit,
    statement::{Bind, binds, statement},
};

pub use effect::Effect;

#[derive(Clone, Insertable)]
#[diesel(table_name = audit)]
struct NewRow {
    at: i64,
    event: String,
    actor_kind: &'static str,
    actor: Option<String>,
    front_end: &'static str,
    target_kind: Option<&'static str>,
    target: Option<String>,
    target_name: Option<String>,
    outcome: &'static str,
    address: Option<String>,
    request_id: Option<String>,
    details: String,
    logged: i64,
}

impl NewRow {
    fn from_entry(entry: &AuditEntry) -> Self {
        let entry = entry.clone();
        let (target_kind, target, target_name) = match entry.target {
            Some(target) => (Some(target.kind.name()), target.id, target.name),
            None => (None, None, None),
        };
        Self {
            at: entry.at.as_seconds(),
            event: entry.event,
            actor_kind: entry.actor.kind.name(),
            actor: entry.actor.id,
            front_end: entry.front_end.name(),
            target_kind,
            target,
            target_name,
            outcome: entry.outcome.name(),
            address: entry.address.map(|address| address.to_string()),
            request_id: entry.request_id,
            details: serde_json::Value::Object(entry.details).to_string(),
            logged: i64::from(entry.is_logged),
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit, check_for_backend(Sqlite, Pg))]
struct Row {
    id: i64,
    at: i64,
    event: String,
    actor_kind: String,
    actor: Option<String>,
    front_end: String,
    target_kind: Option<String>,
    target: Option<String>,
    target_name: Option<String>,
    outcome: String,
    address: Option<String>,
    request_id: Option<String>,
    details: String,
    count: i64,
    logged: i64,
    position: Option<i64>,
}

impl Row {
    fn into_entry(self) -> Result<StoredAuditEntry, RowError> {
        let corrupt = |column| RowError::Corrupt {
            table: "audit",
            row: self.id.to_string(),
            column,
        };
        let target = match &self.target_kind {
            None => None,
            Some(kind) => Some(AuditTarget {
                kind: TargetKind::from_name(kind).ok_or_else(|| corrupt("target_kind"))?,
                id: self.target.clone(),
                name: self.target_name.clone(),
            }),
        };
        let entry = AuditEntry {
            at: Timestamp::from_seconds(self.at),
            actor: AuditActor {
                kind: ActorKind::from_name(&self.actor_kind)
                    .ok_or_else(|| corrupt("actor_kind"))?,
                id: self.actor.clone(),
            },
            front_end: FrontEnd::from_name(&self.front_end).ok_or_else(|| corrupt("front_end"))?,
            target,
            outcome: AuditOutcome::from_name(&self.outcome).ok_or_else(|| corrupt("outcome"))?,
            address: match &self.address {
                Some(address) => Some(address.parse().map_err(|_| corrupt("address"))?),
                None => None,
            },
            details: serde_json::from_str(&self.details).map_err(|_| corrupt("details"))?,
            is_logged: self.logged != 0,
            event: self.event,
            request_id: self.request_id,
        };
        Ok(StoredAuditEntry {
            id: self.id,
            position: self.position,
            count: self.count,
            entry,
        })
    }
}

/// Within the transaction of what it is about.
pub fn add(c: &mut AnyConnection, entry: &AuditEntry) -> Result<(), RowError> {
    let row = NewRow::from_entry(entry);
    on!(c => diesel::insert_into(audit::table).values(row).execute(c))?;
    Ok(())
}

/// A session that has just ended.
pub struct Ended {
    pub session: String,
    pub user: String,
}

impl Ended {
    /// A session that was read before.
    pub fn of(session: &Session) -> Self {
        Self {
            session: session.id.clone().into_string(),
            user: session.user_id.clone(),
        }
    }
}

/// An entry for each session that ends, in the transaction of whatever ends it. `by`: the entry of that; without one it
/// was the server.
pub fn sessions_ended(
    c: &mut AnyConnection,
    by: Option<&AuditEntry>,
    ended: Vec<Ended>,
    cause: Cause,
    now: Timestamp,
) -> Result<(), RowError> {
    if ended.is_empty() {
        return Ok(());
    }
    let mut like = by.cloned().unwrap_or_else(|| unasked(now));
    like.event = "session ended".into();
    like.is_logged = true;
    let mut rows = Vec::with_capacity(ended.len());
    for Ended { session, user } in ended {
        like.target = Some(AuditTarget {
            kind: TargetKind::Session,
            id: Some(session),
            name: None,
        });
        let details = [("user", json!(user)), ("cause", json!(cause.text()))];
        like.details = details
            .map(|(k, v)| (k.to_owned(), v))
            .into_iter()
            .collect();
        rows.push(NewRow::from_entry(&like));
    }
    match c {
        // diesel would begin a transaction for many rows.
        AnyConnection::Sqlite(c) => {
            for row in rows {
                diesel::insert_into(audit::table).values(row).execute(c)?;
            }
        }
        AnyConnection::Postgres(c) => {
            diesel::insert_into(audit::table).values(rows).execute(c)?;
        }
    }
    Ok(())
}

/// What the server does by itself.
fn unasked(now: Timestamp) -> AuditEntry {
    AuditEntry {
        at: now,
        event: String::new(),
        actor: AuditActor {
            kind: ActorKind::Server,
            id: None,
        },
        front_end: FrontEnd::Server,
        target: None,
        outcome: AuditOutcome::Done,
        address: None,
        request_id: None,
        details: Map::new(),
        is_logged: true,
    }
}

/// Its place is not given yet, so it may still change.
const COUNT: &str = "UPDATE audit SET count = count + 1 WHERE fold = ? AND position IS NULL";
const FIRST: &str = "INSERT INTO audit (at, event, actor_kind, actor, front_end, target_kind, target, target_name, \
    outcome, address, request_id, details, logged, fold, closes_at) \
    SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE (SELECT count(*) FROM audit WHERE closes_at = ?) < ? \
    ON CONFLICT (fold) DO UPDATE SET count = audit.count + 1 WHERE audit.position IS NULL";

/// Counts an entry, or adds the first of its kind while there are fewer than `room` kinds. Whether it is in the table.
fn fold(c: &mut AnyConnection, row: &NewRow, key: &str, room: i64) -> Result<bool, RowError> {
    let closes = closes_at(Timestamp::from_seconds(row.at));
    let key = format!("{} {key} {closes}", row.event);
    if on!(c => statement(COUNT, binds![&key]).execute(c))? == 1 {
        return Ok(true);
    }
    let binds = binds![
        row.at,
        &row.event,
        row.actor_kind,
        &row.actor,
        row.front_end,
        row.target_kind,
        &row.target,
        &row.target_name,
        row.outcome,
        &row.address,
        &row.request_id,
        &row.details,
        row.logged,
        &key,
        closes,
        closes,
        room,
    ];
    Ok(on!(c => statement(FIRST, binds).execute(c))? == 1)
}

/// Any fixed number: those who give places do so one after the other. Who writes entries does not wait for it.
const PLACES: i64 = 0x6c6b_6175_6469_7400;
const PLACE: &str = "WITH fresh AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM audit \
    WHERE position IS NULL AND logged = 1 AND coalesce(closes_at, 0) <= ? ORDER BY id LIMIT ?) \
    UPDATE audit SET position = (SELECT coalesce(max(position), 0) FROM audit) + fresh.n FROM fresh WHERE audit.id = fresh.id";
const NEW: &str =
    "SELECT id FROM audit WHERE position IS NULL AND coalesce(closes_at, 0) <= ? LIMIT 1";

fn place(c: &mut AnyConnection, now: Timestamp, most: i64) -> Result<usize, RowError> {
    if let AnyConnection::Postgres(inner) = c {
        diesel::sql_query(format!("SELECT pg_advisory_xact_lock({PLACES})")).execute(inner)?;
    }
    let binds: &[Bind] = binds![now, most];
    Ok(on!(c => statement(PLACE, binds).execute(c))?)
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// The beginning of the chain, as far as it is old; an entry that is younger keeps those after it.
fn forget(c: &mut AnyConnection, before: Timestamp, most: i64) -> Result<usize, RowError> {
    let oldest = audit::table
        .filter(audit::position.is_not_null())
        .order(audit::position)
        .select((audit::id, audit::at))
        .limit(most + 1);
    let oldest: Vec<(i64, i64)> = on!(c => oldest.load(c))?;
    let but_the_last = oldest.len().saturating_sub(1);
    let old = oldest.iter().take(but_the_last);
    let ids: Vec<i64> = old
        .take_while(|(_, at)| *at <= before.as_seconds())
        .map(|(id, _)| *id)
        .collect();
    Ok(on!(c => diesel::delete(audit::table.filter(audit::id.eq_any(&ids))).execute(c))?)
}

fn entries(rows: Vec<Row>) -> Result<Vec<StoredAuditEntry>, RowError> {
    rows.into_iter().map(Row::into_entry).collect()
}

#[async_trait]
impl Audit for Database {
    fn recording(&self, entry: AuditEntry) -> Arc<dyn Store> {
        let mut recording = self.clone();
        recording.entry = Some(Arc::new(entry));
        Arc::new(recording)
    }

    async fn count_failure(&self, entry: &AuditEntry) -> store::Result<()> {
        let row = NewRow::from_entry(entry);
        self.write(move |c| {
            let target = row.target.as_deref().or(row.address.as_deref());
            if fold(c, &row, target.unwrap_or_default(), bounds::AUDIT_FAILURES)? {
                return Ok(());
            }
            let others = NewRow {
                target_kind: None,
                target: None,
                target_name: None,
                address: None,
                request_id: None,
                details: "{}".into(),
                event: row.event.clone(),
                actor: None,
                ..row.clone()
            };
            fold(c, &others, "others", i64::MAX).map(|_| ())
        })
        .await
    }

    async fn audit_entries(&self, after: i64, most: i64) -> store::Result<Vec<StoredAuditEntry>> {
        self.read(move |c| {
            let page = audit::table
                .filter(audit::id.gt(after))
                .order(audit::id)
                .limit(most);
            entries(on!(c => page.select(Row::as_select()).load(c))?)
        })
        .await
    }

    async fn has_new_audit_entries(&self, now: Timestamp) -> store::Result<bool> {
        self.read(move |c| {
            let new: Vec<Id> = on!(c => statement(NEW, binds![now]).load(c))?;
            Ok(new.first().is_some_and(|new| new.id > 0))
        })
        .await
    }

    async fn unlogged_audit_entries(&self, most: i64) -> store::Result<Vec<StoredAuditEntry>> {
        self.read(move |c| {
            let unlogged = audit::table
                .filter(audit::position.is_null())
                .filter(audit::logged.eq(0))
                .order(audit::id)
                .limit(most);
            entries(on!(c => unlogged.select(Row::as_select()).load(c))?)
        })
        .await
    }

    async fn note_logged(&self, ids: &[i64]) -> store::Result<()> {
        let ids = ids.to_vec();
        self.write_one(move |c| {
            let logged = audit::table.filter(audit::id.eq_any(&ids));
            on!(c => diesel::update(logged).set(audit::logged.eq(1)).execute(c))?;
            Ok(())
        })
        .await
    }

    async fn place_audit_entries(&self, now: Timestamp, most: i64) -> store::Result<usize> {
        self.write(move |c| place(c, now, most)).await
    }

    async fn forget_audit_entries(&self, before: Timestamp, most: i64) -> store::Result<usize> {
        self.write(move |c| forget(c, before, most)).await
    }
}
