//! Authorizations: the SQL of codes that are exchanged, refresh tokens that are rotated (`ROTATE`), and of their end.

mod entries;
mod forget;
mod in_groups;
mod in_session;
mod issue;
mod rows;
pub mod several;

use std::sync::Arc;

use async_trait::async_trait;
use diesel::prelude::*;
use latchkey_protocol::{
    AuthorizationId, Digest, Timestamp,
    access::JudgedVersions,
    audit::AuditEntry,
    authorization::{Authorization, Context, RefreshFamily, Support},
    entry_change::EntryChange,
    kind,
    store::{self, Authorizations},
};

pub(crate) use self::rows::{context_columns, support_columns};
pub use self::{
    entries::{Entries, change as change_entries},
    forget::forget,
    in_groups::{Exchanged, ExchangedInSession, Issued, Rotated},
    in_session::exchange_in_session,
    issue::{hold_judged, issue, issue_at_once, issue_with_room},
    rows::{ContextRow, Row, SupportRow, into_context, into_support},
};
use crate::{
    audit,
    bulk_ends::AuthorizationStands,
    connection::{AnyConnection, Database, on},
    error::RowError,
    questions::{AuthorizationOf, CodeOf, SupportOf},
    schema::{authorizations, revoked_access_tokens, sessions, users},
    statement::{Bind, binds, statement},
    stored::Stored,
};

#[async_trait]
impl Authorizations for Database {
    async fn issue_code(
        &self,
        interaction: Option<&Digest<kind::Interaction>>,
        authorization: &Authorization,
    ) -> store::Result<bool> {
        let digest = interaction.cloned();
        let row = Arc::new(Row::from_authorization(authorization));
        if let Some(judged) = authorization.access_judged_at {
            return self.issue_limited(digest, authorization, row, judged).await;
        }
        let rests_on_consent = authorization.rests_on_consent;
        if self
            .issue_at_once(digest.as_ref(), &row, rests_on_consent)
            .await?
        {
            return Ok(true);
        }
        self.write(move |c| issue(c, digest.as_ref(), &row, rests_on_consent))
            .await
    }

    async fn authorization_by_code(
        &self,
        code: &Digest<kind::AuthorizationCode>,
    ) -> store::Result<Option<Context>> {
        let code = code.clone();
        if let Some(groups) = self.groups() {
            return groups.by_code.ask(CodeOf(code)).await;
        }
        self.read(move |c| find_by_code(c, &code)).await
    }

    async fn authorization(&self, id: &AuthorizationId) -> store::Result<Option<Context>> {
        let id = id.to_owned();
        if let Some(groups) = self.groups() {
            return groups.by_id.ask(AuthorizationOf(id)).await;
        }
        self.read(move |c| find(c, &id)).await
    }

    async fn support(&self, id: &AuthorizationId, jti: &str) -> store::Result<Option<Support>> {
        let (id, jti) = (id.to_owned(), jti.to_owned());
        if let Some(groups) = self.groups() {
            return groups
                .support
                .ask(SupportOf {
                    id: id.into_string(),
                    jti,
                })
                .await;
        }
        self.read(move |c| support(c, &id, &jti)).await
    }

    async fn exchange_code(
        &self,
        id: &AuthorizationId,
        now: Timestamp,
        refresh: Option<&RefreshFamily>,
        expires_at: Timestamp,
        entries: &EntryChange,
    ) -> store::Result<bool> {
        let (id, refresh, entries) = (id.to_owned(), refresh.cloned(), Entries::of(entries));
        if let Some(groups) = self.groups() {
            let exchanged = Exchanged {
                id: id.clone().into_string(),
                now,
                refresh: refresh.clone(),
                expires_at,
                entries: entries.clone(),
            };
            if groups.exchange.ask(exchanged).await?.is_some() {
                return Ok(true);
            }
        }
        self.write_one(move |c| exchange(c, &id, now, refresh.as_ref(), expires_at, &entries))
            .await
    }

    async fn exchange_code_in_session(
        &self,
        id: &AuthorizationId,
        now: Timestamp,
        refresh: Option<&RefreshFamily>,
        expires_at: Timestamp,
        entries: &EntryChange,
    ) -> store::Result<bool> {
        let (id, refresh, entries) = (id.to_owned(), refresh.cloned(), Entries::of(entries));
        if let Some(groups) = self.groups() {
            let exchanged = ExchangedInSession(Exchanged {
                id: id.clone().into_string(),
                now,
                refresh: refresh.clone(),
                expires_at,
                entries: entries.clone(),
            });
            if groups.exchange_in_session.ask(exchanged).await?.is_some() {
                return Ok(true);
            }
        }
        let exchange = move |c: &mut AnyConnection| {
            exchange_in_session(c, &id, now, refresh.as_ref(), expires_at, &entries)
        };
        match self.groups() {
            Some(_) => self.write_one(exchange).await,
            None => self.write(exchange).await,
        }
    }

