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

#[test]
fn an_app_is_stopped_and_its_old_secret_lives_on_for_as_long_as_asked() {
    let at = Place::new();
    let app = r#"{"client_id":"app","redirect_uris":["https://a.example/cb"]}"#;
    at.good(&["client", "create", "--from", "-"], app);
    let show = || at.json(&["client", "show", "app", "--json"], "");
    let created = show()["client_id_issued_at"].as_i64().unwrap();
    at.good(&["client", "disable", "app"], "");
    assert!(show()["disabled_at"].as_i64().unwrap() >= created);
    let table = heard(&at.run(&["client", "list"], ""));
    assert!(table.contains("disabled"), "{table}");
    at.good(&["client", "enable", "app"], "");
    assert_eq!(show().get("disabled_at"), None);

    let rotate = ["client", "rotate-secret", "app"];
    let kept = at.json(&[&rotate[..], &["--keep-old", "1h"]].concat(), "");
    let until = kept["former_secret_expires_at"].as_i64().unwrap();
    assert!((created + 3600..created + 3700).contains(&until), "{until}");
    assert_eq!(show()["former_secret_expires_at"], json!(until));
    assert!(!show().to_string().contains("lk_"), "no secret is shown");
    refused(
        &at.run(&[&rotate[..], &["--keep-old", "31d"]].concat(), ""),
        "a second to 30 days",
    );
    at.good(&rotate, "");
    assert_eq!(show().get("former_secret_expires_at"), None);
    for verb in ["disable", "enable"] {
        refused(
            &at.run(&["client", verb, "none"], ""),
            "there is no client none",
        );
    }
}
