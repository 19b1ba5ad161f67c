//! The SQL of the audit table.

mod effect;

use std::sync::Arc;

use async_trait::async_trait;
use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};
use latchkey_protocol::{
    Store, Timestamp, UserId,
    attempts::network,
    audit::{
        ActorKind, AuditActor, AuditEntry, AuditOutcome, AuditTarget, Event, FrontEnd,
        StoredAuditEntry, TargetKind,
    },
    audit_chain::{ChainKey, Checkpoint},
    audit_row::{AuditFilter, AuditRow},
    audit_walk::StoredRun,
    page::Page,
    session::{Cause, Session},
    store::{self, Audit},
};
use serde_json::{Map, json};

mod fold;
mod forget;
mod list;
mod removed;
mod rows;
mod seal;

use self::rows::{NewRow, Row, into_stored};
use crate::{
    connection::{AnyConnection, Database, on},
    deliveries,
    error::RowError,
    schema::audit,
    statement::{binds, statement},
    status_lists::in_sessions,
};

pub use effect::Effect;

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

/// What a statement that ends sessions answers of each.
#[derive(QueryableByName)]
pub struct EndedRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    user_id: String,
}

impl From<EndedRow> for Ended {
    fn from(row: EndedRow) -> Self {
        Self {
            session: row.id,
            user: UserId::new(row.user_id),
        }
    }
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

/// An entry for each session that ends, the end of its access tokens, and a delivery for each client that hears of it, in the
/// transaction of whatever ends it, after its row is gone. `by`: the entry of that; without one it
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
    let sessions: Vec<String> = ended.iter().map(|one| one.session.clone()).collect();
    deliveries::tell(c, &ended, cause, now)?;
    let mut like = by.cloned().unwrap_or_else(|| unasked(now));
    like.event = Event::SessionEnded.name().into();
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
        // What administrators end is named one by one, however much it is.
        let by_administrator = matches!(like.front_end, FrontEnd::Console | FrontEnd::Api);
        if by_administrator || matches!(like.actor.kind, ActorKind::Command | ActorKind::Server) {
            rows.push(row);
        } else {
            let actor = like.actor.id.as_deref().unwrap_or_default();
            fold::add_own(c, &row, &format!("{actor} {user}"))?;
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
    // Last: what goes on is in use, and is held until the transaction is over.
    in_sessions::note(c, &sessions, cause, now)
}

/// What the server does by itself.
pub fn unasked(now: Timestamp) -> AuditEntry {
    AuditEntry {
        at: now,
        event: String::new(),
        actor: AuditActor {
            kind: ActorKind::Server,
            id: None,
            name: None,
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
const NEW: &str =
    "SELECT id FROM audit WHERE position IS NULL AND coalesce(closes_at, 0) <= ? LIMIT 1";

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

const MISPLACED: &str =
    "SELECT position AS id FROM audit WHERE position < 1 ORDER BY position LIMIT 1";
const UNSEALED: &str = "SELECT count(*) AS id FROM audit WHERE position IS NULL";

fn rows(rows: Vec<Row>) -> Vec<AuditRow> {
    rows.into_iter().map(Row::into_row).collect()
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

    async fn audit_entries(
        &self,
        filter: &AuditFilter,
        page: &Page<(Timestamp, i64)>,
    ) -> store::Result<Vec<AuditRow>> {
        let (filter, page) = (filter.clone(), page.clone());
        self.read(move |c| Ok(rows(list::list(c, &filter, &page)?)))
            .await
    }

    async fn audit_chain(&self, after: i64, most: i64) -> store::Result<Vec<AuditRow>> {
        self.read(move |c| Ok(rows(list::chain(c, after, most)?)))
            .await
    }

    async fn audit_checkpoint(&self) -> store::Result<Option<Checkpoint>> {
        self.read(seal::head).await
    }

    async fn removed_audit_entries(&self, position: i64) -> store::Result<Option<StoredRun>> {
        self.read(move |c| removed::run_at(c, position)).await
    }

    async fn misplaced_audit_entry(&self) -> store::Result<Option<i64>> {
        self.read(|c| {
            let lowest: Option<Id> =
                on!(c => statement(MISPLACED, binds![]).get_result(c)).optional()?;
            Ok(lowest.map(|lowest| lowest.id))
        })
        .await
    }

    async fn unsealed_audit_entries(&self) -> store::Result<i64> {
        self.read(|c| {
            let count: Id = on!(c => statement(UNSEALED, binds![]).get_result(c))?;
            Ok(count.id)
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
            match into_stored(&row.into_row()) {
                Ok(entry) => read.push(entry),
                Err((id, column)) => {
                    tracing::error!(id, column, "an entry of the audit table cannot be read");
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

    async fn seal_audit_entries(
        &self,
        key: &ChainKey,
        known: Option<&Checkpoint>,
        now: Timestamp,
        most: i64,
    ) -> store::Result<Option<usize>> {
        let (key, known) = (key.clone(), known.copied());
        self.write(move |c| seal::seal(c, &key, known.as_ref(), now, most))
            .await
    }

    async fn forget_audit_entries(
        &self,
        key: &ChainKey,
        keep: i64,
        now: Timestamp,
        most: i64,
    ) -> store::Result<usize> {
        let key = key.clone();
        self.write(move |c| forget::aged(c, &key, keep, now, most))
            .await
    }

    async fn bound_audit_entries(
        &self,
        key: &ChainKey,
        bound: i64,
        most: i64,
    ) -> store::Result<usize> {
        let key = key.clone();
        self.write(move |c| forget::beyond(c, &key, bound, most))
            .await
    }
}
