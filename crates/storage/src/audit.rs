//! The SQL of the audit table.

mod effect;

use std::sync::Arc;

use async_trait::async_trait;
use diesel::{pg::Pg, prelude::*, sql_types::BigInt, sqlite::Sqlite};
use latchkey_protocol::{
    Store, Timestamp, UserId,
    attempts::network,
    audit::{
        ActorKind, AuditActor, AuditEntry, AuditOutcome, AuditTarget, FrontEnd, StoredAuditEntry,
        TargetKind,
    },
    session::{Cause, Session},
    store::{self, Audit},
};
use serde_json::{Map, json};

mod fold;
mod forget;

use crate::{
    connection::{AnyConnection, Database, on},
    deliveries,
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

/// As [`add`], of what `whom` can do as often as they like: of many in a window the rest is counted in one entry.
pub fn add_own(c: &mut AnyConnection, entry: &AuditEntry, whom: &str) -> Result<(), RowError> {
    fold::add_own(c, &NewRow::from_entry(entry), whom)
}

/// A session that has just ended.
pub struct Ended {
    pub session: String,
    pub user: UserId,
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

/// An entry for each session that ends, and a delivery for each client that hears of it, in the transaction of whatever ends
/// it, after its row is gone. `by`: the entry of that; without one it
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
    deliveries::tell(c, &ended, cause, now)?;
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
        let row = NewRow::from_entry(&like);
        match like.actor.kind {
            ActorKind::Command | ActorKind::Server => rows.push(row),
            _ => {
                let actor = like.actor.id.as_deref().unwrap_or_default();
                fold::add_own(c, &row, &format!("{actor} {user}"))?;
            }
        }
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

/// Seconds after the end of a window in which what happened in it may still come: from another node, or late.
const SETTLED: i64 = 60;
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
    let binds: &[Bind] = binds![now - SETTLED, most];
    Ok(on!(c => statement(PLACE, binds).execute(c))?)
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
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
        let whom = match (&entry.target, entry.address) {
            (Some(target), _) => target.id.clone().unwrap_or_default(),
            (None, Some(address)) => network(address).to_string(),
            (None, None) => String::new(),
        };
        let row = NewRow::from_entry(entry);
        self.write(move |c| fold::count(c, &row, &whom)).await
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
            let new: Vec<Id> = on!(c => statement(NEW, binds![now - SETTLED]).load(c))?;
            Ok(new.first().is_some_and(|new| new.id > 0))
        })
        .await
    }

    async fn unlogged_audit_entries(&self, most: i64) -> store::Result<Vec<StoredAuditEntry>> {
        let rows = self.read(move |c| {
            let unlogged = audit::table
                .filter(audit::position.is_null())
                .filter(audit::logged.eq(0))
                .order(audit::id)
                .limit(most);
            let rows: Vec<Row> = on!(c => unlogged.select(Row::as_select()).load(c))?;
            Ok(rows)
        });
        let (mut read, mut unreadable) = (Vec::new(), Vec::new());
        for row in rows.await? {
            let id = row.id;
            match row.into_entry() {
                Ok(entry) => read.push(entry),
                Err(error) => {
                    tracing::error!(id, ?error, "an entry of the audit table cannot be read");
                    unreadable.push(id);
                }
            }
        }
        if !unreadable.is_empty() {
            self.note_logged(&unreadable).await?;
        }
        Ok(read)
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

    async fn forget_audit_entries(
        &self,
        keep: i64,
        now: Timestamp,
        most: i64,
    ) -> store::Result<usize> {
        self.write(move |c| forget::aged(c, keep, now, most)).await
    }

    async fn bound_audit_entries(&self, bound: i64, most: i64) -> store::Result<usize> {
        self.write(move |c| forget::beyond(c, bound, most)).await
    }
}
