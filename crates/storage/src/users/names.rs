//! Writes of names and addresses: none is another user's name or address.

use diesel::prelude::*;
use latchkey_protocol::{
    Timestamp,
    names::address_forms,
    store::{LastAdministrator, WriteOutcome},
};

use super::{
    Row,
    administrators::{self, Held},
};
use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    schema::users,
    stored::Stored,
};

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
    updated_at: Stored<Timestamp>,
    version: i64,
}

/// `new_address`: the address has changed, and is looked at; so is one whose key is not the program's. Users who shared
/// one before addresses were compared keep it as long as they do not change it, and do not sign in with it. `leaves`: what
/// becomes of the last administrator, where the user is none afterwards.
pub fn update_profile(
    c: &mut AnyConnection,
    mut row: Row,
    new_address: bool,
    leaves: Option<LastAdministrator>,
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
    if let Some(last) = leaves {
        match administrators::hold(c, &row.id, last)? {
            Held::Yes => {}
            Held::Unknown => return Ok(WriteOutcome::Changed),
            Held::LastAdministrator => return Ok(WriteOutcome::LastAdministrator),
        }
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
