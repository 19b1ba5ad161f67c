//! The audit log: its entries, and whether its chain holds.

use latchkey_operations::AuditVerdict;
use latchkey_protocol::{
    Timestamp,
    audit::AuditOutcome,
    audit_chain::{Checkpoint, hex},
    audit_row::{AuditFilter, AuditRow},
    audit_walk::{Break, Damage},
    page::Page,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::users::subject;
use crate::{
    answer::Answer,
    asked::Asked,
    problem::{Kind, Problem},
};

/// Who did it, or to whom it was done.
#[derive(Serialize, JsonSchema)]
pub struct AuditParty {
    /// What kind of name `id` is.
    kind: String,
    /// Such as a subject or a `client_id`.
    id: Option<String>,
    /// What it was called then.
    name: Option<String>,
}

/// An entry of the audit log.
#[derive(Serialize, JsonSchema)]
pub struct AuditEntry {
    /// Its place in the chain; null until it is sealed.
    position: Option<i64>,
    /// Sorts by when it was written.
    id: i64,
    /// In seconds since 1970.
    at: i64,
    /// What happened, such as `user disable` or `session ended`.
    event: String,
    /// `done` or `refused`.
    outcome: String,
    /// Who did it.
    actor: AuditParty,
    /// Where: `command`, `page`, `endpoint`, `server`, `console` or `api`.
    front_end: String,
    /// From where.
    address: Option<String>,
    /// The request's name in the log.
    request_id: Option<String>,
    /// To whom or what.
    target: Option<AuditParty>,
    /// Whom it concerns, by subject.
    user: Option<String>,
    /// How often it happened.
    count: i64,
    /// More, such as old and new values; never a secret.
    details: Value,
    /// In hexadecimal digits, once it is sealed.
    hash: Option<String>,
    /// The column that cannot be read, where somebody has changed it.
    unreadable: Option<String>,
}

impl AuditEntry {
    fn of(row: AuditRow) -> Self {
        let unreadable = row.read().err().map(str::to_owned);
        let details = serde_json::from_str(&row.details);
        let target = row.target_kind.map(|kind| AuditParty {
            kind,
            id: row.target,
            name: row.target_name,
        });
        Self {
            position: row.position,
            id: row.id,
            at: row.at.as_seconds(),
            event: row.event,
            outcome: row.outcome,
            actor: AuditParty {
                kind: row.actor_kind,
                id: row.actor,
                name: row.actor_name,
            },
            front_end: row.front_end,
            address: row.address,
            request_id: row.request_id,
            target,
            user: row.user_id,
            count: row.count,
            details: details.unwrap_or(Value::String(row.details)),
            hash: row.hash.as_deref().map(hex),
            unreadable,
        }
    }
}

/// A place where the chain does not hold.
#[derive(Serialize, JsonSchema)]
pub struct ChainBreak {
    /// The place.
    position: i64,
    /// What was done there.
    damage: &'static str,
}

impl ChainBreak {
    fn of(found: &Break) -> Self {
        let damage = match found.damage {
            Damage::Changed => "changed",
            Damage::Forged => "forged",
            Damage::Dropped => "dropped",
            Damage::ChangedBeforeRemoval => "changed before it was removed",
            Damage::Parted => "parted",
            Damage::Misplaced => "misplaced",
            Damage::CutOff => "cut off",
            Damage::Replaced => "replaced",
        };
        let position = found.position;
        Self { position, damage }
    }
}

/// Whether the chain holds.
#[derive(Serialize, JsonSchema)]
pub struct ChainVerdict {
    /// Whether all of it does.
    holds: bool,
    /// How many entries hold.
    entries: u64,
    /// How many entries were removed for their age or for the bound of the table, by records that hold.
    removed: i64,
    /// How many are not in the chain yet.
    unsealed: i64,
    /// Up to where it holds: keep it elsewhere, and send it with the next verification.
    checkpoint: Option<String>,
    /// The first place where it does not hold.
    broken: Option<ChainBreak>,
    /// Further places.
    further: Vec<ChainBreak>,
    /// Checkpoints that were not compared: their entries were removed.
    not_compared: Vec<String>,
}

impl ChainVerdict {
    fn of(verdict: &AuditVerdict) -> Self {
        Self {
            holds: verdict.broken.is_none(),
            entries: verdict.entries,
            removed: verdict.removed,
            unsealed: verdict.unsealed,
            checkpoint: verdict.reached.as_ref().map(Checkpoint::to_string),
            broken: verdict.broken.as_ref().map(ChainBreak::of),
            further: verdict.further.iter().map(ChainBreak::of).collect(),
            not_compared: verdict
                .not_compared
                .iter()
                .map(Checkpoint::to_string)
                .collect(),
        }
    }
}

/// `GET /audit`.
pub async fn list(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let page: Page<(Timestamp, i64)> = asked.page()?;
    let text = |name: &str| asked.parameter(name).map(str::to_owned);
    let filter = AuditFilter {
        since: asked.moment("since")?,
        until: asked.moment("until")?,
        event: text("event"),
        actor: text("actor"),
        target: text("target"),
        user: match asked.parameter("user") {
            None => None,
            Some(named) => Some(subject(asked, named).await?),
        },
        outcome: asked.read("outcome", "done or refused", AuditOutcome::from_name)?,
    };
    let found = asked.operations().audit_entries(&filter, &page).await?;
    asked.listed(&page, found, |row| (row.at, row.id), AuditEntry::of)
}

/// `GET /audit/verification`.
pub async fn verify(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let read = |text: &str| text.parse::<Checkpoint>().ok();
    let held = asked.read(
        "checkpoint",
        "POSITION:HASH, as an earlier verification said",
        read,
    )?;
    // It reads the whole table: one at a time.
    let Ok(_only) = asked.api.verifying.try_acquire() else {
        let detail = "the chain is being verified already";
        return Err(Problem::new(Kind::Busy, detail));
    };
    let held: Vec<_> = held.into_iter().collect();
    let operations = asked.operations();
    let verdict = operations.verify_audit(&asked.api.chain_key, &held).await?;
    Answer::ok(&ChainVerdict::of(&verdict))
}
