//! Clients piece by piece, in the order of an index, and what refers to one.

use diesel::{prelude::*, sql_types::BigInt};
use latchkey_protocol::{
    ClientId, Timestamp,
    client::Client,
    client_list::{ClientCounts, ClientCursor, ClientList, ClientPlace, ClientSort, name_key},
    console,
    page::Page,
};

use super::Row;
use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    statement::{Bind, binds, statement},
};

macro_rules! list {
    ($column:literal, $than:literal, $order:literal) => {
        concat!(
            "SELECT * FROM clients WHERE ",
            $column,
            " >= ? AND ",
            $column,
            " <= ? AND (",
            $column,
            ", id) ",
            $than,
            " (?, ?) AND id <> ? ORDER BY ",
            $column,
            $order,
            ", id",
            $order,
            " LIMIT ?"
        )
    };
}
const BY_NAME: &str = list!("name_key", ">", "");
const BY_NAME_LAST_FIRST: &str = list!("name_key", "<", " DESC");
const BY_CREATED: &str = list!("created_at", ">", "");
const BY_CREATED_LAST_FIRST: &str = list!("created_at", "<", " DESC");

/// After every text.
const END: &str = "\u{10ffff}";

pub fn list(
    c: &mut AnyConnection,
    asked: &ClientList,
    page: &Page<ClientCursor>,
) -> Result<Vec<Client>, RowError> {
    let rows: Vec<Row> = match asked.sort() {
        ClientSort::Name => by_name(c, asked, page)?,
        ClientSort::Created => by_created(c, asked, page)?,
    };
    rows.into_iter().map(Row::into_client).collect()
}

fn by_name(
    c: &mut AnyConnection,
    asked: &ClientList,
    page: &Page<ClientCursor>,
) -> Result<Vec<Row>, RowError> {
    let mut first = name_key(asked.begins.as_deref().unwrap_or_default());
    let mut last = format!("{first}{END}");
    let (text, mut after) = match asked.is_descending {
        false => (BY_NAME, ("", "")),
        true => (BY_NAME_LAST_FIRST, (END, END)),
    };
    if let Some(ClientCursor {
        at: ClientPlace::Name(name),
        id,
    }) = &page.after
    {
        after = (name, id);
        // Where the index is entered.
        match asked.is_descending {
            false => first = first.max(name.clone()),
            true => last = last.min(name.clone()),
        }
    }
    let console = console::CLIENT_ID;
    let values: &[Bind] = binds![&first, &last, after.0, after.1, console, page.limit];
    Ok(on!(c => statement(text, values).load(c))?)
}

fn by_created(
    c: &mut AnyConnection,
    asked: &ClientList,
    page: &Page<ClientCursor>,
) -> Result<Vec<Row>, RowError> {
    let (text, mut after) = match asked.is_descending {
        false => (BY_CREATED, (i64::MIN, "")),
        true => (BY_CREATED_LAST_FIRST, (i64::MAX, END)),
    };
    let (mut first, mut last) = (i64::MIN, i64::MAX);
    if let Some(ClientCursor {
        at: ClientPlace::Created(at),
        id,
    }) = &page.after
    {
        after = (at.as_seconds(), id);
        match asked.is_descending {
            false => first = after.0,
            true => last = after.0,
        }
    }
    let console = console::CLIENT_ID;
    let values: &[Bind] = binds![first, last, after.0, after.1, console, page.limit];
    Ok(on!(c => statement(text, values).load(c))?)
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    consents: i64,
    #[diesel(sql_type = BigInt)]
    looked_at: i64,
    #[diesel(sql_type = BigInt)]
    authorizations: i64,
}

const COUNTS: &str = "SELECT \
    (SELECT count(*) FROM (SELECT 1 FROM consents WHERE client_id = ? LIMIT ?) AS allowed) AS consents, \
    count(*) AS looked_at, \
    CAST(coalesce(sum(CASE WHEN revoked_at IS NULL AND expires_at > ? THEN 1 ELSE 0 END), 0) AS BIGINT) AS authorizations \
    FROM (SELECT revoked_at, expires_at FROM authorizations WHERE client_id = ? LIMIT ?) AS theirs";

pub fn counts(
    c: &mut AnyConnection,
    id: &ClientId,
    now: Timestamp,
) -> Result<ClientCounts, RowError> {
    let most = ClientCounts::MOST + 1;
    let values: &[Bind] = binds![id, most, now, id, most];
    let counted: Counted = on!(c => statement(COUNTS, values).get_result(c))?;
    Ok(ClientCounts {
        consents: counted.consents,
        authorizations: counted.authorizations,
        is_more: counted.looked_at > ClientCounts::MOST,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use diesel::connection::SimpleConnection;

    use super::*;
    use crate::test_database::{on_postgres, on_sqlite, plan};

    const ROWS: &str = "
        INSERT INTO clients (id, metadata, created_at, name_key)
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000)
            SELECT 'c' || n, '{}', n / 3, 'app ' || n FROM n;
        ANALYZE;";

    /// The bounds of a list, and where it goes on, with all other values.
    fn values([from, to, after]: [&'static str; 3]) -> [&'static str; 6] {
        [from, to, after, "'c7'", "'latchkey-console'", "50"]
    }

    const NAMES: [&str; 3] = ["'app 1'", "'app 1~'", "'app 150'"];
    const ALL_NAMES: [&str; 3] = ["''", "'~'", "'app 150'"];
    const TIMES: [&str; 3] = ["-1", "99999999", "3000"];
    const LISTS: [(&str, [&str; 3], &str); 6] = [
        (BY_NAME, NAMES, "clients_name"),
        (BY_NAME, ALL_NAMES, "clients_name"),
        (BY_NAME_LAST_FIRST, NAMES, "clients_name"),
        (BY_NAME_LAST_FIRST, ALL_NAMES, "clients_name"),
        (BY_CREATED, TIMES, "clients_created"),
        (BY_CREATED_LAST_FIRST, TIMES, "clients_created"),
    ];

    #[test]
    fn sqlite_finds_each_piece_of_the_clients_by_an_index() {
        on_sqlite(|c| {
            c.batch_execute(ROWS).unwrap();
            for (text, bounds, index) in LISTS {
                let plan = plan(c, text, &values(bounds));
                assert!(plan.contains(&format!("USING INDEX {index} ")), "{plan}");
                assert!(!plan.contains("TEMP B-TREE"), "nothing is sorted: {plan}");
            }
        });
    }

    #[test]
    fn postgres_finds_each_piece_of_the_clients_by_an_index() {
        on_postgres("client_list", |c| {
            c.batch_execute(ROWS).unwrap();
            for (text, bounds, index) in LISTS {
                let plan = plan(c, text, &values(bounds));
                assert!(plan.contains(&format!(" {index} ")), "{plan}");
                assert!(!plan.contains("Sort"), "nothing is sorted: {plan}");
            }
        });
    }
}