    async fn rotate_refresh_token(
        &self,
        id: &AuthorizationId,
        expected: &Digest<kind::RefreshToken>,
        next: &RefreshFamily,
        entries: &EntryChange,
    ) -> store::Result<bool> {
        let (id, expected, next) = (id.to_owned(), expected.clone(), next.clone());
        let entries = Entries::of(entries);
        if let Some(groups) = self.groups() {
            let rotated = Rotated {
                id: id.clone().into_string(),
                expected: expected.clone(),
                next: next.clone(),
                entries: entries.clone(),
            };
            if groups.rotate.ask(rotated).await?.is_some() {
                return Ok(true);
            }
        }
        self.write_one(move |c| rotate(c, &id, &expected, &next, &entries))
            .await
    }

    async fn revoke_authorization(
        &self,
        id: &AuthorizationId,
        now: Timestamp,
    ) -> store::Result<()> {
        let id = id.to_owned();
        let Some(entry) = self.entry.clone() else {
            return self
                .write_one(move |c| revoke(c, &id, now).map(|_| ()))
                .await;
        };
        // Only the first time: a replay can be repeated for ever.
        self.write(move |c| match revoke(c, &id, now)? {
            true => record_end(c, &id, &entry),
            false => Ok(()),
        })
        .await
    }
}

impl Database {
    /// As a single statement, where there is room. Whether it was issued; if not, [`issue`] must decide.
    async fn issue_at_once(
        &self,
        interaction: Option<&Digest<kind::Interaction>>,
        row: &Arc<Row>,
        rests_on_consent: bool,
    ) -> store::Result<bool> {
        let (row, interaction) = (row.clone(), interaction.cloned());
        match (self.groups(), interaction) {
            (Some(groups), None) => {
                let issued = Issued {
                    row,
                    rests_on_consent,
                };
                Ok(groups.issue.ask(issued).await?.is_some())
            }
            (Some(_), Some(digest)) => {
                self.write_one(move |c| issue_at_once(c, &digest, &row, rests_on_consent))
                    .await
            }
            (None, None) => {
                self.write_one(move |c| issue_with_room(c, &row, rests_on_consent))
                    .await
            }
            (None, Some(_)) => Ok(false),
        }
    }

    /// A code of a client that is limited to some users: for the user and the client that were judged. Not in groups, as
    /// few clients are limited.
    async fn issue_limited(
        &self,
        interaction: Option<Digest<kind::Interaction>>,
        authorization: &Authorization,
        row: Arc<Row>,
        judged: JudgedVersions,
    ) -> store::Result<bool> {
        let rests_on_consent = authorization.rests_on_consent;
        let issued = self.write(move |c| {
            // Before all else: a sign-in, too, holds the user first and the interaction and the session then.
            Ok(hold_judged(c, &row, judged)?
                && issue(c, interaction.as_ref(), &row, rests_on_consent)?)
        });
        let issued = issued.await?;
        if !issued {
            // What is judged next is judged by the registration as it is.
            self.clients.invalidate(authorization.client_id.as_str());
        }
        Ok(issued)
    }
}

/// Whoever can sign in can replay and revoke what they get, each time another authorization: of one user and client only so
/// many have entries of their own.
fn record_end(
    c: &mut AnyConnection,
    id: &AuthorizationId,
    entry: &AuditEntry,
) -> Result<(), RowError> {
    let whose = authorizations::table.find(id.as_str());
    let whose = whose.select((authorizations::user_id, authorizations::client_id));
    let (user, client): (String, String) = on!(c => whose.first(c))?;
    let mut entry = entry.clone();
    entry
        .details
        .insert("user".to_owned(), user.as_str().into());
    audit::add_own(c, &entry, &format!("{client} {user}"))
}

macro_rules! context_where {
    ($connection:ident, $condition:expr) => {
        on!($connection => authorizations::table
            .left_join(users::table.on(users::id.eq(authorizations::user_id)))
            .left_join(sessions::table.on(sessions::id.eq(authorizations::session_id)))
            .filter($condition)
            .filter(AuthorizationStands)
            .select(context_columns!())
            .get_result::<ContextRow>($connection))
            .optional()?
            .map(into_context)
            .transpose()
    };
}

