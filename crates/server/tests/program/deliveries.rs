//! Receipts on the command line.

use std::{process::Stdio, sync::Arc, time::Duration};

use latchkey_conformance::samples::{authorization, code_of, session};
use latchkey_protocol::{ClientId, Clock, SessionId, Store};
use latchkey_server::wiring::SystemClock;
use latchkey_storage::{Database, Options};
use serde_json::{Value, json};

use super::{
    receiver::{Behaviour, Receiver},
    reqwest_blocking,
    support::*,
};

pub fn serve(at: &Place) -> Running {
    let mut command = at.command(&["serve"]);
    command
        .env("LATCHKEY_OUTBOUND__ALLOW", "127.0.0.0/8")
        .stderr(Stdio::null());
    at.start(&mut command)
}

pub fn told(at: &Place, id: &str, uri: &str) {
    let client = json!({
        "client_id": id, "token_endpoint_auth_method": "none", "redirect_uris": ["https://a.example/cb"],
        "backchannel_logout_uri": uri,
    });
    at.good(&["client", "create", "--from", "-"], &client.to_string());
}

pub fn store(at: &Place) -> Arc<dyn Store> {
    let url = at.database_url();
    Arc::new(Database::open_current(&Options { url, pool: 1 }).unwrap())
}

/// A session of alice, in which these clients have signed her in.
pub async fn joined(store: &dyn Store, name: &str, clients: &[&str]) {
    let alice = store.user_by_name("alice").await.unwrap().unwrap();
    let now = SystemClock.now();
    let mut new = session(name, &alice.id);
    (new.created_at, new.last_used_at) = (now, now);
    (new.expires_at, new.ends_at) = (now + 86_400, now + 86_400);
    let hash = alice.password_hash.unwrap();
    let begun = store.sign_in(&new, &hash, None, None).await.unwrap();
    assert!(begun.is_some());
    for client in clients {
        let id = format!("{name} {client}");
        let mut given = authorization(&id, "openid");
        (given.client_id, given.user_id) = (ClientId::new(*client), alice.id.clone());
        code_of(&mut given).session_id = SessionId::new(name);
        given.expires_at = now + 86_400;
        assert!(store.issue_code(None, &given).await.unwrap());
        let none = given.live_entries.unchanged();
        let exchanged = store.exchange_code_in_session(&given.id, now, None, now + 86_400, &none);
        assert!(exchanged.await.unwrap());
    }
}

fn receipts(at: &Place) -> Vec<Value> {
    let list = at.json(&["delivery", "list", "--json"], "");
    list.as_array().unwrap().clone()
}

#[test]
fn an_end_that_waits_prints_receipts_and_fails_where_one_is_missing() {
    let at = Place::new();
    at.add_alice_and_app();
    let http = reqwest_blocking();
    let (up, down) = http.0.block_on(async {
        let up = Receiver::start(2, Behaviour::Answers(200)).await;
        (up, Receiver::start(3, Behaviour::Answers(503)).await)
    });
    told(&at, "up", &up.uri);
    told(&at, "down", &down.uri);
    let store = store(&at);
    http.0.block_on(async {
        joined(&*store, "good", &["up"]).await;
        joined(&*store, "bad", &["up", "down"]).await;
        joined(&*store, "lonely", &[]).await;
    });
    let _server = serve(&at);
    let said = at.good(&["session", "end", "good", "--wait"], "");
    assert!(said.starts_with("ended good\nup after "), "{said}");
    assert!(said.contains("200 after"), "{said}");
    at.good(&["session", "end", "lonely", "--wait"], "");
    let out = at.run(&["session", "end", "bad", "--wait", "--timeout", "2s"], "");
    refused(
        &out,
        "1 of 2 clients have not taken it within 2 s: down (503",
    );
    assert!(String::from_utf8_lossy(&out.stdout).contains("up after "));
    let left = at.json(&["delivery", "list", "--session", "bad", "--json"], "");
    let missing = left
        .as_array()
        .unwrap()
        .iter()
        .find(|d| d["client_id"] == "down");
    let missing = missing.unwrap();
    assert_eq!(
        (&missing["state"], &missing["status"]),
        (&json!("waiting"), &json!(503))
    );
    assert_eq!(
        at.json(&["delivery", "list", "--dead", "--json"], ""),
        json!([])
    );

    down.behave(Behaviour::Answers(204));
    let id = missing["id"].to_string();
    at.good(&["delivery", "retry", &id], "");
    let delivered = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        receipts(&at)
            .iter()
            .all(|receipt| receipt["state"] == "delivered")
    });
    assert!(delivered, "{:?}", receipts(&at));
    refused(
        &at.run(&["delivery", "retry", "999"], ""),
        "there is no delivery 999; see latchkey delivery list",
    );
}

#[test]
fn all_sessions_of_a_user_of_a_client_and_of_everyone_end_by_commands() {
    let at = Place::new();
    at.add_alice_and_app();
    let http = reqwest_blocking();
    let (up, down) = http.0.block_on(async {
        let up = Receiver::start(5, Behaviour::Answers(200)).await;
        (up, Receiver::start(6, Behaviour::Answers(503)).await)
    });
    told(&at, "up", &up.uri);
    told(&at, "down", &down.uri);
    let store = store(&at);
    let join = |name: &str, clients: &[&str]| http.0.block_on(joined(&*store, name, clients));
    join("one", &["up"]);
    join("two", &["up"]);
    let server = serve(&at);
    let said = at.good(&["user", "end-sessions", "alice", "--wait"], "");
    assert!(
        said.starts_with("ended 2 sessions of alice\nup after "),
        "{said}"
    );
    assert_eq!(said.lines().count(), 3, "{said}");
    join("three", &["up", "down"]);
    let out = at.run(
        &[
            "user",
            "end-sessions",
            "alice",
            "--wait",
            "--timeout",
            "2s",
            "--json",
        ],
        "",
    );
    refused(
        &out,
        "1 of 2 clients have not taken it within 2 s: down (503",
    );
    let printed: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(
        (&printed["user"], &printed["ended"]),
        (&json!("alice"), &json!(1))
    );
    assert_eq!(printed["receipts"].as_array().unwrap().len(), 2);
    join("four", &["up"]);
    join("five", &["down"]);
    let said = at.good(&["session", "end", "--client", "up"], "");
    assert_eq!(said, "ended 1 sessions with up\n");
    // No server is needed.
    drop(server);
    let said = at.json(&["session", "end", "--all", "--json"], "");
    assert_eq!(said, json!({ "ended": 1, "client_id": null }));
    assert_eq!(at.json(&["session", "list", "--json"], ""), json!([]));
    refused(
        &at.run(&["session", "end", "--client", "nobody"], ""),
        "there is no client nobody; see latchkey client list",
    );
    for wrong in [
        &["session", "end"][..],
        &["session", "end", "x", "--all"],
        &["session", "end", "--all", "--client", "up"],
        &["session", "end", "--all", "--timeout", "2s"],
    ] {
        assert_eq!(at.run(wrong, "").status.code(), Some(2), "{wrong:?}");
    }
}
