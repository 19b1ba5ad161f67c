//! Rows of the audit table.

use diesel::{pg::Pg, prelude::*, sqlite::Sqlite};
use latchkey_protocol::{
    Timestamp,
    audit::{ActorKind, AuditEntry, StoredAuditEntry, TargetKind},
    audit_row::AuditRow,
};

use crate::schema::audit;

#[derive(Clone, Insertable)]
#[diesel(table_name = audit)]
pub struct NewRow {
    pub at: i64,
    pub event: String,
    pub actor_kind: &'static str,
    pub actor: Option<String>,
    pub actor_name: Option<String>,
    pub front_end: &'static str,
    pub target_kind: Option<&'static str>,
    pub target: Option<String>,
    pub target_name: Option<String>,
    pub user_id: Option<String>,
    pub outcome: &'static str,
    pub address: Option<String>,
    pub request_id: Option<String>,
    pub details: String,
    pub logged: i64,
}

impl NewRow {
    pub fn from_entry(entry: &AuditEntry) -> Self {
        let user_id = user_of(entry);
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
            actor_name: entry.actor.name,
            front_end: entry.front_end.name(),
            target_kind,
            target,
            target_name,
            user_id,
            outcome: entry.outcome.name(),
            address: entry.address.map(|address| address.to_string()),
            request_id: entry.request_id,
            details: serde_json::Value::Object(entry.details).to_string(),
            logged: i64::from(entry.is_logged),
        }
    }
}

/// Whom an entry concerns: its target, whoever the details name, or the actor.
fn user_of(entry: &AuditEntry) -> Option<String> {
    let target = entry.target.as_ref();
    let user = target.filter(|t| matches!(t.kind, TargetKind::User | TargetKind::Consent));
    let named = || entry.details.get("user")?.as_str().map(str::to_owned);
    let actor = || {
        let is_user = entry.actor.kind == ActorKind::User;
        entry.actor.id.clone().filter(|_| is_user)
    };
    user.and_then(|user| user.id.clone())
        .or_else(named)
        .or_else(actor)
}

#[derive(Queryable, Selectable, QueryableByName)]
#[diesel(table_name = audit, check_for_backend(Sqlite, Pg))]
pub struct Row {
    pub id: i64,
    pub at: i64,
    event: String,
    actor_kind: String,
    actor: Option<String>,
    actor_name: Option<String>,
    front_end: String,
    target_kind: Option<String>,
    target: Option<String>,
    target_name: Option<String>,
    user_id: Option<String>,
    outcome: String,
    address: Option<String>,
    request_id: Option<String>,
    details: String,
    count: i64,
    logged: i64,
    pub position: Option<i64>,
    pub hash: Option<Vec<u8>>,
    seal: Option<Vec<u8>>,
}

impl Row {
    pub fn into_row(self) -> AuditRow {
        AuditRow {
            id: self.id,
            at: Timestamp::from_seconds(self.at),
            event: self.event,
            actor_kind: self.actor_kind,
            actor: self.actor,
            actor_name: self.actor_name,
            front_end: self.front_end,
            target_kind: self.target_kind,
            target: self.target,
            target_name: self.target_name,
            user_id: self.user_id,
            outcome: self.outcome,
            address: self.address,
            request_id: self.request_id,
            details: self.details,
            count: self.count,
            logged: self.logged,
            position: self.position,
            hash: self.hash,
            seal: self.seal,
        }
    }
}

/// The entry, or the row's id and the column that cannot be read.
pub fn into_stored(row: &AuditRow) -> Result<StoredAuditEntry, (i64, &'static str)> {
    Ok(StoredAuditEntry {
        id: row.id,
        position: row.position,
        count: row.count,
        entry: row.read().map_err(|column| (row.id, column))?,
    })
}
