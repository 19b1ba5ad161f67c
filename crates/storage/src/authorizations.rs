//! Authorizations: what a user has allowed a client, from its code to the last of its refresh tokens.

use diesel::{prelude::*, sql_types::BigInt};
use latchkey_protocol::{
    authorization::{Authorization, Context, RefreshFamily, Support},
    authorize::ClaimsRequest,
    bounds,
    secret::Digest,
};

use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    interactions,
    schema::{authorizations, revoked_access_tokens, sessions, users},
    sessions::{self as session_rows, Row as SessionRow},
    statement::{Bind, binds, statement},
    users::Row as UserRow,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = authorizations)]
pub struct Row {
    id: String,
    client_id: String,
    user_id: String,
    session_id: String,
    scope: String,
    offline: i64,
    nonce: Option<String>,
    auth_time: i64,
    amr: String,
    redirect_uri: String,
    redirect_uri_sent: i64,
    code_challenge: Option<String>,
    code: Vec<u8>,
    code_expires_at: i64,
    created_at: i64,
    exchanged_at: Option<i64>,
    refresh_current: Option<Vec<u8>>,
    refresh_issued_at: Option<i64>,
    refresh_idle_expires_at: Option<i64>,
    refresh_kid: Option<String>,
    refresh_parent: Option<Vec<u8>>,
    refresh_expires_at: Option<i64>,
    revoked_at: Option<i64>,
    expires_at: i64,
    ignored_scope: String,
    asked_claims: Option<String>,
}

impl Row {
    pub fn from_authorization(a: &Authorization) -> Self {
        let refresh = a.refresh.as_ref();
        Self {
            id: a.id.clone(),
            client_id: a.client_id.clone(),
            user_id: a.user_id.clone(),
            session_id: a.session_id.clone(),
            scope: a.scope.to_string(),
            offline: i64::from(a.is_offline()),
            nonce: a.nonce.clone(),
            auth_time: a.auth_time,
            amr: a.amr.clone(),
            redirect_uri: a.redirect_uri.clone(),
            redirect_uri_sent: i64::from(a.redirect_uri_sent),
            code_challenge: a.code_challenge.clone(),
            code: a.code.as_bytes().to_vec(),
            code_expires_at: a.code_expires_at,
            created_at: a.created_at,
            exchanged_at: a.exchanged_at,
            refresh_current: refresh.map(|f| f.current.as_bytes().to_vec()),
            refresh_issued_at: refresh.map(|f| f.issued_at),
            refresh_idle_expires_at: refresh.map(|f| f.idle_expires_at),
            refresh_kid: refresh.map(|f| f.kid.clone()),
            refresh_parent: refresh
                .and_then(|f| f.parent.as_ref())
                .map(|d| d.as_bytes().to_vec()),
            refresh_expires_at: refresh.map(|f| f.expires_at),
            revoked_at: a.revoked_at,
            expires_at: a.expires_at,
            ignored_scope: a.ignored_scope.to_string(),
            asked_claims: (!a.asked_claims.is_empty())
                .then(|| serde_json::to_string(&a.asked_claims).unwrap_or_default()),
        }
    }

