//! The rows of identities and of what waits to be linked.

use diesel::{pg::Pg, prelude::*, sqlite::Sqlite};
use latchkey_protocol::{
    Digest, Timestamp, UserId, kind,
    upstream::{Identity, IdentityKey, LinkedBy, PendingLink, UpstreamName},
};

use crate::{
    error::RowError,
    schema::{identities, pending_links},
    stored::Stored,
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = identities, check_for_backend(Sqlite, Pg))]
pub struct Row {
    issuer: String,
    subject: String,
    upstream: String,
    user_id: String,
    linked_at: Stored<Timestamp>,
    linked_by: String,
    last_sign_in_at: Option<Stored<Timestamp>>,
    pub(super) profile: String,
    pub(super) brought: String,
}

impl Row {
    pub fn from_identity(identity: &Identity) -> Self {
        Self {
            issuer: identity.key.issuer.clone(),
            subject: identity.key.subject.clone(),
            upstream: identity.upstream.to_string(),
            user_id: identity.user_id.clone().into_string(),
            linked_at: Stored(identity.linked_at),
            linked_by: identity.linked_by.name().to_owned(),
            last_sign_in_at: identity.last_sign_in_at.map(Stored),
            profile: serde_json::to_string(&identity.profile).unwrap_or_default(),
            brought: serde_json::to_string(&identity.brought).unwrap_or_default(),
        }
    }

    pub fn into_identity(self) -> Result<Identity, RowError> {
        let corrupt = |column| RowError::Corrupt {
            table: "identities",
            row: self.user_id.clone(),
            column,
        };
        Ok(Identity {
            upstream: UpstreamName::parse(&self.upstream).map_err(|_| corrupt("upstream"))?,
            linked_by: LinkedBy::from_name(&self.linked_by).ok_or_else(|| corrupt("linked_by"))?,
            profile: serde_json::from_str(&self.profile).map_err(|_| corrupt("profile"))?,
            brought: serde_json::from_str(&self.brought).map_err(|_| corrupt("brought"))?,
            key: IdentityKey {
                issuer: self.issuer,
                subject: self.subject,
            },
            user_id: UserId::new(self.user_id),
            linked_at: self.linked_at.0,
            last_sign_in_at: self.last_sign_in_at.map(|at| at.0),
        })
    }
}

#[derive(Queryable, QueryableByName, Selectable)]
#[diesel(table_name = pending_links, check_for_backend(Sqlite, Pg))]
pub struct PendingRow {
    interaction: Stored<Digest<kind::Interaction>>,
    issuer: String,
    subject: String,
    pub(super) upstream: String,
    pub(super) version: i64,
    pub(super) user_id: Option<String>,
    pub(super) profile: String,
    pub(super) created_at: Stored<Timestamp>,
    expires_at: Stored<Timestamp>,
}

impl PendingRow {
    pub fn from_pending(pending: &PendingLink) -> Self {
        Self {
            interaction: Stored(pending.interaction.clone()),
            issuer: pending.key.issuer.clone(),
            subject: pending.key.subject.clone(),
            upstream: pending.upstream.to_string(),
            version: pending.version,
            user_id: pending.user_id.clone().map(UserId::into_string),
            profile: serde_json::to_string(&pending.profile).unwrap_or_default(),
            created_at: Stored(pending.created_at),
            expires_at: Stored(pending.expires_at),
        }
    }

    pub fn into_pending(self) -> Result<PendingLink, RowError> {
        let corrupt = |column| RowError::Corrupt {
            table: "pending_links",
            row: self.created_at.0.to_string(),
            column,
        };
        Ok(PendingLink {
            upstream: UpstreamName::parse(&self.upstream).map_err(|_| corrupt("upstream"))?,
            profile: serde_json::from_str(&self.profile).map_err(|_| corrupt("profile"))?,
            interaction: self.interaction.0,
            key: IdentityKey {
                issuer: self.issuer,
                subject: self.subject,
            },
            version: self.version,
            user_id: self.user_id.map(UserId::new),
            created_at: self.created_at.0,
            expires_at: self.expires_at.0,
        })
    }
}
