//! The SQL of users.

use diesel::prelude::*;
use latchkey_protocol::{
    names::{Login, address_forms, email_key},
    store::WriteOutcome,
    user::User,
};

use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    schema::users,
    sessions,
    statement::{binds, statement},
};

#[derive(Queryable, Insertable)]
#[diesel(table_name = users)]
pub struct Row {
    id: String,
    username: String,
    email: Option<String>,
    name: Option<String>,
    password_hash: Option<String>,
    roles: String,
    groups: String,
    claims: String,
    disabled_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
    pub version: i64,
    email_key: Option<String>,
    attributes: String,
}

/// The columns that describe a user, and none that decides whether they may sign in.
#[derive(AsChangeset)]
#[diesel(table_name = users, treat_none_as_null = true)]
struct Profile {
    email: Option<String>,
    name: Option<String>,
    roles: String,
    groups: String,
    claims: String,
    attributes: String,
    updated_at: i64,
    version: i64,
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
            id: user.id,
            username: user.username,
            email: user.email,
            name: user.name,
            password_hash: user.password_hash,
            disabled_at: user.disabled_at,
            created_at: user.created_at,
            updated_at: user.updated_at,
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
            id: self.id,
            username: self.username,
            email: self.email,
            name: self.name,
            password_hash: self.password_hash,
            disabled_at: self.disabled_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
            version: self.version,
        })
    }
}

/// Any fixed number: those who write names or addresses do so one after the other, so that what was looked at still holds
/// when it is written. No constraint spans the two columns.
const NAMES: i64 = 0x6c6b_6e61_6d65_7300;

pub fn wait_for_names(c: &mut AnyConnection) -> Result<(), RowError> {
    if let AnyConnection::Postgres(inner) = c {
        diesel::sql_query(format!("SELECT pg_advisory_xact_lock({NAMES})")).execute(inner)?;
    }
    Ok(())
}

/// Users who have something of another's name or address, in whichever form it is typed.
struct Others {
    name: Option<WriteOutcome>,
    address: Option<WriteOutcome>,
}

fn others(c: &mut AnyConnection, row: &Row) -> Result<Others, RowError> {
    wait_for_names(c)?;
    let mut as_name = address_forms(&row.username);
    as_name.push(row.username.clone());
    let as_address = row.email.as_deref().map(address_forms).unwrap_or_default();
    let all: Vec<&String> = as_name.iter().chain(&as_address).collect();
    let others: Vec<(String, Option<String>)> = on!(c => users::table
        .select((users::username, users::email_key))
        .filter(users::id.ne(&row.id))
        .filter(users::username.eq_any(&all).or(users::email_key.eq_any(&all)))
        .load(c))?;
    let named = |forms: &[String]| others.iter().any(|(known, _)| forms.contains(known));
    let addressed = |forms: &[String]| {
        others
            .iter()
            .any(|(_, known)| known.as_ref().is_some_and(|k| forms.contains(k)))
    };
    let own = row
        .email_key
        .as_ref()
        .is_some_and(|key| as_name.contains(key));
    let refused = |is: bool, why: WriteOutcome| is.then_some(why);
    Ok(Others {
        name: refused(named(&as_name), WriteOutcome::NameTaken).or(refused(
            addressed(&as_name) && !own,
            WriteOutcome::NameIsAddress,
        )),
        address: refused(addressed(&as_address), WriteOutcome::AddressTaken)
            .or(refused(named(&as_address), WriteOutcome::AddressIsName)),
    })
}

pub fn create(c: &mut AnyConnection, row: &Row) -> Result<WriteOutcome, RowError> {
    let others = others(c, row)?;
    if let Some(taken) = others.name.or(others.address) {
        return Ok(taken);
    }
    on!(c => diesel::insert_into(users::table).values(row).execute(c))?;
    Ok(WriteOutcome::Done)
}

pub fn find(c: &mut AnyConnection, id: &str) -> Result<Option<User>, RowError> {
    on!(c => users::table.find(id).get_result::<Row>(c))
        .optional()?
        .map(Row::into_user)
        .transpose()
}

pub fn find_by_name(c: &mut AnyConnection, name: &str) -> Result<Option<User>, RowError> {
    on!(c => users::table.filter(users::username.eq(name)).get_result::<Row>(c))
        .optional()?
        .map(Row::into_user)
        .transpose()
}

/// One query whatever was typed, so that the time tells nothing.
pub fn find_by_login(c: &mut AnyConnection, login: &Login) -> Result<Option<User>, RowError> {
    let name = login.username.as_deref().unwrap_or(&login.as_typed);
    let key = login.email_key.as_deref().unwrap_or_default();
    let found: Vec<Row> = on!(c => users::table
        .filter(users::username.eq(&login.as_typed).or(users::username.eq(name)).or(users::email_key.eq(key)))
        .load(c))?;
    found
        .into_iter()
        .min_by_key(|row| login.rank(&row.username))
        .map(Row::into_user)
        .transpose()
}

