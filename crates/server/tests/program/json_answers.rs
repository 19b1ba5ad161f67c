//! `--json` of commands that change something: what the administration API answers to the same.

use serde_json::{Value, json};

use super::support::*;

#[test]
fn what_is_done_to_a_user_is_told_as_the_api_tells_it() {
    let at = Place::new();
    at.add_alice_and_app();
    let shown = |user: &Value| {
        assert_eq!(user["username"], "alice", "{user}");
        assert!(user["sub"].is_string() && user["claims"].is_object());
    };
    let updated = ["user", "update", "alice", "--name", "Alice", "--json"];
    let updated = at.json(&updated, "");
    shown(&updated);
    assert_eq!(updated["name"], "Alice");
    let disabled = at.json(&["user", "disable", "alice", "--json"], "");
    shown(&disabled["user"]);
    let counted = (&disabled["user"]["disabled"], &disabled["sessions_ended"]);
    assert_eq!(counted, (&json!(true), &json!(0)));
    let enabled = at.json(&["user", "enable", "alice", "--json"], "");
    shown(&enabled);
    assert_eq!(enabled["disabled"], false);
    let set = [
        "user",
        "set-password",
        "alice",
        "--password-stdin",
        "--json",
    ];
    let set = at.json(&set, "another password of alice");
    shown(&set["user"]);
    assert_eq!(set["sessions_ended"], 0);
    let gone = at.json(&["user", "delete", "alice", "--json"], "");
    assert_eq!(gone, json!({ "sub": enabled["sub"], "username": "alice" }));
    let unknown = at.run(&["user", "enable", "alice", "--json"], "");
    refused(&unknown, "nobody called alice");
    assert!(unknown.stdout.is_empty(), "no answer besides");
}

#[test]
fn what_is_done_to_an_app_a_key_and_a_claim_is_told_as_the_api_tells_it() {
    let at = Place::new();
    at.add_alice_and_app();
    let disabled = at.json(&["client", "disable", "app", "--json"], "");
    assert_eq!(disabled["client_id"], "app");
    assert!(disabled["disabled_at"].is_i64(), "{disabled}");
    let enabled = at.json(&["client", "enable", "app", "--json"], "");
    assert_eq!(enabled["disabled_at"], Value::Null);
    let rotated = at.good(&["client", "rotate-secret", "app", "--json"], "");
    assert_eq!(rotated.lines().count(), 1, "{rotated}");
    let rotated: Value = serde_json::from_str(&rotated).unwrap();
    assert!(rotated["client_secret"].as_str().unwrap().len() >= 43);
    let set = [
        "claim",
        "set",
        "department",
        "--attribute",
        "unit",
        "--json",
    ];
    let set = at.json(&set, "");
    let mapping = json!({ "attribute": "unit", "in": ["id_token", "userinfo"], "scope": "openid" });
    assert_eq!(set, mapping);
    let removed = at.json(&["claim", "remove", "department", "--json"], "");
    assert_eq!(removed, json!({ "name": "department" }));
    let old = at.json(&["key", "list", "--json"], "")[0]["kid"].clone();
    at.good(&["key", "rotate", "--now"], "");
    let kid = old.as_str().unwrap();
    let retired = at.json(&["key", "retire", kid, "--json"], "");
    assert_eq!(retired, json!({ "kid": kid }));
    let gone = at.json(&["client", "delete", "app", "--json"], "");
    assert_eq!(gone, json!({ "client_id": "app" }));
}
