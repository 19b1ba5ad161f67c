//! A session's row.

use diesel::{pg::Pg, prelude::*, sqlite::Sqlite};
use latchkey_protocol::{
    SessionId, Timestamp, UserId, device::Device, kind, secret::Digest, session::Session,
};

use crate::error::RowError;
use crate::{schema::sessions, statement::Bind, stored::Stored};

#[derive(Queryable, QueryableByName, Selectable)]
#[diesel(table_name = sessions, check_for_backend(Sqlite, Pg))]
pub struct Row {
    pub(super) id: String,
    pub(super) digest: Stored<Digest<kind::Session>>,
    pub(super) user_id: String,
    pub(super) auth_time: Stored<Timestamp>,
    pub(super) amr: String,
    pub(super) remember: i64,
    pub(super) created_at: Stored<Timestamp>,
    pub(super) expires_at: Stored<Timestamp>,
    pub(super) ends_at: Stored<Timestamp>,
    pub(super) last_used_at: Stored<Timestamp>,
    pub(super) device: String,
    pub(super) address: Option<String>,
}

impl Row {
    pub fn from_session(session: &Session) -> Self {
        Self {
            id: session.id.as_str().to_owned(),
            digest: Stored(session.digest.clone()),
            user_id: session.user_id.clone().into_string(),
            auth_time: Stored(session.auth_time),
            amr: session.amr.to_string(),
            remember: i64::from(session.remember),
            created_at: Stored(session.created_at),
            expires_at: Stored(session.expires_at),
            ends_at: Stored(session.ends_at),
            last_used_at: Stored(session.last_used_at),
            device: session.device.to_string(),
            address: session.address.map(|address| address.to_string()),
        }
    }

    /// The moment of the sign-in, of a session that is to begin. When the user proved who they are may be long before.
    pub fn created_at(&self) -> Timestamp {
        self.created_at.0
    }

    /// In the order of its columns.
    pub fn binds(&self) -> [Bind<'_>; 12] {
        [
            Bind::from(&self.id),
            Bind::from(&self.digest),
            Bind::from(&self.user_id),
            Bind::from(self.auth_time),
            Bind::from(&self.amr),
            Bind::from(self.remember),
            Bind::from(self.created_at),
            Bind::from(self.expires_at),
            Bind::from(self.ends_at),
            Bind::from(self.last_used_at),
            Bind::from(&self.device),
            Bind::from(self.address.as_deref()),
        ]
    }

    pub fn into_session(self) -> Result<Session, RowError> {
        let corrupt = |column| RowError::Corrupt {
            table: "sessions",
            row: self.id.clone(),
            column,
        };
        let address = self.address.as_deref().map(str::parse).transpose();
        Ok(Session {
            amr: self.amr.parse().map_err(|_| corrupt("amr"))?,
            device: Device::stored(&self.device),
            address: address.map_err(|_| corrupt("address"))?,
            id: SessionId::new(self.id),
            digest: self.digest.0,
            user_id: UserId::new(self.user_id),
            auth_time: self.auth_time.0,
            remember: self.remember != 0,
            created_at: self.created_at.0,
            expires_at: self.expires_at.0,
            // A node of the version before, which knows no such column, may have written it.
            ends_at: self.ends_at.max(self.expires_at).0,
            last_used_at: self.last_used_at.0,
        })
    }
}