pub fn all(c: &mut AnyConnection) -> Result<Vec<User>, RowError> {
    on!(c => users::table.order(users::username).load::<Row>(c))?
        .into_iter()
        .map(Row::into_user)
        .collect()
}

/// `new_address`: the address has changed, and is looked at; so is one whose key is not the program's. Users who shared
/// one before addresses were compared keep it as long as they do not change it, and do not sign in with it.
pub fn update_profile(
    c: &mut AnyConnection,
    mut row: Row,
    new_address: bool,
) -> Result<WriteOutcome, RowError> {
    let stored: Option<Option<String>> =
        on!(c => users::table.find(&row.id).select(users::email_key).get_result(c)).optional()?;
    let new_key = new_address || stored.is_some_and(|key| key != row.email_key);
    if new_key && let Some(taken) = others(c, &row)?.address {
        if new_address {
            return Ok(taken);
        }
        row.email_key = None;
    }
    let (id, version, key) = (row.id, row.version, row.email_key);
    let profile = Profile {
        email: row.email,
        name: row.name,
        roles: row.roles,
        groups: row.groups,
        claims: row.claims,
        attributes: row.attributes,
        updated_at: row.updated_at,
        version: version + 1,
    };
    let unchanged = users::table
        .filter(users::id.eq(&id))
        .filter(users::version.eq(version));
    if on!(c => diesel::update(unchanged).set(&profile).execute(c))? == 0 {
        return Ok(WriteOutcome::Changed);
    }
    if new_key {
        on!(c => diesel::update(users::table.find(&id)).set(users::email_key.eq(&key)).execute(c))?;
    }
    Ok(WriteOutcome::Done)
}

/// Writes the user's row before it ends the sessions: a sign-in that holds the row is waited for, and its session is
/// among those that end (on PostgreSQL each statement sees what was committed before it).
pub fn set_password(
    c: &mut AnyConnection,
    id: &str,
    hash: &str,
    now: i64,
) -> Result<Option<usize>, RowError> {
    let values = (
        users::password_hash.eq(Some(hash)),
        users::updated_at.eq(now),
    );
    let known = on!(c => diesel::update(users::table.find(id)).set(values).execute(c))? == 1;
    if known {
        sessions::end_all_of(c, id, now).map(Some)
    } else {
        Ok(None)
    }
}

/// In the order of [`set_password`], for the same reason.
pub fn disable(c: &mut AnyConnection, id: &str, now: i64) -> Result<Option<usize>, RowError> {
    let values = (users::disabled_at.eq(Some(now)), users::updated_at.eq(now));
    let known = on!(c => diesel::update(users::table.find(id)).set(values).execute(c))? == 1;
    if known {
        sessions::end_all_of(c, id, now).map(Some)
    } else {
        Ok(None)
    }
}

pub fn enable(c: &mut AnyConnection, id: &str, now: i64) -> Result<bool, RowError> {
    let values = (
        users::disabled_at.eq(None::<i64>),
        users::updated_at.eq(now),
    );
    Ok(on!(c => diesel::update(users::table.find(id)).set(values).execute(c))? == 1)
}

/// Whether the user may sign in with the password that `hash` was made of; if so they can neither be disabled nor
/// deleted nor given another password before this transaction is over.
///
/// PostgreSQL: `FOR SHARE` waits for whoever is changing the row, and then looks at the row as they left it. `FOR KEY
/// SHARE`, which the foreign key of the session takes, would let a disable pass.
pub fn hold(c: &mut AnyConnection, id: &str, hash: &str) -> Result<bool, RowError> {
    let user = users::table
        .select(users::id)
        .filter(users::id.eq(id))
        .filter(users::disabled_at.is_null())
        .filter(users::password_hash.eq(hash));
    let found = match c {
        // One writer at a time: nothing comes between.
        AnyConnection::Sqlite(c) => user.get_result::<String>(c),
        // Sign-ins of one user one by one: they count that user's sessions.
        AnyConnection::Postgres(c) => user.for_no_key_update().get_result::<String>(c),
    };
    Ok(found.optional()?.is_some())
}

const REHASH: &str = "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?";

pub fn rehash(c: &mut AnyConnection, id: &str, old: &str, new: &str) -> Result<bool, RowError> {
    Ok(on!(c => statement(REHASH, binds![new, id, old]).execute(c))? == 1)
}

pub fn delete(c: &mut AnyConnection, id: &str) -> Result<bool, RowError> {
    Ok(on!(c => diesel::delete(users::table.find(id)).execute(c))? == 1)
}