pub fn find(c: &mut AnyConnection, id: &AuthorizationId) -> Result<Option<Context>, RowError> {
    context_where!(c, authorizations::id.eq(id.as_str()))
}

/// One narrow statement for the busiest reads: userinfo and introspection.
pub fn support(
    c: &mut AnyConnection,
    id: &AuthorizationId,
    jti: &str,
) -> Result<Option<Support>, RowError> {
    let found: Option<SupportRow> = on!(c => authorizations::table
        .inner_join(users::table.on(users::id.eq(authorizations::user_id)))
        .left_join(sessions::table.on(sessions::id.eq(authorizations::session_id)))
        .left_join(revoked_access_tokens::table.on(revoked_access_tokens::jti.eq(jti)))
        .filter(authorizations::id.eq(id.as_str()))
        .filter(revoked_access_tokens::jti.nullable().is_null())
        .filter(AuthorizationStands)
        .select(support_columns!())
        .get_result(c))
    .optional()?;
    found.map(|row| into_support(id, row)).transpose()
}

pub fn find_by_code(
    c: &mut AnyConnection,
    code: &Digest<kind::AuthorizationCode>,
) -> Result<Option<Context>, RowError> {
    context_where!(c, authorizations::code.eq(Stored(code.clone())))
}

macro_rules! exchange_set {
    () => {
        "UPDATE authorizations SET exchanged_at = ?, expires_at = ?, refresh_current = ?, \
         refresh_issued_at = ?, refresh_idle_expires_at = ?, refresh_kid = ?, refresh_expires_at = ?, \
         token_entries = ?, token_entries_until = ? \
         WHERE id = ? AND exchanged_at IS NULL AND revoked_at IS NULL AND token_entries_until IS NOT DISTINCT FROM ?"
    };
}
use exchange_set;
const EXCHANGE: &str = exchange_set!();

pub fn exchange(
    c: &mut AnyConnection,
    id: &AuthorizationId,
    now: Timestamp,
    refresh: Option<&RefreshFamily>,
    expires_at: Timestamp,
    entries: &Entries,
) -> Result<bool, RowError> {
    let binds = exchange_binds(id, now, refresh, expires_at, entries);
    Ok(on!(c => statement(EXCHANGE, &binds).execute(c))? == 1)
}

fn exchange_binds<'a>(
    id: &'a str,
    now: Timestamp,
    refresh: Option<&'a RefreshFamily>,
    expires_at: Timestamp,
    entries: &'a Entries,
) -> [Bind<'a>; 11] {
    let [token_entries, token_entries_until] = entries.set();
    [
        Bind::from(now),
        Bind::from(expires_at),
        Bind::from(refresh.map(|f| &f.current)),
        Bind::from(refresh.map(|f| f.issued_at)),
        Bind::from(refresh.map(|f| f.idle_expires_at)),
        Bind::from(refresh.map(|f| f.kid.as_str())),
        Bind::from(refresh.map(|f| f.expires_at)),
        token_entries,
        token_entries_until,
        Bind::from(id),
        entries.read(),
    ]
}

const ROTATE: &str = "UPDATE authorizations SET refresh_current = ?, refresh_issued_at = ?, \
    refresh_idle_expires_at = ?, refresh_kid = ?, refresh_parent = ?, token_entries = ?, token_entries_until = ? \
    WHERE id = ? AND refresh_current = ? AND revoked_at IS NULL AND token_entries_until IS NOT DISTINCT FROM ?";

pub fn rotate(
    c: &mut AnyConnection,
    id: &AuthorizationId,
    expected: &Digest<kind::RefreshToken>,
    next: &RefreshFamily,
    entries: &Entries,
) -> Result<bool, RowError> {
    let [token_entries, token_entries_until] = entries.set();
    let binds = binds![
        &next.current,
        next.issued_at,
        next.idle_expires_at,
        &next.kid,
        next.parent.as_ref(),
        token_entries,
        token_entries_until,
        id,
        expected,
        entries.read(),
    ];
    Ok(on!(c => statement(ROTATE, binds).execute(c))? == 1)
}

const REVOKE: &str = "UPDATE authorizations SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL";

/// Whether it was not revoked before.
pub fn revoke(
    c: &mut AnyConnection,
    id: &AuthorizationId,
    now: Timestamp,
) -> Result<bool, RowError> {
    Ok(on!(c => statement(REVOKE, binds![now, id]).execute(c))? == 1)
}
