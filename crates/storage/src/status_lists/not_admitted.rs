//! Tokens of a user whom clients admit no longer end. Nothing is revoked: who is admitted again goes on.

use std::collections::BTreeSet;

use diesel::{PgConnection, SqliteConnection, prelude::*, sql_types::BigInt};
use latchkey_protocol::{Timestamp, user::User};

use super::{
    admits::{Admitting, Rule, admitting},
    earlier, ids,
};
use crate::{
    columns::{Grouped, columns},
    connection::AnyConnection,
    error::RowError,
    statement::{Bind, binds, statement},
};

const CLIENTS_OF_USER: [&str; 2] = admitting!(
    "id IN (SELECT client_id FROM authorizations WHERE user_id = ? AND revoked_at IS NULL)"
);

/// What a client is given stands in the row no more once it is noted, so that no token that is issued later shares it. And
/// whoever has read the row before writes nothing: what is judged at this moment by what was true before is refused.
macro_rules! end_held {
    ($asked:literal, $held:literal) => {
        concat!(
            "WITH asked AS MATERIALIZED (SELECT * FROM unnest(",
            $asked,
            ")), held AS MATERIALIZED (SELECT a.id, a.token_entries, a.token_entries_until, asked.now FROM asked \
             JOIN authorizations AS a ON ",
            $held,
            " AND a.revoked_at IS NULL ORDER BY a.id FOR NO KEY UPDATE OF a), \
             noted AS (INSERT INTO ended_tokens (until_at, entries) SELECT token_entries_until, token_entries FROM held \
             WHERE token_entries_until > now AND token_entries IS NOT NULL) \
             UPDATE authorizations SET token_entries = NULL, token_entries_until = coalesce(held.token_entries_until, 0) + 1 \
             FROM held WHERE authorizations.id = held.id"
        )
    };
}
pub(super) use end_held;
macro_rules! note {
    ($where:literal) => {
        concat!(
            "INSERT INTO ended_tokens (until_at, entries) SELECT token_entries_until, token_entries FROM authorizations WHERE ",
            $where,
            " AND revoked_at IS NULL AND token_entries IS NOT NULL AND token_entries_until > ?"
        )
    };
}
pub(super) use note;

const END_TOGETHER: &str = end_held!(
    "?, ?, ?) AS asked (user_id, client_id, now",
    "a.user_id = asked.user_id AND a.client_id = asked.client_id"
);
const NOTE: &str = note!("user_id = ? AND client_id IN (SELECT value FROM json_each(?))");
const MOVE: &str = "UPDATE authorizations SET token_entries = NULL, token_entries_until = coalesce(token_entries_until, 0) + 1 \
    WHERE user_id = ? AND client_id IN (SELECT value FROM json_each(?)) AND revoked_at IS NULL";

/// In the transaction that changes the user: at each client that does not admit them any more.
pub fn end_of_user(c: &mut AnyConnection, user: &User, now: Timestamp) -> Result<(), RowError> {
    let [plain, holding] = CLIENTS_OF_USER;
    let of_user = binds![&user.id];
    let clients: Vec<Admitting> = match &mut *c {
        AnyConnection::Sqlite(c) => statement(plain, of_user).load(c)?,
        AnyConnection::Postgres(c) => statement(holding, of_user).load(c)?,
    };
    let mut unreadable = BTreeSet::new();
    let is_left = |client: &Admitting| match client.rule(&mut unreadable) {
        Rule::Everybody => false,
        Rule::Nobody => true,
        Rule::Only(access) => !access.admits(user),
    };
    let left: Vec<String> = clients
        .into_iter()
        .filter(is_left)
        .map(|client| client.id)
        .collect();
    for row in unreadable {
        tracing::error!(row, "a row cannot be read: it admits nobody");
    }
    if left.is_empty() {
        return Ok(());
    }
    let now = earlier(c, now)?;
    match c {
        AnyConnection::Sqlite(c) => end_at(c, user, &left, now),
        AnyConnection::Postgres(c) => end_together(c, user, &left, now),
    }
}

/// One writer: nothing comes between.
fn end_at(
    c: &mut SqliteConnection,
    user: &User,
    clients: &[String],
    now: Timestamp,
) -> Result<(), RowError> {
    let clients = ids(clients);
    statement(NOTE, binds![&user.id, &clients, now]).execute(c)?;
    statement(MOVE, binds![&user.id, &clients]).execute(c)?;
    Ok(())
}

/// How [`END_TOGETHER`] is found again.
struct Together;

/// One statement, since a refresh may be committed between two. By their ids, as everybody takes several.
fn end_together(
    c: &mut PgConnection,
    user: &User,
    clients: &[String],
    now: Timestamp,
) -> Result<(), RowError> {
    let row = |client| [Bind::from(&user.id), Bind::from(client), Bind::from(now)];
    let rows: Vec<_> = clients.iter().map(row).collect();
    Grouped::<Together, BigInt>::new(END_TOGETHER, &columns(&rows)).execute(c)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{CLIENTS_OF_USER, END_TOGETHER, MOVE, NOTE};
    use crate::test_database::{fill, on_postgres, on_sqlite, plan};

    #[test]
    fn what_a_user_has_is_found_by_the_user() {
        on_sqlite(|c| {
            let pair = "INDEX authorizations_user (user_id=? AND client_id=?)";
            for (text, binds, index) in [
                (
                    CLIENTS_OF_USER[0],
                    1,
                    "INDEX authorizations_user (user_id=?)",
                ),
                (NOTE, 3, pair),
                (MOVE, 2, pair),
            ] {
                let plan = plan(c, text, &vec!["'1'"; binds]);
                assert!(plan.contains(index), "{text}: {plan}");
            }
        });
        on_postgres("not_admitted", |c| {
            fill(c);
            let few = ["ARRAY['u7', 'u7']", "ARRAY['few', 'half']", "ARRAY[9, 9]"];
            for (text, values) in [(END_TOGETHER, &few[..]), (CLIENTS_OF_USER[1], &["'u7'"])] {
                let plan = plan(c, text, values);
                assert!(plan.contains("authorizations_user"), "{text}: {plan}");
            }
        });
    }
}
