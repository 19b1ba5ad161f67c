//! Users: found, changed, locked out, deleted with all that is theirs.

mod administrators;
mod list;
mod names;
mod rows;

use async_trait::async_trait;
use diesel::prelude::*;
use latchkey_protocol::{
    Timestamp, UserId,
    audit::AuditEntry,
    console,
    names::Login,
    page::Page,
    session::Cause,
    store::{self, LastAdministrator, UserEnd, Users, WriteOutcome},
    user::User,
    user_list::{UserCursor, UserPage, UserQuery},
};

pub use self::{
    administrators::{Held, exists as has_administrator, hold, hold_at, hold_enabled, hold_row},
    names::{create, update_profile, wait_for_names},
    rows::Row,
};
use crate::{
    authorizations,
    connection::{AnyConnection, Database, on},
    deliveries,
    error::RowError,
    schema::{consents, users},
    sessions,
    statement::{binds, statement},
    status_lists::not_admitted,
};

#[async_trait]
impl Users for Database {
    async fn create_user(&self, user: &User) -> store::Result<WriteOutcome> {
        let row = Row::from_user(user);
        self.write_recorded(move |c| create(c, &row)).await
    }

    async fn user(&self, id: &UserId) -> store::Result<Option<User>> {
        let id = id.to_owned();
        self.read(move |c| {
            on!(c => users::table.find(id.as_str()).select(Row::as_select()).get_result(c))
                .optional()?
                .map(Row::into_user)
                .transpose()
        })
        .await
    }

    async fn user_by_name(&self, username: &str) -> store::Result<Option<User>> {
        let name = username.to_owned();
        self.read(move |c| {
            let named = users::table.filter(users::username.eq(&name));
            on!(c => named.select(Row::as_select()).get_result(c))
                .optional()?
                .map(Row::into_user)
                .transpose()
        })
        .await
    }

    async fn user_by_login(&self, login: &Login) -> store::Result<Option<User>> {
        let login = login.clone();
        self.read(move |c| find_by_login(c, &login)).await
    }

    async fn users(&self, page: &Page<String>) -> store::Result<Vec<User>> {
        let (after, limit) = (page.after.clone().unwrap_or_default(), page.limit);
        self.read(move |c| {
            // No name is empty.
            let next = users::table
                .filter(users::username.gt(&after))
                .order(users::username)
                .limit(limit);
            on!(c => next.select(Row::as_select()).load(c))?
                .into_iter()
                .map(Row::into_user)
                .collect()
        })
        .await
    }

    async fn user_list(
        &self,
        query: &UserQuery,
        page: &Page<UserCursor>,
    ) -> store::Result<UserPage> {
        let (query, page) = (query.clone(), page.clone());
        self.read(move |c| list::list(c, &query, &page)).await
    }

    async fn last_sign_in(&self, id: &UserId) -> store::Result<Option<Timestamp>> {
        let id = id.to_owned();
        self.read(move |c| {
            let at = users::table
                .find(id.as_str())
                .select(users::last_sign_in_at);
            let at: Option<i64> = on!(c => at.get_result(c)).optional()?;
            Ok(at.and_then(list::signed_in))
        })
        .await
    }

    async fn update_user_profile(
        &self,
        before: &User,
        after: &User,
        last: LastAdministrator,
    ) -> store::Result<WriteOutcome> {
        let (after, version) = (after.clone(), before.version);
        let new_address = before.email != after.email;
        let stays_administrator = after.roles.iter().any(|role| role == console::ADMIN);
        let is_judged_anew = before.roles != after.roles || before.groups != after.groups;
        self.write_recorded(move |c| {
            let mut row = Row::from_user(&after);
            row.version = version;
            let leaves = (!stays_administrator).then_some(last);
            let written = update_profile(c, row, new_address, leaves)?;
            if is_judged_anew && written == WriteOutcome::Done {
                not_admitted::end_of_user(c, &after, after.updated_at)?;
            }
            Ok(written)
        })
        .await
    }

    async fn set_password(
        &self,
        user_id: &UserId,
        version: Option<i64>,
        hash: &str,
        now: Timestamp,
    ) -> store::Result<Option<usize>> {
        let (id, hash) = (user_id.to_owned(), hash.to_owned());
        let entry = self.entry.clone();
        let set = self
            .write_recorded(move |c| set_password(c, (&id, version), &hash, now, entry.as_deref()));
        set.await
    }

    async fn rehash_password(&self, user_id: &UserId, old: &str, new: &str) -> store::Result<bool> {
        let (id, old, new) = (user_id.to_owned(), old.to_owned(), new.to_owned());
        self.write_one(move |c| rehash(c, &id, &old, &new)).await
    }

    async fn disable_user(
        &self,
        user_id: &UserId,
        version: Option<i64>,
        last: LastAdministrator,
        now: Timestamp,
    ) -> store::Result<UserEnd> {
        let (id, entry) = (user_id.to_owned(), self.entry.clone());
        let disabled =
            self.write_recorded(move |c| disable(c, (&id, version), last, now, entry.as_deref()));
        disabled.await
    }

    async fn enable_user(
        &self,
        user_id: &UserId,
        version: Option<i64>,
        now: Timestamp,
    ) -> store::Result<bool> {
        let id = user_id.to_owned();
        self.write_recorded(move |c| {
            let binds = binds![now, &id, version, version];
            Ok(on!(c => statement(ENABLE, binds).execute(c))? == 1)
        })
        .await
    }

    async fn delete_user(
        &self,
        id: &UserId,
        version: Option<i64>,
        last: LastAdministrator,
    ) -> store::Result<UserEnd> {
        let (id, entry) = (id.to_owned(), self.entry.clone());
        let deleted =
            self.write_recorded(move |c| delete(c, (&id, version), last, entry.as_deref()));
        deleted.await
    }
}

