//! Sessions piece by piece, in the order of an index.

use diesel::{
    prelude::*,
    sql_types::{Integer, Text},
};
use latchkey_protocol::{Timestamp, page::Page, session::ListedSession};

use super::Row;
use crate::{
    bulk_ends::session_stands,
    connection::{AnyConnection, on},
    error::RowError,
    statement::{Bind, binds, statement},
};

macro_rules! list {
    ($whose:literal) => {
        concat!(
            "SELECT sessions.*, users.username AS username, CASE WHEN ",
            session_stands!(),
            " THEN 0 ELSE 1 END AS is_ended FROM sessions JOIN users ON users.id = sessions.user_id WHERE ",
            $whose,
            "(sessions.created_at, sessions.id) > (?, ?) AND sessions.expires_at > ? \
            ORDER BY sessions.created_at, sessions.id LIMIT ?"
        )
    };
}
pub const OF_ALL: &str = list!("");
pub const OF_USER: &str = list!("sessions.user_id = ? AND ");
/// Each session of the user is asked for its client: PostgreSQL would join an EXISTS with all that the client ever had.
pub const OF_USER_AT_CLIENT: &str = list!(
    "sessions.user_id = ? AND (SELECT 1 FROM authorizations AS given WHERE given.session_id = sessions.id \
    AND given.client_id = ? LIMIT 1) IS NOT NULL AND "
);

/// A session with its user's name, and whether it counts as ended.
#[derive(QueryableByName)]
pub struct Listed {
    #[diesel(embed)]
    session: Row,
    #[diesel(sql_type = Text)]
    username: String,
    #[diesel(sql_type = Integer)]
    is_ended: i32,
}

impl Listed {
    pub fn into_listed(self) -> Result<ListedSession, RowError> {
        Ok(ListedSession {
            session: self.session.into_session()?,
            username: self.username,
            is_ended: self.is_ended != 0,
        })
    }
}

/// `text`: one of the lists, `whose`: its own values.
pub fn list(
    c: &mut AnyConnection,
    text: &'static str,
    whose: &[Bind<'_>],
    page: &Page<(Timestamp, String)>,
    now: Timestamp,
) -> Result<Vec<ListedSession>, RowError> {
    let first = (Timestamp::from_seconds(i64::MIN), String::new());
    let (created_at, id) = page.after.as_ref().unwrap_or(&first);
    let after: &[Bind] = binds![*created_at, id, now, page.limit];
    let rows: Vec<Listed> = on!(c => statement(text, &[whose, after].concat()).load(c))?;
    rows.into_iter().map(Listed::into_listed).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use diesel::connection::SimpleConnection;

    use super::*;
    use crate::test_database::{on_postgres, on_sqlite, plan};

    const ROWS: &str = "
        INSERT INTO users (id, username, roles, groups, claims, created_at, updated_at)
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 500)
            SELECT 'u' || n, 'u' || n, '[]', '[]', '{}', 0, 0 FROM n;
        INSERT INTO sessions (id, digest, user_id, auth_time, amr, remember, created_at, expires_at, ends_at)
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000)
            SELECT 's' || n, DIGEST, 'u' || (1 + n % 500), 0, 'pwd', 0, n / 3, 1000000, 1000000 FROM n;
        INSERT INTO clients (id, metadata, created_at) VALUES ('many', '{}', 0), ('few', '{}', 0);
        INSERT INTO authorizations (id, client_id, user_id, session_id, scope, offline, auth_time, amr, redirect_uri, redirect_uri_sent,
                code, code_expires_at, created_at, expires_at)
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000)
            SELECT 'a' || n, CASE WHEN n % 1000 = 0 THEN 'few' ELSE 'many' END, 'u' || (1 + n % 500), 's' || n, '', 0, 0, 'pwd', '', 0, DIGEST, 0, 0, 1000000 FROM n;";

    const LISTS: [(&str, &[&str], &str); 4] = [
        (OF_ALL, &["3000", "'s'", "10", "100"], "sessions_list"),
        (
            OF_USER,
            &["'u7'", "3000", "'s'", "10", "100"],
            "sessions_list_user",
        ),
        (
            OF_USER_AT_CLIENT,
            &["'u7'", "'few'", "3000", "'s'", "10", "100"],
            "sessions_list_user",
        ),
        (
            OF_USER_AT_CLIENT,
            &["'u7'", "'many'", "3000", "'s'", "10", "100"],
            "sessions_list_user",
        ),
    ];

    /// Before the database has counted its rows and after that.
    fn each_plan(c: &mut AnyConnection, rows: &str, check: impl Fn(&str, &str, &str, bool)) {
        c.batch_execute(rows).unwrap();
        for counted in [false, true] {
            if counted {
                c.batch_execute("ANALYZE").unwrap();
            }
            for (text, values, index) in LISTS {
                check(&plan(c, text, values), text, index, counted);
            }
        }
    }

    #[test]
    fn sqlite_finds_each_piece_by_an_index() {
        let rows = ROWS.replace("DIGEST", "CAST('d' || n AS BLOB)");
        on_sqlite(|c| {
            each_plan(c, &rows, |plan, text, index, _| {
                assert!(plan.contains(&format!("USING INDEX {index} ")), "{plan}");
                assert!(!plan.contains("TEMP B-TREE"), "nothing is sorted: {plan}");
                let by_both = "SEARCH given USING COVERING INDEX authorizations_session (session_id=? AND client_id=?)";
                assert!(
                    text != OF_USER_AT_CLIENT || plan.contains(by_both),
                    "{plan}"
                );
            });
        });
    }

    #[test]
    fn postgres_finds_each_piece_by_an_index() {
        let rows = ROWS.replace("DIGEST", "convert_to('d' || n, 'UTF8')");
        on_postgres("list", |c| {
            each_plan(c, &rows, |plan, text, index, counted| {
                if counted {
                    // The few sessions of one user may be sorted.
                    assert!(plan.contains(&format!(" {index} ")), "{plan}");
                    assert!(text != OF_ALL || !plan.contains("Sort"), "{plan}");
                }
                // Each of the user's sessions by itself, not joined with all that the client ever had.
                if text == OF_USER_AT_CLIENT {
                    assert!(!plan.contains("Seq Scan on authorizations"), "{plan}");
                    let given = plan.split("authorizations given").nth(1).unwrap();
                    let condition = given.lines().nth(1).unwrap();
                    assert!(condition.contains("Cond: ((session_id = "), "{plan}");
                    assert!(condition.contains(") AND (client_id = '"), "{plan}");
                }
            });
        });
    }
}
