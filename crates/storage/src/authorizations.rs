use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};
use latchkey_protocol::{
    authorization::{Authorization, Context, RefreshFamily, Support},
    authorize::ClaimsRequest,
    bounds,
    secret::Digest,
};

use crate::{
    connection::{AnyConnection, Kept, on},
    error::RowError,
    interactions,
    schema::{authorizations, revoked_access_tokens, sessions, users},
    sessions::{self as session_rows, Row as SessionRow},
    users::Row as UserRow,
};

#[derive(Queryable, Insertable)]
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
    on!(c => diesel::insert_into(authorizations::table).values(row).execute(c))?;
    Ok(true)
}

/// Of what the session has of the client: codes that nobody exchanged, and what was exchanged, by its last use.
const UNUSED: &str = "DELETE FROM authorizations WHERE id IN (SELECT id FROM authorizations WHERE session_id = $1 \
    AND client_id = $2 AND exchanged_at IS NULL ORDER BY created_at DESC LIMIT 1000 OFFSET $3)";
const USED: &str = "DELETE FROM authorizations WHERE id IN (SELECT id FROM authorizations WHERE session_id = $1 \
    AND client_id = $2 AND exchanged_at IS NOT NULL ORDER BY CASE WHEN refresh_current IS NULL THEN 1 ELSE 0 END, \
    coalesce(refresh_issued_at, exchanged_at) DESC LIMIT 1000 OFFSET $3)";

/// Makes room for one more, so that no loop of sign-ins in one session fills the database.
fn trim(c: &mut AnyConnection, row: &Row) -> Result<(), RowError> {
    let theirs = authorizations::table
        .filter(authorizations::session_id.eq(&row.session_id))
        .filter(authorizations::client_id.eq(&row.client_id));
    if on!(c => theirs.count().get_result::<i64>(c))? < bounds::CODES {
        return Ok(());
    }
    for (query, most) in [(UNUSED, bounds::CODES - 1), (USED, bounds::AUTHORIZATIONS)] {
        let surplus = sql_query(query)
            .bind::<Text, _>(&row.session_id)
            .bind::<Text, _>(&row.client_id);
        let ended = on!(c => surplus.bind::<BigInt, _>(most).execute(c))?;
        if ended > 0 && query == USED {
            tracing::warn!(
                target: "audit", session = %row.session_id, client = %row.client_id, ended,
                "one session holds too many authorizations of a client: those that were used longest ago have ended"
            );
        }
    }
    Ok(())
}

type ContextRow = (Row, Option<UserRow>, Option<SessionRow>);

macro_rules! context_where {
    ($connection:ident, $condition:expr) => {
        on!($connection => authorizations::table
            .left_join(users::table.on(users::id.eq(authorizations::user_id)))
            .left_join(sessions::table.on(sessions::id.eq(authorizations::session_id)))
            .filter($condition)
            .select((authorizations::all_columns, users::all_columns.nullable(), sessions::all_columns.nullable()))
            .get_result::<ContextRow>($connection))
            .optional()?
            .map(into_context)
            .transpose()
    };
}

fn into_context((row, user, session): ContextRow) -> Result<Context, RowError> {
    Ok(Context {
        authorization: row.into_authorization()?,
        user: user.map(UserRow::into_user).transpose()?,
        session: session.map(SessionRow::into_session),
    })
}

pub fn find(c: &mut AnyConnection, id: &str) -> Result<Option<Context>, RowError> {
    context_where!(c, authorizations::id.eq(id))
}

type SupportRow = (UserRow, Option<i64>, i64, Option<i64>, Option<String>);

