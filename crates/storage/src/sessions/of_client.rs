//! The sessions in which users signed in to a client, piece by piece in the order of its authorizations.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};
use latchkey_protocol::{ClientId, Timestamp, page::Page, session::ClientSessions};

use super::list::Listed;
use crate::{
    bulk_ends::session_stands,
    connection::{AnyConnection, on},
    error::RowError,
    statement::{Bind, binds, statement},
};

/// So many authorizations are looked at for one piece at most: of a client with few live sessions, nobody reads all it ever had.
const LOOKED_AT: i64 = 1000;

/// A session stands at its first authorization for the client, so that it is in one piece alone. That one is asked for by the
/// session: a plain `id` is what SQLite prefers to search by, and it would walk all that the client had before this piece.
const LIST: &str = concat!(
    "SELECT sessions.*, users.username AS username, CASE WHEN ",
    session_stands!(),
    " THEN 0 ELSE 1 END AS is_ended, theirs.place AS place FROM (\
    SELECT looked.session_id AS session_id, min(looked.id) AS place FROM (\
        SELECT id, session_id FROM authorizations WHERE client_id = ? AND id > ? ORDER BY id LIMIT ?) AS looked \
    GROUP BY looked.session_id HAVING (SELECT min(earlier.id || '') FROM authorizations AS earlier \
        WHERE earlier.session_id = looked.session_id AND earlier.client_id = ?) > ?) AS theirs \
    JOIN sessions ON sessions.id = theirs.session_id JOIN users ON users.id = sessions.user_id \
    WHERE sessions.expires_at > ? ORDER BY theirs.place LIMIT ?"
);
const LOOKED: &str = "SELECT count(*) AS looked_at, max(id) AS last FROM (\
    SELECT id FROM authorizations WHERE client_id = ? AND id > ? ORDER BY id LIMIT ?) AS looked";

#[derive(QueryableByName)]
struct Placed {
    #[diesel(embed)]
    listed: Listed,
    #[diesel(sql_type = Text)]
    place: String,
}

#[derive(QueryableByName)]
struct Looked {
    #[diesel(sql_type = BigInt)]
    looked_at: i64,
    #[diesel(sql_type = Nullable<Text>)]
    last: Option<String>,
}

/// Of so many authorizations after that place.
fn placed(
    c: &mut AnyConnection,
    client: &ClientId,
    after: &str,
    looked_at: i64,
    most: i64,
    now: Timestamp,
) -> Result<Vec<Placed>, RowError> {
    let values: &[Bind] = binds![client, after, looked_at, client, after, now, most];
    Ok(on!(c => statement(LIST, values).load(c))?)
}

pub fn list(
    c: &mut AnyConnection,
    client: &ClientId,
    page: &Page<String>,
    now: Timestamp,
) -> Result<ClientSessions, RowError> {
    let after = page.after.clone().unwrap_or_default();
    let wanted = usize::try_from(page.limit).unwrap_or_default();
    // As a rule each authorization is of another session, which lives: then so many are enough.
    let most = page.limit + 1;
    let mut rows = placed(c, client, &after, most, most, now)?;
    if rows.len() <= wanted {
        rows = placed(c, client, &after, LOOKED_AT, most, now)?;
    }
    let next = if rows.len() > wanted {
        rows.truncate(wanted);
        rows.last().map(|last| last.place.clone())
    } else {
        let values: &[Bind] = binds![client, &after, LOOKED_AT];
        let looked: Looked = on!(c => statement(LOOKED, values).get_result(c))?;
        looked.last.filter(|_| looked.looked_at == LOOKED_AT)
    };
    let sessions = rows.into_iter().map(|row| row.listed.into_listed());
    Ok(ClientSessions {
        sessions: sessions.collect::<Result<_, RowError>>()?,
        next,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use diesel::connection::SimpleConnection;

    use super::*;
    use crate::test_database::{on_postgres, on_sqlite, plan};

    /// A client with many of each, and one with few.
    const ROWS: &str = "
        INSERT INTO users (id, username, roles, groups, claims, created_at, updated_at) VALUES ('u', 'u', '[]', '[]', '{}', 0, 0);
        INSERT INTO clients (id, metadata, created_at) VALUES ('many', '{}', 0), ('few', '{}', 0);
        INSERT INTO sessions (id, digest, user_id, auth_time, amr, remember, created_at, expires_at, ends_at)
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000)
            SELECT 's' || n, DIGEST, 'u', 0, 'pwd', 0, 0, 1000000, 1000000 FROM n;
        INSERT INTO authorizations (id, client_id, user_id, session_id, scope, offline, auth_time, amr, redirect_uri, redirect_uri_sent,
                code, code_expires_at, created_at, expires_at)
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000)
            SELECT 'a' || n, CASE WHEN n % 1000 = 0 THEN 'few' ELSE 'many' END, 'u', 's' || n, '', 0, 0, 'pwd', '', 0, DIGEST, 0, 0, 1000000 FROM n;";

    fn plans(c: &mut AnyConnection, client: &str, after: &str) -> String {
        let list = [client, after, "1000", client, after, "10", "51"];
        plan(c, LIST, &list) + &plan(c, LOOKED, &[client, after, "1000"])
    }

    /// At the beginning and further on, before the database has counted its rows and after that.
    fn each_plan(c: &mut AnyConnection, rows: &str, check: impl Fn(&str)) {
        c.batch_execute(rows).unwrap();
        for counted in [false, true] {
            if counted {
                c.batch_execute("ANALYZE").unwrap();
            }
            for client in ["'few'", "'many'"] {
                for after in ["''", "'a15000'"] {
                    check(&plans(c, client, after));
                }
            }
        }
    }

    #[test]
    fn sqlite_reads_no_whole_table_for_a_piece() {
        let rows = ROWS.replace("DIGEST", "CAST('d' || n AS BLOB)");
        on_sqlite(|c| {
            each_plan(c, &rows, |plan| {
                assert!(plan.contains("authorizations_client"), "{plan}");
                let by_session = "SEARCH earlier USING INDEX authorizations_session (session_id=? AND client_id=?)";
                assert!(plan.contains(by_session), "{plan}");
                for whole in ["SCAN authorizations", "SCAN sessions"] {
                    assert!(!plan.contains(whole), "{plan}");
                }
            });
        });
    }

    #[test]
    fn postgres_reads_no_whole_table_for_a_piece() {
        let rows = ROWS.replace("DIGEST", "convert_to('d' || n, 'UTF8')");
        on_postgres("of_client", |c| {
            each_plan(c, &rows, |plan| {
                assert!(plan.contains("authorizations_client"), "{plan}");
                assert!(!plan.contains("Seq Scan on authorizations"), "{plan}");
                // Neither by the client alone nor joined with all of its rows.
                let earlier = plan.split("authorizations earlier").nth(1).unwrap();
                let condition = earlier.lines().nth(1).unwrap();
                assert!(condition.contains("Cond: ((session_id = "), "{plan}");
                assert!(condition.contains(") AND (client_id = '"), "{plan}");
            });
            let few = plans(c, "'few'", "''");
            assert!(!few.contains("Seq Scan on sessions"), "{few}");
        });
    }
}
