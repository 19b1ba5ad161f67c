//! Tokens of users whom a client admits no longer end, and those of a client that was disabled. Nothing is revoked: who is
//! admitted again goes on.

use std::collections::HashMap;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Binary, Nullable, Text},
};
use latchkey_protocol::{AuthorizationId, ClientId, Timestamp, client::Client, user::User};

use crate::{
    clients::Row as ClientRow,
    connection::{AnyConnection, on},
    error::RowError,
    schema::{clients as client_rows, users},
    statement::{binds, statement},
    users::Row as UserRow,
};

const CLIENTS_OF_USER: &str =
    "SELECT DISTINCT client_id AS id FROM authorizations WHERE user_id = ? AND revoked_at IS NULL";

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    id: String,
}

/// In the transaction that changes the user: at each client that does not admit them any more. What is judged at this moment
/// by what they were is refused, as where a session ends.
pub fn end_of_user(c: &mut AnyConnection, user: &User, now: Timestamp) -> Result<(), RowError> {
    let theirs: Vec<Name> = on!(c => statement(CLIENTS_OF_USER, binds![&user.id]).load(c))?;
    for Name { id } in theirs {
        let client = find(c, &id)?;
        if client.is_some_and(|client| !client.admits(user)) {
            end_at(c, user, &id, now)?;
        }
    }
    Ok(())
}

fn find(c: &mut AnyConnection, id: &str) -> Result<Option<Client>, RowError> {
    on!(c => client_rows::table.find(id).select(ClientRow::as_select()).get_result(c))
        .optional()?
        .map(ClientRow::into_client)
        .transpose()
}

const MOVE: &str = "UPDATE authorizations SET token_entries_until = coalesce(token_entries_until, 0) + 1 \
    WHERE user_id = ? AND client_id = ? AND revoked_at IS NULL RETURNING token_entries, token_entries_until";
const NOTE: &str = "INSERT INTO ended_tokens (until_at, entries) VALUES (?, ?)";

#[derive(QueryableByName)]
struct Moved {
    #[diesel(sql_type = Nullable<Binary>)]
    token_entries: Option<Vec<u8>>,
    #[diesel(sql_type = BigInt)]
    token_entries_until: i64,
}

/// A row that was moved belongs to this transaction: what it answers is what it had last.
fn end_at(
    c: &mut AnyConnection,
    user: &User,
    client: &str,
    now: Timestamp,
) -> Result<(), RowError> {
    let moved: Vec<Moved> = on!(c => statement(MOVE, binds![&user.id, client]).load(c))?;
    for one in moved {
        let until = Timestamp::from_seconds(one.token_entries_until - 1);
        note(c, one.token_entries.as_deref(), until, now)?;
    }
    Ok(())
}

fn note(
    c: &mut AnyConnection,
    entries: Option<&[u8]>,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), RowError> {
    if entries.is_some() && until > now {
        on!(c => statement(NOTE, binds![until, entries]).execute(c))?;
    }
    Ok(())
}

const OF_CLIENT: &str = "SELECT id, user_id, revoked_at, token_entries, token_entries_until FROM authorizations \
    WHERE client_id = ? AND id > ? ORDER BY id LIMIT ?";

#[derive(QueryableByName)]
struct Given {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    user_id: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    revoked_at: Option<i64>,
    #[diesel(sql_type = Nullable<Binary>)]
    token_entries: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    token_entries_until: Option<i64>,
}

impl Given {
    /// When the last of its tokens is over, where one is not and was not ended with it.
    fn lives_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.token_entries_until.map(Timestamp::from_seconds);
        until.filter(|until| *until > now && self.revoked_at.is_none())
    }
}

/// Of the next `most` authorizations of a client. The last that was looked at.
pub fn end_of_client(
    c: &mut AnyConnection,
    client: &ClientId,
    after: Option<&AuthorizationId>,
    most: i64,
    now: Timestamp,
) -> Result<Option<AuthorizationId>, RowError> {
    let Some(client) = find(c, client)? else {
        return Ok(None);
    };
    let after = after.map_or("", AuthorizationId::as_str);
    let given: Vec<Given> =
        on!(c => statement(OF_CLIENT, binds![&client.id, after, most]).load(c))?;
    let mut judged = HashMap::new();
    for one in &given {
        let Some(until) = one.lives_until(now) else {
            continue;
        };
        let is_admitted = match judged.get(&one.user_id) {
            Some(is_admitted) => *is_admitted,
            None => {
                let is_admitted = admits(c, &client, &one.user_id)?;
                judged.insert(one.user_id.clone(), is_admitted);
                is_admitted
            }
        };
        if !is_admitted {
            note(c, one.token_entries.as_deref(), until, now)?;
        }
    }
    let last = given.into_iter().next_back();
    Ok(last.map(|last| AuthorizationId::new(last.id)))
}

/// Whether the client, as it is now, may have tokens of the user as they are now.
fn admits(c: &mut AnyConnection, client: &Client, user: &str) -> Result<bool, RowError> {
    if client.disabled_at.is_some() {
        return Ok(false);
    }
    let user: Option<UserRow> =
        on!(c => users::table.find(user).select(UserRow::as_select()).get_result(c)).optional()?;
    let user = user.map(UserRow::into_user).transpose()?;
    Ok(user.is_some_and(|user| client.admits(&user)))
}

#[cfg(test)]
mod tests {
    use super::{CLIENTS_OF_USER, MOVE, OF_CLIENT};
    use crate::test_database::{on_sqlite, plan};

    #[test]
    fn what_is_judged_is_found_by_its_user_or_its_client() {
        on_sqlite(|c| {
            for (text, binds, index) in [
                (CLIENTS_OF_USER, 1, "INDEX authorizations_user (user_id=?)"),
                (
                    MOVE,
                    2,
                    "INDEX authorizations_user (user_id=? AND client_id=?)",
                ),
                (
                    OF_CLIENT,
                    3,
                    "INDEX authorizations_client (client_id=? AND id>?)",
                ),
            ] {
                let plan = plan(c, text, &vec!["'1'"; binds]);
                assert!(plan.contains(index), "{text}: {plan}");
                assert!(!plan.contains("ORDER BY"), "{text}: {plan}");
            }
        });
    }
}
