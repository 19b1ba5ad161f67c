//! An authorization's row, alone and with what it hangs on.

use diesel::{pg::Pg, prelude::*, sqlite::Sqlite};
use latchkey_protocol::{
    AuthorizationId, ClientId, SessionId, Timestamp, UserId,
    authorization::{Authorization, CodeHandover, Context, Handover, RefreshFamily, Support},
    authorize::ClaimsRequest,
    kind,
    secret::Digest,
};

use super::entries::live_entries;
use crate::{
    error::RowError, schema::authorizations, sessions::Row as SessionRow, statement::Bind,
    stored::Stored, users::Row as UserRow,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = authorizations, check_for_backend(Sqlite, Pg))]
pub struct Row {
    pub(super) id: String,
    pub(super) client_id: String,
    pub(super) user_id: String,
    pub(super) session_id: String,
    pub(super) scope: String,
    pub(super) offline: i64,
    pub(super) nonce: Option<String>,
    pub(super) auth_time: Stored<Timestamp>,
    pub(super) amr: String,
    pub(super) redirect_uri: String,
    pub(super) redirect_uri_sent: i64,
    pub(super) code_challenge: Option<String>,
    pub(super) code: Stored<Digest<kind::AuthorizationCode>>,
    pub(super) code_expires_at: Stored<Timestamp>,
    pub(super) created_at: Stored<Timestamp>,
    pub(super) exchanged_at: Option<Stored<Timestamp>>,
    pub(super) refresh_current: Option<Stored<Digest<kind::RefreshToken>>>,
    pub(super) refresh_issued_at: Option<Stored<Timestamp>>,
    pub(super) refresh_idle_expires_at: Option<Stored<Timestamp>>,
    pub(super) refresh_kid: Option<String>,
    pub(super) refresh_parent: Option<Stored<Digest<kind::RefreshToken>>>,
    pub(super) refresh_expires_at: Option<Stored<Timestamp>>,
    pub(super) revoked_at: Option<Stored<Timestamp>>,
    pub(super) expires_at: Stored<Timestamp>,
    pub(super) ignored_scope: String,
    pub(super) asked_claims: Option<String>,
    token_entries: Option<Vec<u8>>,
    token_entries_until: Option<Stored<Timestamp>>,
}

impl Row {
    pub fn from_authorization(a: &Authorization) -> Self {
        let refresh = a.refresh.as_ref();
        let Handover::Code(code) = &a.handover;
        Self {
            id: a.id.clone().into_string(),
            client_id: a.client_id.clone().into_string(),
            user_id: a.user_id.clone().into_string(),
            session_id: code.session_id.as_str().to_owned(),
            scope: a.scope.to_string(),
            offline: i64::from(a.is_offline()),
            nonce: code.nonce.clone(),
            auth_time: Stored(a.auth_time),
            amr: a.amr.to_string(),
            redirect_uri: code.redirect_uri.clone(),
            redirect_uri_sent: i64::from(code.redirect_uri_sent),
            code_challenge: code.code_challenge.clone(),
            code: Stored(code.code.clone()),
            code_expires_at: Stored(code.expires_at),
            created_at: Stored(a.created_at),
            exchanged_at: code.exchanged_at.map(Stored),
            refresh_current: refresh.map(|f| Stored(f.current.clone())),
            refresh_issued_at: refresh.map(|f| f.issued_at).map(Stored),
            refresh_idle_expires_at: refresh.map(|f| f.idle_expires_at).map(Stored),
            refresh_kid: refresh.map(|f| f.kid.clone()),
            refresh_parent: refresh.and_then(|f| f.parent.as_ref()).cloned().map(Stored),
            refresh_expires_at: refresh.map(|f| f.expires_at).map(Stored),
            revoked_at: a.revoked_at.map(Stored),
            expires_at: Stored(a.expires_at),
            ignored_scope: a.ignored_scope.to_string(),
            asked_claims: (!a.asked_claims.is_empty())
                .then(|| serde_json::to_string(&a.asked_claims).unwrap_or_default()),
            // What is issued has given no token yet.
            token_entries: None,
            token_entries_until: None,
        }
    }

    /// In the order of the columns that are there when it is issued.
    pub fn binds(&self) -> [Bind<'_>; 26] {
        [
            Bind::from(&self.id),
            Bind::from(&self.client_id),
            Bind::from(&self.user_id),
            Bind::from(&self.session_id),
            Bind::from(&self.scope),
            Bind::from(self.offline),
            Bind::from(&self.nonce),
            Bind::from(self.auth_time),
            Bind::from(&self.amr),
            Bind::from(&self.redirect_uri),
            Bind::from(self.redirect_uri_sent),
            Bind::from(&self.code_challenge),
            Bind::from(&self.code),
            Bind::from(self.code_expires_at),
            Bind::from(self.created_at),
            Bind::from(self.exchanged_at),
            Bind::from(&self.refresh_current),
            Bind::from(self.refresh_issued_at),
            Bind::from(self.refresh_idle_expires_at),
            Bind::from(&self.refresh_kid),
            Bind::from(&self.refresh_parent),
            Bind::from(self.refresh_expires_at),
            Bind::from(self.revoked_at),
            Bind::from(self.expires_at),
            Bind::from(&self.ignored_scope),
            Bind::from(&self.asked_claims),
        ]
    }