/// One narrow statement for the busiest reads: userinfo and introspection.
pub fn support(c: &mut AnyConnection, id: &str, jti: &str) -> Result<Option<Support>, RowError> {
    let found: Option<SupportRow> = on!(c => authorizations::table
        .inner_join(users::table.on(users::id.eq(authorizations::user_id)))
        .left_join(sessions::table.on(sessions::id.eq(authorizations::session_id)))
        .left_join(revoked_access_tokens::table.on(revoked_access_tokens::jti.eq(jti)))
        .filter(authorizations::id.eq(id))
        .filter(revoked_access_tokens::jti.nullable().is_null())
        .select((
            users::all_columns,
            authorizations::revoked_at,
            authorizations::offline,
            sessions::expires_at.nullable(),
            authorizations::asked_claims,
        ))
        .get_result(c))
    .optional()?;
    found
        .map(|(user, revoked_at, offline, session_expires_at, asked)| {
            let asked_claims = asked_claims(asked.as_deref(), id)?;
            Ok(Support {
                user: user.into_user()?,
                revoked_at,
                offline: offline != 0,
                session_expires_at,
                asked_claims,
            })
        })
        .transpose()
}

pub fn find_by_code(c: &mut AnyConnection, code: &[u8]) -> Result<Option<Context>, RowError> {
    context_where!(c, authorizations::code.eq(code))
}

pub fn exchange(
    c: &mut AnyConnection,
    id: &str,
    now: i64,
    refresh: Option<&RefreshFamily>,
    expires_at: i64,
) -> Result<bool, RowError> {
    let unused = authorizations::table
        .filter(authorizations::id.eq(id))
        .filter(authorizations::exchanged_at.is_null())
        .filter(authorizations::revoked_at.is_null());
    let set = (
        authorizations::exchanged_at.eq(Some(now)),
        authorizations::expires_at.eq(expires_at),
        authorizations::refresh_current.eq(refresh.map(|f| f.current.as_bytes().to_vec())),
        authorizations::refresh_issued_at.eq(refresh.map(|f| f.issued_at)),
        authorizations::refresh_idle_expires_at.eq(refresh.map(|f| f.idle_expires_at)),
        authorizations::refresh_kid.eq(refresh.map(|f| f.kid.clone())),
        authorizations::refresh_expires_at.eq(refresh.map(|f| f.expires_at)),
    );
    Ok(on!(c => Kept(diesel::update(unused).set(set)).execute(c))? == 1)
}

pub fn rotate(
    c: &mut AnyConnection,
    id: &str,
    expected: &[u8],
    next: &RefreshFamily,
) -> Result<bool, RowError> {
    let current = authorizations::table
        .filter(authorizations::id.eq(id))
        .filter(authorizations::refresh_current.eq(expected))
        .filter(authorizations::revoked_at.is_null());
    let set = (
        authorizations::refresh_current.eq(Some(next.current.as_bytes().to_vec())),
        authorizations::refresh_issued_at.eq(Some(next.issued_at)),
        authorizations::refresh_idle_expires_at.eq(Some(next.idle_expires_at)),
        authorizations::refresh_kid.eq(Some(next.kid.clone())),
        authorizations::refresh_parent.eq(next.parent.as_ref().map(|d| d.as_bytes().to_vec())),
    );
    Ok(on!(c => Kept(diesel::update(current).set(set)).execute(c))? == 1)
}

pub fn revoke(c: &mut AnyConnection, id: &str, now: i64) -> Result<(), RowError> {
    let live = authorizations::table
        .filter(authorizations::id.eq(id))
        .filter(authorizations::revoked_at.is_null());
    on!(c => diesel::update(live).set(authorizations::revoked_at.eq(Some(now))).execute(c))?;
    Ok(())
}

pub fn revoke_access_token(
    c: &mut AnyConnection,
    jti: &str,
    expires_at: i64,
) -> Result<(), RowError> {
    let set = revoked_access_tokens::expires_at.eq(expires_at);
    if on!(c => diesel::update(revoked_access_tokens::table.find(jti)).set(set).execute(c))? == 0 {
        on!(c => diesel::insert_into(revoked_access_tokens::table)
            .values((revoked_access_tokens::jti.eq(jti), set))
            .execute(c))?;
    }
    Ok(())
}

pub fn is_access_token_revoked(c: &mut AnyConnection, jti: &str) -> Result<bool, RowError> {
    let found: Option<String> =
        on!(c => revoked_access_tokens::table.find(jti).select(revoked_access_tokens::jti).get_result(c)).optional()?;
    Ok(found.is_some())
}
