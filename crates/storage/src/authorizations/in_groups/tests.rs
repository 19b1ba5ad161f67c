//! Groups of several nodes that meet.
#![allow(clippy::unwrap_used)]

use diesel::{QueryableByName, connection::SimpleConnection, sql_query};
use latchkey_protocol::entry_change::EntryChange;

use super::*;
use crate::{
    connection::{AnyConnection, on},
    postgres, test_database,
};

const SESSIONS: usize = 8;
const ROUNDS: usize = 25;

/// In each session two codes of one client for each round.
const ROWS: &str = "
    INSERT INTO clients (id, metadata, created_at) VALUES ('c', '{}', 0);
    INSERT INTO users (id, username, password_hash, roles, groups, claims, created_at, updated_at, attributes)
        VALUES ('u', 'u', 'hash', '[]', '[]', '{}', 0, 0, '{}');
    INSERT INTO sessions (id, digest, user_id, auth_time, amr, remember, created_at, expires_at, ends_at)
        SELECT 's' || n, sha256(convert_to('s' || n, 'UTF8')), 'u', 0, 'pwd', 0, 0, 9999, 9999 FROM generate_series(0, 7) AS n;
    INSERT INTO authorizations (id, client_id, user_id, session_id, scope, offline, auth_time, amr, redirect_uri,
        redirect_uri_sent, code, code_expires_at, created_at, expires_at)
        SELECT id, 'c', 'u', 's' || s, 'openid', 1, 0, 'pwd', 'https://c.example', 1, sha256(convert_to(id, 'UTF8')), 9999, 0, 9999
        FROM generate_series(0, 7) AS s, generate_series(0, 24) AS r, generate_series(0, 1) AS node,
        LATERAL (SELECT node || '-' || r || '-' || s AS id) AS named;
";

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// How many codes one node exchanges, in its own order of the sessions. Nobody may be told of a deadlock.
fn exchange_all(url: &str, node: usize) -> usize {
    let AnyConnection::Postgres(mut c) = postgres::connect(url).unwrap() else {
        panic!("{url} is no PostgreSQL");
    };
    let exchanged = |round| {
        let mut sessions: Vec<usize> = (0..SESSIONS).collect();
        if node == 1 {
            sessions.reverse();
        }
        let one = |session| {
            ExchangedInSession(Exchanged {
                id: format!("{node}-{round}-{session}"),
                now: Timestamp::from_seconds(5),
                refresh: None,
                expires_at: Timestamp::from_seconds(9),
                entries: Entries::of(&EntryChange::default()),
            })
        };
        let asked: Vec<_> = sessions.into_iter().map(one).collect();
        let asked: Vec<_> = asked.iter().collect();
        let exchanged = ExchangedInSession::ask(&mut c, &asked).unwrap().len();
        if node == 0 {
            // So that there is something to note in the next round.
            c.batch_execute("DELETE FROM session_clients").unwrap();
        }
        exchanged
    };
    (0..ROUNDS).map(exchanged).sum()
}

#[test]
fn two_nodes_that_exchange_codes_of_the_same_sessions_do_not_wait_for_each_other() {
    test_database::on_postgres("circle", |c| {
        c.batch_execute(ROWS).unwrap();
        let database = sql_query("SELECT current_database()::text AS name");
        let database: Name = on!(c => database.get_result(c)).unwrap();
        let server = std::env::var("LATCHKEY_TEST_POSTGRES").unwrap();
        let url = format!("{}/{}", server.rsplit_once('/').unwrap().0, database.name);
        let exchanged: usize = std::thread::scope(|scope| {
            let nodes = [0, 1].map(|node| {
                scope.spawn({
                    let url = &url;
                    move || exchange_all(url, node)
                })
            });
            nodes.map(|node| node.join().unwrap()).iter().sum()
        });
        assert_eq!(exchanged, 2 * ROUNDS * SESSIONS);
    });
}
