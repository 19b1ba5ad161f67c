//! Who may use which client, as commands say it.

use serde_json::json;

use super::{commands::heard, support::*};

#[test]
fn who_may_use_an_app_is_set_by_name_and_listed_with_why() {
    let at = Place::new();
    let sub = |name: &str, more: &[&str]| {
        let user = ["user", "create", name, "--json"];
        at.json(&[&user, more].concat(), "")["sub"].clone()
    };
    let alice = sub("alice", &["--group", "staff", "--role", "editor"]);
    let bob = sub("bob", &["--email", "bob@example.org"]);
    sub("carol", &["--group", "guests"]);
    let file = at.folder.path().join("app.json");
    let client = |access: serde_json::Value| {
        let app = json!({ "client_id": "app", "redirect_uris": ["https://a.example/cb"], "access": access });
        std::fs::write(&file, app.to_string()).unwrap();
    };
    client(json!({ "users": ["nobody", "alice", "else"] }));
    let create = ["client", "create", "--from", "app.json"];
    let out = at.run(&create, "");
    refused(&out, "access.users: there is nobody called nobody");
    refused(&out, "access.users: there is nobody called else");
    client(json!({ "gruops": ["staff"] }));
    refused(&at.run(&create, ""), "access: unknown field `gruops`");
    client(
        json!({ "groups": ["staff"], "roles": ["editor"], "users": ["bob@example.org", "Bob"] }),
    );
    let created = at.json(&create, "");
    assert_eq!(created["access"]["users"], json!([bob]), "subjects");

    let list = ["client", "access", "app"];
    let listed = at.json(&[&list[..], &["--json"]].concat(), "");
    let expected = [
        (&alice, json!([{ "group": "staff" }, { "role": "editor" }])),
        (&bob, json!(["user"])),
    ];
    let listed: Vec<_> = listed.as_array().unwrap().iter().collect();
    let found: Vec<_> = listed
        .iter()
        .map(|access| (&access["sub"], access["because"].clone()))
        .collect();
    assert_eq!(found, expected);
    let table = heard(&at.run(&list, ""));
    assert!(table.contains("group staff, role editor"), "{table}");
    assert!(!table.contains("carol"), "{table}");

    // Somebody who is named may be deleted; the rest of the registration can be changed all the same.
    at.good(&["user", "delete", "bob"], "");
    let update = ["client", "update", "app", "--from", "-"];
    at.good(&update, r#"{"client_name":"New"}"#);
    let open = at.json(&update, r#"{"access":null}"#);
    assert_eq!(open.get("access"), None);
    let everyone = at.json(&[&list[..], &["--json", "--limit", "1"]].concat(), "");
    assert_eq!(everyone[0]["because"], json!(["everyone"]));
    assert_eq!(everyone.as_array().unwrap().len(), 1);
}
