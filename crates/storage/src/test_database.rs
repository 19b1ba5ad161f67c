//! Migrated databases for tests of what no verb shows.

use diesel::{connection::SimpleConnection, prelude::*, sql_query, sql_types::Text};

use crate::{Options, connection::AnyConnection, migrate, postgres};

/// As long as `test` needs it.
pub fn on_sqlite(test: impl FnOnce(&mut AnyConnection)) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/db", folder.path().display());
    let mut connection = Options { url, pool: 1 }.connect().unwrap();
    migrate::apply(&mut connection).unwrap();
    test(&mut connection);
}

/// As long as `test` needs it; `name` is the test's own.
pub fn on_postgres(name: &str, test: impl FnOnce(&mut AnyConnection)) {
    let Ok(server) = std::env::var("LATCHKEY_TEST_POSTGRES") else {
        // The suite of promises says so aloud, and fails where it is required.
        return;
    };
    let name = format!("lks_{name}_{}", std::process::id());
    let mut admin = postgres::connect(&server).unwrap();
    admin
        .batch_execute(&format!("CREATE DATABASE {name}"))
        .unwrap();
    let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
    let mut connection = postgres::connect(&url).unwrap();
    migrate::apply(&mut connection).unwrap();
    test(&mut connection);
    admin
        .batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"))
        .unwrap();
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Where the database of a connection is.
pub fn url(c: &mut AnyConnection) -> String {
    let query = sql_query("SELECT current_database()::text AS name");
    let Named { name } = crate::connection::on!(c => query.get_result(c)).unwrap();
    let server = std::env::var("LATCHKEY_TEST_POSTGRES").unwrap();
    format!("{}/{name}", server.rsplit_once('/').unwrap().0)
}

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

/// How the database goes about a statement with these values, written as SQL.
pub fn plan(c: &mut AnyConnection, text: &str, values: &[&str]) -> String {
    let put = |text: String, value: &&str| text.replacen('?', value, 1);
    let text = values.iter().fold(text.to_owned(), put);
    match c {
        AnyConnection::Sqlite(c) => {
            let plan: Vec<SqliteLine> = sql_query(format!("EXPLAIN QUERY PLAN {text}"))
                .load(c)
                .unwrap();
            plan.into_iter().map(|line| line.detail + "; ").collect()
        }
        AnyConnection::Postgres(c) => {
            let plan: Vec<PostgresLine> = sql_query(format!("EXPLAIN {text}")).load(c).unwrap();
            plan.into_iter().map(|line| line.line + "\n").collect()
        }
    }
}

/// Clients of which [`fill`] gives one nothing, one next to nothing, and one nearly all.
pub const CLIENTS: [&str; 4] = ["'few'", "'half'", "'most'", "'none'"];

/// Puts 20,000 authorizations of as many users into a database of PostgreSQL, with ids in the order of the rows, as they are
/// given. Its statistics are those of now.
pub fn fill(c: &mut AnyConnection) {
    c.batch_execute(FILL).unwrap();
}

const FILL: &str = "INSERT INTO clients (id, metadata, created_at) VALUES ('few', '{}', 0), ('half', '{}', 0), ('most', '{}', 0);
    INSERT INTO users (id, username, password_hash, roles, groups, claims, created_at, updated_at, attributes)
        SELECT 'u' || n, 'u' || n, 'hash', '[]', '[]', '{}', 0, 0, '{}' FROM generate_series(0, 19999) AS n;
    INSERT INTO authorizations (id, client_id, user_id, session_id, scope, offline, auth_time, amr, redirect_uri,
        redirect_uri_sent, code, code_expires_at, created_at, expires_at)
        SELECT lpad(n::text, 36, '0'), CASE WHEN n % 4000 = 0 THEN 'few' WHEN n % 3 = 0 THEN 'half' ELSE 'most' END,
        'u' || n, 's' || n, 'openid', 1, 0, 'pwd', 'https://c.example', 1, sha256(convert_to(n::text, 'UTF8')), 9999, 0, 9999
        FROM generate_series(0, 19999) AS n;
    ANALYZE;";
