//! Sessions piece by piece, in the order of an index.

use diesel::{prelude::*, sql_types::Text};
use latchkey_protocol::{Timestamp, UserId, page::Page, session::Session};

use super::Row;
use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    statement::{Bind, binds, statement},
};

macro_rules! list {
    ($whose:literal) => {
        concat!(
            "SELECT sessions.*, users.username AS username FROM sessions JOIN users ON users.id = sessions.user_id WHERE ",
            $whose,
            "(sessions.created_at, sessions.id) > (?, ?) AND sessions.expires_at > ? \
            ORDER BY sessions.created_at, sessions.id LIMIT ?"
        )
    };
}
const OF_ALL: &str = list!("");
const OF_USER: &str = list!("sessions.user_id = ? AND ");

#[derive(QueryableByName)]
struct Listed {
    #[diesel(embed)]
    session: Row,
    #[diesel(sql_type = Text)]
    username: String,
}

pub fn list(
    c: &mut AnyConnection,
    user: Option<&UserId>,
    page: &Page<(Timestamp, String)>,
    now: Timestamp,
) -> Result<Vec<(Session, String)>, RowError> {
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
    rows.into_iter()
        .map(|row| Ok((row.session.into_session()?, row.username)))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use diesel::{connection::SimpleConnection, sql_query};

    use super::*;
    use crate::{connection::connect_sqlite, migrate, test_database};

    const ROWS: &str = "
        INSERT INTO users (id, username, roles, groups, claims, created_at, updated_at)
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 500)
            SELECT 'u' || n, 'u' || n, '[]', '[]', '{}', 0, 0 FROM n;
        INSERT INTO sessions (id, digest, user_id, auth_time, amr, remember, created_at, expires_at, ends_at)
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000)
            SELECT 's' || n, DIGEST, 'u' || (1 + n % 500), 0, 'pwd', 0, n / 3, 1000000, 1000000 FROM n;
        ANALYZE;";

    #[derive(QueryableByName)]
    struct SqliteLine {
        #[diesel(sql_type = Text)]
        detail: String,
    }

    #[derive(QueryableByName)]
    struct PostgresLine {
        #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
        line: String,
    }

    /// The text with its values in place.
    fn with_values(text: &str, user: Option<&str>) -> String {
        let mut text = text.to_owned();
        for value in user.into_iter().chain(["3000", "'s'", "10", "100"]) {
            text = text.replacen('?', value, 1);
        }
        text
    }

    const LISTS: [(&str, Option<&str>, &str); 2] = [
        (OF_ALL, None, "sessions_list"),
        (OF_USER, Some("'u7'"), "sessions_list_user"),
    ];

    #[test]
    fn sqlite_finds_each_piece_by_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db").display().to_string();
        let mut c = connect_sqlite(&path).unwrap();
        migrate::apply(&mut c).unwrap();
        let digest = "CAST('d' || n AS BLOB)";
        c.batch_execute(&ROWS.replace("DIGEST", digest)).unwrap();
        for (text, user, index) in LISTS {
            let explain = format!("EXPLAIN QUERY PLAN {}", with_values(text, user));
            let plan: Vec<SqliteLine> = {
                let c = &mut c;
                on!(c => sql_query(explain).load(c)).unwrap()
            };
            let plan: String = plan.into_iter().map(|line| line.detail + "; ").collect();
            assert!(plan.contains(&format!("USING INDEX {index} ")), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "nothing is sorted: {plan}");
        }
    }

    #[test]
    fn postgres_finds_each_piece_by_an_index() {
        test_database::on_postgres("list", |c| {
            let digest = "convert_to('d' || n, 'UTF8')";
            c.batch_execute(&ROWS.replace("DIGEST", digest)).unwrap();
            for (text, user, index) in LISTS {
                let explain = format!("EXPLAIN {}", with_values(text, user));
                let plan: Vec<PostgresLine> = on!(c => sql_query(explain).load(c)).unwrap();
                let plan: String = plan.into_iter().map(|line| line.line + "\n").collect();
                // The few sessions of one user may be sorted.
                assert!(plan.contains(&format!(" {index} ")), "{plan}");
                assert!(user.is_some() || !plan.contains("Sort"), "{plan}");
            }
        });
    }
}