/// One query whatever was typed, so that the time tells nothing.
pub fn find_by_login(c: &mut AnyConnection, login: &Login) -> Result<Option<User>, RowError> {
    let name = login.username.as_deref().unwrap_or(&login.as_typed);
    let key = login.email_key.as_deref().unwrap_or_default();
    let found: Vec<Row> = on!(c => users::table
        .filter(users::username.eq(&login.as_typed).or(users::username.eq(name)).or(users::email_key.eq(key)))
        .select(Row::as_select())
        .load(c))?;
    found
        .into_iter()
        .min_by_key(|row| login.rank(&row.username))
        .map(Row::into_user)
        .transpose()
}

/// A change of the record: whoever has read it before is told. With a version, only of the record as it was read.
macro_rules! change {
    ($set:literal) => {
        concat!(
            "UPDATE users SET ",
            $set,
            ", updated_at = ?, version = version + 1 WHERE id = ? AND (CAST(? AS BIGINT) IS NULL OR version = ?)"
        )
    };
}
const PASSWORD: &str = change!("password_hash = ?");
const DISABLE: &str = change!("disabled_at = ?");
const ENABLE: &str = change!("disabled_at = NULL");

/// A user, and the version at which whoever asks has read them; none: whatever it is now.
type Named<'a> = (&'a UserId, Option<i64>);

/// Writes the user's row before it ends the sessions: a sign-in that holds the row is waited for, and its session is
/// among those that end (on PostgreSQL each statement sees what was committed before it).
pub fn set_password(
    c: &mut AnyConnection,
    (id, version): Named<'_>,
    hash: &str,
    now: Timestamp,
    entry: Option<&AuditEntry>,
) -> Result<Option<usize>, RowError> {
    let binds = binds![hash, now, id, version, version];
    if on!(c => statement(PASSWORD, binds).execute(c))? == 1 {
        sessions::end_all_of(c, id, now, (entry, Cause::PasswordChanged)).map(Some)
    } else {
        Ok(None)
    }
}

/// What the user has goes along: sessions, consents, authorizations.
///
/// In the order in which a code is issued: the session, then the consent. A sign-in that holds the user's row is waited
/// for, and none begins after it; codes may still look at the row (`FOR KEY SHARE`) until the sessions are gone.
pub fn delete(
    c: &mut AnyConnection,
    (id, version): Named<'_>,
    last: LastAdministrator,
    entry: Option<&AuditEntry>,
) -> Result<UserEnd, RowError> {
    match administrators::hold(c, id, last)? {
        // The row is held: what is seen now is what is deleted.
        Held::Yes if administrators::is_at(c, id, version)? => {}
        Held::Yes | Held::Unknown => return Ok(UserEnd::Unknown),
        Held::LastAdministrator => return Ok(UserEnd::LastAdministrator),
    }
    if entry.is_none() {
        deliveries::forget_noted(c, id)?;
    }
    let sessions = sessions::delete_all_of(c, id, entry)?;
    on!(c => diesel::delete(consents::table.filter(consents::user_id.eq(id.as_str()))).execute(c))?;
    authorizations::several::hold_user(c, id)?;
    let gone = on!(c => diesel::delete(users::table.find(id.as_str())).execute(c))? == 1;
    Ok(if gone {
        UserEnd::Ended(sessions)
    } else {
        UserEnd::Unknown
    })
}

/// In the order of [`set_password`], for the same reason.
pub fn disable(
    c: &mut AnyConnection,
    (id, version): Named<'_>,
    last: LastAdministrator,
    now: Timestamp,
    entry: Option<&AuditEntry>,
) -> Result<UserEnd, RowError> {
    match administrators::hold(c, id, last)? {
        Held::Yes => {}
        Held::Unknown => return Ok(UserEnd::Unknown),
        Held::LastAdministrator => return Ok(UserEnd::LastAdministrator),
    }
    let binds = binds![now, now, id, version, version];
    if on!(c => statement(DISABLE, binds).execute(c))? == 0 {
        return Ok(UserEnd::Unknown);
    }
    let sessions = sessions::end_all_of(c, id, now, (entry, Cause::UserDisabled))?;
    Ok(UserEnd::Ended(sessions))
}

/// Of which user it is the last, when, and the password that it was made with.
const SIGN_IN: &str = "UPDATE users SET last_sign_in_at = ? WHERE id = ? AND disabled_at IS NULL AND password_hash = ?";

/// Whether the user may sign in with the password that `hash` was made of; if so that is noted, and they can neither be
/// disabled nor deleted nor given another password before this transaction is over.
///
/// PostgreSQL: the update waits for whoever is changing the row, and then looks at the row as they left it. Sign-ins of one
/// user come one by one: they count that user's sessions.
pub fn hold_password(
    c: &mut AnyConnection,
    id: &str,
    hash: &str,
    at: Timestamp,
) -> Result<bool, RowError> {
    Ok(on!(c => statement(SIGN_IN, binds![at, id, hash]).execute(c))? == 1)
}

const NOTE_SIGN_IN: &str = "UPDATE users SET last_sign_in_at = ? WHERE id = ?";

/// Notes a sign-in of a user whose row is held.
pub fn note_sign_in(c: &mut AnyConnection, id: &str, at: Timestamp) -> Result<(), RowError> {
    on!(c => statement(NOTE_SIGN_IN, binds![at, id]).execute(c))?;
    Ok(())
}

const REHASH: &str = "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?";

pub fn rehash(c: &mut AnyConnection, id: &UserId, old: &str, new: &str) -> Result<bool, RowError> {
    Ok(on!(c => statement(REHASH, binds![new, id, old]).execute(c))? == 1)
}
