//! Sessions piece by piece, in the order of an index.

use diesel::{
    prelude::*,
    sql_types::{Integer, Text},
};
use latchkey_protocol::{Timestamp, UserId, page::Page, session::ListedSession};

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
const OF_ALL: &str = list!("");
const OF_USER: &str = list!("sessions.user_id = ? AND ");

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

pub fn list(
    c: &mut AnyConnection,
    user: Option<&UserId>,
    page: &Page<(Timestamp, String)>,
    now: Timestamp,
) -> Result<Vec<ListedSession>, RowError> {
    let first = (Timestamp::from_seconds(i64::MIN), String::new());
    let (created_at, id) = page.after.as_ref().unwrap_or(&first);
    let after: &[Bind] = binds![*created_at, id, now, page.limit];
    let rows: Vec<Listed> = match user {
        None => on!(c => statement(OF_ALL, after).load(c))?,
        Some(user) => {
            let whose: &[Bind] = binds![user];
            on!(c => statement(OF_USER, &[whose, after].concat()).load(c))?
        }
    };
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
        ANALYZE;";

    const LISTS: [(&str, &[&str], &str); 2] = [
        (OF_ALL, &["3000", "'s'", "10", "100"], "sessions_list"),
        (
            OF_USER,
            &["'u7'", "3000", "'s'", "10", "100"],
            "sessions_list_user",
        ),
    ];

    #[test]
    fn sqlite_finds_each_piece_by_an_index() {
        on_sqlite(|c| {
            let digest = "CAST('d' || n AS BLOB)";
            c.batch_execute(&ROWS.replace("DIGEST", digest)).unwrap();
            for (text, values, index) in LISTS {
                let plan = plan(c, text, values);
                assert!(plan.contains(&format!("USING INDEX {index} ")), "{plan}");
                assert!(!plan.contains("TEMP B-TREE"), "nothing is sorted: {plan}");
            }
        });
    }

    #[test]
    fn postgres_finds_each_piece_by_an_index() {
        on_postgres("list", |c| {
            let digest = "convert_to('d' || n, 'UTF8')";
            c.batch_execute(&ROWS.replace("DIGEST", digest)).unwrap();
            for (text, values, index) in LISTS {
                let plan = plan(c, text, values);
                // The few sessions of one user may be sorted.
                assert!(plan.contains(&format!(" {index} ")), "{plan}");
                assert!(text == OF_USER || !plan.contains("Sort"), "{plan}");
            }
        });
    }
}
