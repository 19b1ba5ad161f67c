//! A user's row.

use diesel::{pg::Pg, prelude::*, sqlite::Sqlite};
use latchkey_protocol::{Timestamp, UserId, names::email_key, user::User};

use crate::{error::RowError, schema::users, stored::Stored};

#[derive(Queryable, QueryableByName, Selectable, Insertable)]
#[diesel(table_name = users, check_for_backend(Sqlite, Pg))]
pub struct Row {
    pub(super) id: String,
    pub(super) username: String,
    pub(super) email: Option<String>,
    pub(super) name: Option<String>,
    pub(super) password_hash: Option<String>,
    pub(super) roles: String,
    pub(super) groups: String,
    pub(super) claims: String,
    pub(super) disabled_at: Option<Stored<Timestamp>>,
    pub(super) created_at: Stored<Timestamp>,
    pub(super) updated_at: Stored<Timestamp>,
    pub(super) version: i64,
    pub(super) email_key: Option<String>,
    pub(super) attributes: String,
}

impl Row {
    pub fn from_user(user: &User) -> Self {
        let user = user.clone();
        Self {
            roles: serde_json::to_string(&user.roles).unwrap_or_default(),
            groups: serde_json::to_string(&user.groups).unwrap_or_default(),
            claims: serde_json::to_string(&user.claims).unwrap_or_default(),
            attributes: serde_json::to_string(&user.attributes).unwrap_or_default(),
            email_key: user.email.as_deref().and_then(email_key),
            id: user.id.into_string(),
            username: user.username,
            email: user.email,
            name: user.name,
            password_hash: user.password_hash,
            disabled_at: user.disabled_at.map(Stored),
            created_at: Stored(user.created_at),
            updated_at: Stored(user.updated_at),
            version: user.version,
        }
    }

    pub fn into_user(self) -> Result<User, RowError> {
        let corrupt = |column| RowError::Corrupt {
            table: "users",
            row: self.id.clone(),
            column,
        };
        Ok(User {
            roles: serde_json::from_str(&self.roles).map_err(|_| corrupt("roles"))?,
            groups: serde_json::from_str(&self.groups).map_err(|_| corrupt("groups"))?,
            claims: serde_json::from_str(&self.claims).map_err(|_| corrupt("claims"))?,
            attributes: serde_json::from_str(&self.attributes)
                .map_err(|_| corrupt("attributes"))?,
            id: UserId::new(self.id),
            username: self.username,
            email: self.email,
            name: self.name,
            password_hash: self.password_hash,
            disabled_at: self.disabled_at.map(|at| at.0),
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
            version: self.version,
        })
    }
}
