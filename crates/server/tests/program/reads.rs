//! Commands that read what the console and the administration API show, too.

use serde_json::json;

use super::{
    deliveries::{joined, store},
    reqwest_blocking,
    support::*,
};

#[test]
fn the_overview_and_refusals_are_read_by_commands() {
    let at = Place::new();
    at.good(&["client", "create", "--from", "-"], r#"{"client_id":"m","client_secret":"0123456789012345678901234567890123","grant_types":["client_credentials"]}"#);
    let empty = at.json(&["overview", "--json"], "");
    assert_eq!(
        (&empty["tokens"], &empty["active_sessions"]),
        (&json!(0), &json!(0))
    );
    let server = at.serve();
    let http = reqwest_blocking();
    let (_, refused) = http.post(&at, "m", "wrong");
    let (status, _) = http.post(&at, "m", SECRET);
    assert_eq!(status, 200);
    // What it has counted is added up at its end.
    server.stop();
    for period in ["day", "week", "month"] {
        let seen = at.json(&["overview", "--period", period, "--json"], "");
        assert_eq!(
            (&seen["period"], &seen["tokens"]),
            (&json!(period), &json!(1))
        );
        let last = seen["spans"].as_array().unwrap().last().unwrap();
        assert_eq!(last["tokens"], 1);
    }
    let table = at.good(&["overview"], "");
    assert!(
        table.contains("tokens issued    1\n") && table.contains("FAILED"),
        "{table}"
    );
    let wrong = at.run(&["overview", "--period", "year"], "");
    assert_eq!(wrong.status.code(), Some(2));

    let listed = at.json(&["refusal", "list", "--json"], "");
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    let one = &listed[0];
    assert_eq!(one["reference"], refused["error_ref"]);
    assert_eq!(
        (&one["reason"], &one["client_id"]),
        (&json!("ClientSecretWrong"), &json!("m"))
    );
    let of = |option: &str, value: &str| {
        let listed = at.json(&["refusal", "list", option, value, "--json"], "");
        listed.as_array().unwrap().len()
    };
    assert_eq!((of("--client", "m"), of("--client", "app")), (1, 0));
    assert_eq!(
        (
            of("--reason", "ClientSecretWrong"),
            of("--reason", "CodeExpired")
        ),
        (1, 0)
    );
    assert_eq!((of("--since", "1h"), of("--until", "1h")), (1, 0));
    let table = at.good(&["refusal", "list", "--limit", "1"], "");
    assert!(
        table.contains(one["reference"].as_str().unwrap()),
        "{table}"
    );
}

#[test]
fn a_session_is_shown_live_and_ended_and_so_are_ends_of_many() {
    let at = Place::new();
    at.add_alice_and_app();
    let database = store(&at);
    reqwest_blocking()
        .0
        .block_on(joined(&*database, "s1", &["app"]));
    let live = at.json(&["session", "show", "s1", "--json"], "");
    let listed = at.json(&["session", "list", "--json"], "");
    assert_eq!(live["session"], listed[0], "{live}");
    assert_eq!(live["clients"][0]["client_id"], "app");
    assert_eq!(live["receipts"], json!([]));
    let shown = at.good(&["session", "show", "s1"], "");
    assert!(
        shown.starts_with("session s1, live\n") && shown.contains("alice"),
        "{shown}"
    );
    assert_eq!(at.json(&["session", "ends", "--json"], ""), json!([]));
    at.good(&["session", "end", "--client", "app"], "");
    let ends = at.json(&["session", "ends", "--json"], "");
    assert_eq!(
        (&ends[0]["client_id"], &ends[0]["ended"]),
        (&json!("app"), &json!(1))
    );
    assert!(ends[0]["done_at"].is_i64(), "{ends}");
    assert!(at.good(&["session", "ends"], "").contains("app"));
    let ended = at.json(&["session", "show", "s1", "--json"], "");
    assert_eq!(
        (&ended["id"], ended["session"].is_null()),
        (&json!("s1"), true)
    );
    let unknown = at.run(&["session", "show", "nothing"], "");
    refused(&unknown, "no session nothing; see latchkey session list");
}