    fn into_authorization(self) -> Result<Authorization, RowError> {
        let refresh = self.refresh()?;
        let corrupt = |_| RowError::Corrupt {
            table: "authorizations",
            row: self.id.clone(),
            column: "amr",
        };
        let amr = self.amr.parse().map_err(corrupt)?;
        let asked_claims = asked_claims(self.asked_claims.as_deref(), &self.id)?;
        let until = self.token_entries_until.map(|at| at.0);
        let live_entries = live_entries(&self.id, self.token_entries.as_deref(), until)?;
        Ok(Authorization {
            id: AuthorizationId::new(self.id),
            client_id: ClientId::new(self.client_id),
            user_id: UserId::new(self.user_id),
            scope: self.scope.into(),
            auth_time: self.auth_time.0,
            amr,
            handover: Handover::Code(CodeHandover {
                code: self.code.0,
                expires_at: self.code_expires_at.0,
                exchanged_at: self.exchanged_at.map(|at| at.0),
                redirect_uri: self.redirect_uri,
                redirect_uri_sent: self.redirect_uri_sent != 0,
                code_challenge: self.code_challenge,
                nonce: self.nonce,
                session_id: SessionId::new(self.session_id),
            }),
            created_at: self.created_at.0,
            refresh,
            revoked_at: self.revoked_at.map(|at| at.0),
            expires_at: self.expires_at.0,
            ignored_scope: self.ignored_scope.into(),
            asked_claims,
            rests_on_consent: false,
            access_judged_at: None,
            live_entries,
        })
    }

    /// All of the family's columns, or none.
    fn refresh(&self) -> Result<Option<RefreshFamily>, RowError> {
        let Some(current) = self.refresh_current.clone() else {
            return Ok(None);
        };
        let missing = |column| RowError::Corrupt {
            table: "authorizations",
            row: self.id.clone(),
            column,
        };
        Ok(Some(RefreshFamily {
            current: current.0,
            issued_at: self
                .refresh_issued_at
                .ok_or_else(|| missing("refresh_issued_at"))?
                .0,
            idle_expires_at: self
                .refresh_idle_expires_at
                .ok_or_else(|| missing("refresh_idle_expires_at"))?
                .0,
            kid: self
                .refresh_kid
                .clone()
                .ok_or_else(|| missing("refresh_kid"))?,
            parent: self.refresh_parent.clone().map(|digest| digest.0),
            expires_at: self
                .refresh_expires_at
                .ok_or_else(|| missing("refresh_expires_at"))?
                .0,
        }))
    }
}

/// The claims that were asked for, from the column of the authorization `id`.
fn asked_claims(text: Option<&str>, id: &str) -> Result<ClaimsRequest, RowError> {
    let corrupt = |_| RowError::Corrupt {
        table: "authorizations",
        row: id.to_owned(),
        column: "asked_claims",
    };
    text.map_or(Ok(ClaimsRequest::default()), |text| {
        serde_json::from_str(text).map_err(corrupt)
    })
}

pub type ContextRow = (Row, Option<UserRow>, Option<SessionRow>);

macro_rules! context_columns {
    () => {
        (
            crate::authorizations::Row::as_select(),
            Option::<crate::users::Row>::as_select(),
            Option::<crate::sessions::Row>::as_select(),
        )
    };
}
pub(crate) use context_columns;

pub fn into_context((row, user, session): ContextRow) -> Result<Context, RowError> {
    Ok(Context {
        authorization: row.into_authorization()?,
        user: user.map(UserRow::into_user).transpose()?,
        session: session.map(SessionRow::into_session).transpose()?,
    })
}

pub type SupportRow = (
    UserRow,
    Option<Stored<Timestamp>>,
    i64,
    Option<Stored<Timestamp>>,
    Option<String>,
);

macro_rules! support_columns {
    () => {
        (
            crate::users::Row::as_select(),
            crate::schema::authorizations::revoked_at,
            crate::schema::authorizations::offline,
            crate::schema::sessions::expires_at.nullable(),
            crate::schema::authorizations::asked_claims,
        )
    };
}
pub(crate) use support_columns;

pub fn into_support(id: &AuthorizationId, row: SupportRow) -> Result<Support, RowError> {
    let (user, revoked_at, offline, session_expires_at, asked) = row;
    let asked_claims = asked_claims(asked.as_deref(), id)?;
    Ok(Support {
        user: user.into_user()?,
        revoked_at: revoked_at.map(|at| at.0),
        offline: offline != 0,
        session_expires_at: session_expires_at.map(|at| at.0),
        asked_claims,
    })
}
