//! Ends of many sessions on the command line: how far they are, and who has heard of them.

use std::time::Instant;

use latchkey_storage::Options;
use serde_json::{Value, json};

use super::{
    deliveries::{joined, serve, store, told},
    receiver::{Behaviour, Receiver},
    reqwest_blocking,
    support::*,
};

/// Lines of standard error that begin so.
fn lines(out: &std::process::Output, begin: &str) -> usize {
    let text = String::from_utf8_lossy(&out.stderr);
    text.lines().filter(|line| line.starts_with(begin)).count()
}

#[test]
fn an_end_of_many_sessions_waits_for_the_receipts_of_all_and_fails_where_one_is_missing() {
    let at = Place::new();
    at.add_alice_and_app();
    let http = reqwest_blocking();
    let (up, down) = http.0.block_on(async {
        let up = Receiver::start(7, Behaviour::Answers(200)).await;
        (up, Receiver::start(8, Behaviour::Answers(503)).await)
    });
    told(&at, "up", &up.uri);
    told(&at, "down", &down.uri);
    let store = store(&at);
    let join = |name: &str, clients: &[&str]| http.0.block_on(joined(&*store, name, clients));
    join("one", &["up", "down"]);
    join("two", &["up"]);
    let _server = serve(&at);
    let all = ["session", "end", "--all", "--wait", "--timeout", "3s"];
    let out = at.run(&all, "");
    refused(
        &out,
        "1 of 3 logout tokens were not taken within 3 s: down (503",
    );
    let said = String::from_utf8_lossy(&out.stdout);
    assert_eq!(
        said,
        "ended 2 sessions\ndown: 0 of 1 logout tokens taken\nup: 2 of 2 logout tokens taken\n"
    );
    let waited = lines(&out, "latchkey: waiting for receipts, such as that of down");
    assert!((1..=3).contains(&waited), "{out:?}");
    // What is left of another end is not waited for.
    join("three", &["up"]);
    let client = ["session", "end", "--client", "up", "--wait", "--json"];
    let ended = at.json(&client, "");
    let taken = json!([{ "client_id": "up", "taken": 1, "missing": 0, "last": null }]);
    assert_eq!(
        ended,
        json!({ "ended": 1, "client_id": "up", "clients": taken })
    );
    join("four", &["down"]);
    let out = at.run(&[&all[..], &["--json"]].concat(), "");
    assert_eq!(out.status.code(), Some(1));
    let printed: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(printed["clients"][0]["missing"], 1);
    // Nobody is to be told.
    join("five", &[]);
    let said = at.good(&["session", "end", "--all", "--wait"], "");
    assert_eq!(said, "ended 1 sessions\n");
}

#[test]
fn an_end_of_many_sessions_says_how_far_it_is_once_a_second_and_not_in_its_json() {
    let at = Place::new();
    at.add_alice_and_app();
    let url = at.database_url();
    let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) \
        INSERT INTO sessions (id, digest, user_id, auth_time, amr, remember, created_at, expires_at, ends_at) \
        SELECT 'x' || i, randomblob(32), (SELECT id FROM users), 1, 'pwd', 0, 1, 4000000000, 4000000000 FROM n;";
    Options { url, pool: 1 }.script(many).unwrap();
    let begun = Instant::now();
    let out = at.run(&["session", "end", "--all", "--json"], "");
    let took = begun.elapsed().as_secs();
    let ended: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(ended, json!({ "ended": 30_000, "client_id": null }));
    let said = u64::try_from(lines(&out, "latchkey: ")).unwrap();
    assert!(took > 0 && (1..=took).contains(&said), "{took} s: {out:?}");
    let told = String::from_utf8_lossy(&out.stderr);
    let is_told = |line: &str| line.ends_with(" sessions ended");
    assert!(told.lines().all(is_told), "{told}");
}
