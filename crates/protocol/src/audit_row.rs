//! Entries of the audit table as its columns hold them, readable or not, and which of them a list is about.

use crate::{
    audit::{ActorKind, AuditActor, AuditEntry, AuditOutcome, AuditTarget, FrontEnd, TargetKind},
    time::Timestamp,
};

/// An entry as its columns hold it. What cannot be read as an [`AuditEntry`] can still be shown, hashed and handed on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct AuditRow {
    /// Sorts by when it was written.
    pub id: i64,
    pub at: Timestamp,
    pub event: String,
    pub actor_kind: String,
    pub actor: Option<String>,
    pub actor_name: Option<String>,
    pub front_end: String,
    pub target_kind: Option<String>,
    pub target: Option<String>,
    pub target_name: Option<String>,
    /// Whom it concerns: the user as an actor, as the target, or as the one whose session it is.
    pub user_id: Option<String>,
    pub outcome: String,
    pub address: Option<String>,
    pub request_id: Option<String>,
    /// A JSON object.
    pub details: String,
    /// How often it happened.
    pub count: i64,
    pub logged: i64,
    /// Its place in the chain, once it has one; nothing about it changes after that.
    pub position: Option<i64>,
    /// See [`crate::audit_chain::hash`].
    pub hash: Option<Vec<u8>>,
    /// See [`crate::audit_chain::ChainKey::seal`].
    pub seal: Option<Vec<u8>>,
}

impl AuditRow {
    /// What the chain covers, besides numbers; always in this order.
    pub fn texts(&self) -> [Option<&str>; 13] {
        [
            Some(&self.event),
            Some(&self.actor_kind),
            self.actor.as_deref(),
            self.actor_name.as_deref(),
            Some(&self.front_end),
            self.target_kind.as_deref(),
            self.target.as_deref(),
            self.target_name.as_deref(),
            self.user_id.as_deref(),
            Some(&self.outcome),
            self.address.as_deref(),
            self.request_id.as_deref(),
            Some(&self.details),
        ]
    }

    /// The entry.
    ///
    /// # Errors
    /// The column that cannot be read.
    pub fn read(&self) -> Result<AuditEntry, &'static str> {
        let target = match &self.target_kind {
            None => None,
            Some(kind) => Some(AuditTarget {
                kind: TargetKind::from_name(kind).ok_or("target_kind")?,
                id: self.target.clone(),
                name: self.target_name.clone(),
            }),
        };
        let address = self.address.as_deref().map(str::parse).transpose();
        Ok(AuditEntry {
            at: self.at,
            event: self.event.clone(),
            actor: AuditActor {
                kind: ActorKind::from_name(&self.actor_kind).ok_or("actor_kind")?,
                id: self.actor.clone(),
                name: self.actor_name.clone(),
            },
            front_end: FrontEnd::from_name(&self.front_end).ok_or("front_end")?,
            target,
            outcome: AuditOutcome::from_name(&self.outcome).ok_or("outcome")?,
            address: address.map_err(|_| "address")?,
            request_id: self.request_id.clone(),
            details: serde_json::from_str(&self.details).map_err(|_| "details")?,
            is_logged: self.logged != 0,
        })
    }
}

/// Which entries a list is about: those to which all of it applies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// At this moment or later.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    /// With this event.
    pub event: Option<String>,
    /// By this actor, as it is stored: a `sub`, a `client_id`, `uid 0`.
    pub actor: Option<String>,
    /// Of this target, by its id.
    pub target: Option<String>,
    /// That concern this user, by `sub`.
    pub user: Option<String>,
    /// With this outcome.
    pub outcome: Option<AuditOutcome>,
}