    /// In the order of its columns.
    fn binds(&self) -> [Bind<'_>; 26] {
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
        let asked_claims = asked_claims(self.asked_claims.as_deref(), &self.id)?;
        Ok(Authorization {
            id: self.id,
            client_id: self.client_id,
            user_id: self.user_id,
            session_id: self.session_id,
            scope: self.scope.into(),
            nonce: self.nonce,
            auth_time: self.auth_time,
            amr: self.amr,
            redirect_uri: self.redirect_uri,
            redirect_uri_sent: self.redirect_uri_sent != 0,
            code_challenge: self.code_challenge,
            code: Digest::from_stored(self.code),
            code_expires_at: self.code_expires_at,
            created_at: self.created_at,
            exchanged_at: self.exchanged_at,
            refresh,
            revoked_at: self.revoked_at,
            expires_at: self.expires_at,
            ignored_scope: self.ignored_scope.into(),
            asked_claims,
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
            current: Digest::from_stored(current),
            issued_at: self
                .refresh_issued_at
                .ok_or_else(|| missing("refresh_issued_at"))?,
            idle_expires_at: self
                .refresh_idle_expires_at
                .ok_or_else(|| missing("refresh_idle_expires_at"))?,
            kid: self
                .refresh_kid
                .clone()
                .ok_or_else(|| missing("refresh_kid"))?,
            parent: self.refresh_parent.clone().map(Digest::from_stored),
            expires_at: self
                .refresh_expires_at
                .ok_or_else(|| missing("refresh_expires_at"))?,
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

macro_rules! columns {
    () => {
        "id, client_id, user_id, session_id, scope, offline, nonce, auth_time, amr, redirect_uri, redirect_uri_sent, \
         code_challenge, code, code_expires_at, created_at, exchanged_at, refresh_current, refresh_issued_at, \
         refresh_idle_expires_at, refresh_kid, refresh_parent, refresh_expires_at, revoked_at, expires_at, ignored_scope, \
         asked_claims"
    };
}
macro_rules! values {
    () => {
        "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
    };
}
const INSERT: &str = concat!(
    "INSERT INTO authorizations (",
    columns!(),
    ") VALUES (",
    values!(),
    ")"
);

pub fn issue(
    c: &mut AnyConnection,
    interaction: Option<&[u8]>,
    row: &Row,
) -> Result<bool, RowError> {
    if let Some(interaction) = interaction
        && !interactions::delete(c, interaction)?
    {
        return Ok(false);
    }
    if !session_rows::hold(c, &row.session_id)? {
        return Ok(false);
    }
    trim(c, row)?;
    on!(c => statement(INSERT, &row.binds()).execute(c))?;
    Ok(true)
}

/// Where there is room for so many more, one statement does it all: PostgreSQL looks at the room as it was when the
/// statement began, and as many as there are connections may do so at once.
const AMPLE: i64 = bounds::CODES / 2;

macro_rules! issue_at_once {
    ($interaction:literal, $condition:literal) => {
        concat!(
            "WITH room AS MATERIALIZED (SELECT count(*) FILTER (WHERE exchanged_at IS NULL) < ? \
             AND count(*) FILTER (WHERE exchanged_at IS NOT NULL) <= ? AS ample \
             FROM authorizations WHERE session_id = ? AND client_id = ?), ",
            $interaction,
            "held AS (SELECT id FROM sessions WHERE id = ? AND (SELECT ample FROM room)",
            $condition,
            " FOR KEY SHARE) INSERT INTO authorizations (",
            columns!(),
            ") SELECT ",
            values!(),
            " FROM held"
        )
    };
}
const ISSUE: &str = issue_at_once!("", "");
const ISSUE_FOR_INTERACTION: &str = issue_at_once!(
    "gone AS (DELETE FROM interactions WHERE digest = ? AND (SELECT ample FROM room) RETURNING 1), ",
    " AND EXISTS (SELECT 1 FROM gone)"
);

/// What [`issue`] does, in one statement of PostgreSQL, where there is ample room. If not, or if there is nothing to issue
/// for, nothing is issued, and [`issue`] says why.
///
/// The session is locked against its end, as there; not against other codes, which need not wait where there is room.
pub fn issue_at_once(
    c: &mut AnyConnection,
    interaction: Option<&[u8]>,
    row: &Row,
) -> Result<bool, RowError> {
    let (text, digest) = match interaction {
        Some(digest) => (ISSUE_FOR_INTERACTION, vec![Bind::from(digest)]),
        None => (ISSUE, Vec::new()),
    };
    let room: &[Bind] = binds![
        AMPLE,
        bounds::AUTHORIZATIONS,
        &row.session_id,
        &row.client_id
    ];
    let session: &[Bind] = binds![&row.session_id];
    let all = [room, &digest, session, &row.binds()].concat();
    Ok(on!(c => statement(text, &all).execute(c))? == 1)
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = BigInt)]
    unused: i64,
    #[diesel(sql_type = BigInt)]
    used: i64,
}
const HELD: &str = "SELECT count(*) FILTER (WHERE exchanged_at IS NULL) AS unused, \
    count(*) FILTER (WHERE exchanged_at IS NOT NULL) AS used FROM authorizations WHERE session_id = ? AND client_id = ?";

/// Of what the session has of the client: codes that nobody exchanged, and what was exchanged, by its last use.
const UNUSED: &str = "DELETE FROM authorizations WHERE id IN (SELECT id FROM authorizations WHERE session_id = ? \
    AND client_id = ? AND exchanged_at IS NULL ORDER BY created_at DESC LIMIT 1000 OFFSET ?)";
const USED: &str = "DELETE FROM authorizations WHERE id IN (SELECT id FROM authorizations WHERE session_id = ? \
    AND client_id = ? AND exchanged_at IS NOT NULL ORDER BY CASE WHEN refresh_current IS NULL THEN 1 ELSE 0 END, \
    coalesce(refresh_issued_at, exchanged_at) DESC LIMIT 1000 OFFSET ?)";

/// Makes room for one more, so that no loop of sign-ins in one session fills the database.
fn trim(c: &mut AnyConnection, row: &Row) -> Result<(), RowError> {
    let binds = binds![&row.session_id, &row.client_id];
    let held = on!(c => statement(HELD, binds).get_result::<Held>(c))?;
    if held.unused >= bounds::CODES {
        let surplus = binds![&row.session_id, &row.client_id, bounds::CODES - 1];
        on!(c => statement(UNUSED, surplus).execute(c))?;
    }
    if held.used > bounds::AUTHORIZATIONS {
        let surplus = binds![&row.session_id, &row.client_id, bounds::AUTHORIZATIONS];
        let ended = on!(c => statement(USED, surplus).execute(c))?;
        tracing::warn!(
            target: "audit", session = %row.session_id, client = %row.client_id, ended,
            "one session holds too many authorizations of a client: those that were used longest ago have ended"
        );
    }
    Ok(())
}

pub type ContextRow = (Row, Option<UserRow>, Option<SessionRow>);

macro_rules! context_columns {
    () => {
        (
            crate::schema::authorizations::all_columns,
            crate::schema::users::all_columns.nullable(),
            crate::schema::sessions::all_columns.nullable(),
        )
    };
}
pub(crate) use context_columns;

macro_rules! context_where {
    ($connection:ident, $condition:expr) => {
        on!($connection => authorizations::table
            .left_join(users::table.on(users::id.eq(authorizations::user_id)))
            .left_join(sessions::table.on(sessions::id.eq(authorizations::session_id)))
            .filter($condition)
            .select(context_columns!())
            .get_result::<ContextRow>($connection))
            .optional()?
            .map(into_context)
            .transpose()
    };
}

pub fn into_context((row, user, session): ContextRow) -> Result<Context, RowError> {
    Ok(Context {
        authorization: row.into_authorization()?,
        user: user.map(UserRow::into_user).transpose()?,
        session: session.map(SessionRow::into_session),
    })
}

pub fn find(c: &mut AnyConnection, id: &str) -> Result<Option<Context>, RowError> {
    context_where!(c, authorizations::id.eq(id))
}

pub type SupportRow = (UserRow, Option<i64>, i64, Option<i64>, Option<String>);

macro_rules! support_columns {
    () => {
        (
            crate::schema::users::all_columns,
            crate::schema::authorizations::revoked_at,
            crate::schema::authorizations::offline,
            crate::schema::sessions::expires_at.nullable(),
            crate::schema::authorizations::asked_claims,
        )
    };
}
pub(crate) use support_columns;

pub fn into_support(id: &str, row: SupportRow) -> Result<Support, RowError> {
    let (user, revoked_at, offline, session_expires_at, asked) = row;
    let asked_claims = asked_claims(asked.as_deref(), id)?;
    Ok(Support {
        user: user.into_user()?,
        revoked_at,
        offline: offline != 0,
        session_expires_at,
        asked_claims,
    })
}

/// One narrow statement for the busiest reads: userinfo and introspection.
pub fn support(c: &mut AnyConnection, id: &str, jti: &str) -> Result<Option<Support>, RowError> {
    let found: Option<SupportRow> = on!(c => authorizations::table
        .inner_join(users::table.on(users::id.eq(authorizations::user_id)))
        .left_join(sessions::table.on(sessions::id.eq(authorizations::session_id)))
        .left_join(revoked_access_tokens::table.on(revoked_access_tokens::jti.eq(jti)))
        .filter(authorizations::id.eq(id))
        .filter(revoked_access_tokens::jti.nullable().is_null())
        .select(support_columns!())
        .get_result(c))
    .optional()?;
    found.map(|row| into_support(id, row)).transpose()
}

pub fn find_by_code(c: &mut AnyConnection, code: &[u8]) -> Result<Option<Context>, RowError> {
    context_where!(c, authorizations::code.eq(code))
}

const EXCHANGE: &str = "UPDATE authorizations SET exchanged_at = ?, expires_at = ?, refresh_current = ?, \
    refresh_issued_at = ?, refresh_idle_expires_at = ?, refresh_kid = ?, refresh_expires_at = ? \
    WHERE id = ? AND exchanged_at IS NULL AND revoked_at IS NULL";

pub fn exchange(
    c: &mut AnyConnection,
    id: &str,
    now: i64,
    refresh: Option<&RefreshFamily>,
    expires_at: i64,
) -> Result<bool, RowError> {
    let binds = binds![
        now,
        expires_at,
        refresh.map(|f| f.current.as_bytes()),
        refresh.map(|f| f.issued_at),
        refresh.map(|f| f.idle_expires_at),
        refresh.map(|f| f.kid.as_str()),
        refresh.map(|f| f.expires_at),
        id,
    ];
    Ok(on!(c => statement(EXCHANGE, binds).execute(c))? == 1)
}

const ROTATE: &str = "UPDATE authorizations SET refresh_current = ?, refresh_issued_at = ?, \
    refresh_idle_expires_at = ?, refresh_kid = ?, refresh_parent = ? \
    WHERE id = ? AND refresh_current = ? AND revoked_at IS NULL";

pub fn rotate(
    c: &mut AnyConnection,
    id: &str,
    expected: &[u8],
    next: &RefreshFamily,
) -> Result<bool, RowError> {
    let binds = binds![
        next.current.as_bytes(),
        next.issued_at,
        next.idle_expires_at,
        &next.kid,
        next.parent.as_ref().map(|d| d.as_bytes()),
        id,
        expected,
    ];
    Ok(on!(c => statement(ROTATE, binds).execute(c))? == 1)
}

const REVOKE: &str = "UPDATE authorizations SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL";

pub fn revoke(c: &mut AnyConnection, id: &str, now: i64) -> Result<(), RowError> {
    on!(c => statement(REVOKE, binds![now, id]).execute(c))?;
    Ok(())
}

const REVOKE_ACCESS_TOKEN: &str = "INSERT INTO revoked_access_tokens (jti, expires_at) VALUES (?, ?) \
    ON CONFLICT (jti) DO UPDATE SET expires_at = excluded.expires_at";

pub fn revoke_access_token(
    c: &mut AnyConnection,
    jti: &str,
    expires_at: i64,
) -> Result<(), RowError> {
    on!(c => statement(REVOKE_ACCESS_TOKEN, binds![jti, expires_at]).execute(c))?;
    Ok(())
}

pub fn is_access_token_revoked(c: &mut AnyConnection, jti: &str) -> Result<bool, RowError> {
    let found: Option<String> =
        on!(c => revoked_access_tokens::table.find(jti).select(revoked_access_tokens::jti).get_result(c)).optional()?;
    Ok(found.is_some())
}
