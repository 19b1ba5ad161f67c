//! Other providers by commands.

use serde_json::json;

use super::support::*;

const SETTINGS: &str = r#"{
    "title": "Another", "protocol": { "kind": "oidc", "issuer": "https://other.example" }, "trust": { "create": true }
}"#;

#[test]
fn providers_and_who_users_are_there_are_managed_by_commands() {
    let at = Place::new();
    let from = at.folder.path().join("settings.json");
    std::fs::write(&from, SETTINGS).unwrap();
    let from = from.to_str().unwrap();
    let create = [
        "upstream",
        "create",
        "other",
        "--client-id",
        "c",
        "--from",
        from,
    ];
    refused(&at.run(&create, ""), "there is no secret");
    refused(
        &at.run(
            &[
                "upstream",
                "create",
                "other",
                "--preset",
                "nobody",
                "--client-id",
                "c",
            ],
            "",
        ),
        "there is no preset nobody",
    );
    let mut with_secret = create.to_vec();
    with_secret.extend(["--secret-stdin", "--json"]);
    let made = at.json(&with_secret, "their secret\n");
    assert_eq!(made["has_secret"], json!(true));
    let callback = format!("{}/login/upstream/other/callback", at.issuer());
    assert_eq!(made["redirect_uri"], json!(callback));
    refused(
        &at.run(&with_secret, "s"),
        "change it with latchkey upstream update",
    );
    let listed = at.good(&["upstream", "list"], "");
    assert!(
        listed.contains("https://other.example") && listed.contains("enabled"),
        "{listed}"
    );
    let update = [
        "upstream", "update", "other", "--title", "New", "--from", "-", "--json",
    ];
    let updated = at.json(&update, r#"{"hidden": true}"#);
    assert_eq!(
        (
            &updated["settings"]["title"],
            &updated["settings"]["hidden"]
        ),
        (&json!("New"), &json!(true))
    );
    let disabled = at.json(&["upstream", "disable", "other", "--json"], "");
    assert!(disabled["disabled_at"].is_i64(), "{disabled}");
    refused(
        &at.run(
            &[
                "user",
                "link",
                "alice",
                "--upstream",
                "other",
                "--subject",
                "1",
            ],
            "",
        ),
        "there is nobody called alice",
    );
    at.good(&["upstream", "enable", "other"], "");
    at.good(&["user", "create", "alice"], "");
    at.good(
        &[
            "user",
            "link",
            "alice",
            "--upstream",
            "other",
            "--subject",
            "1",
        ],
        "",
    );
    let identities = at.json(&["user", "identities", "alice", "--json"], "");
    assert_eq!(identities[0]["subject"], json!("1"));
    assert_eq!(identities[0]["linked_by"], json!("administrator"));
    let unlink = [
        "user",
        "unlink",
        "alice",
        "--upstream",
        "other",
        "--subject",
        "1",
    ];
    refused(&at.run(&unlink, ""), "give them a password first");
    refused(
        &at.run(&["upstream", "delete", "other"], ""),
        "with --force",
    );
    let forced = at.good(&[&unlink[..], &["--force"]].concat(), "");
    assert!(
        forced.contains("unlinked alice from 1 at other"),
        "{forced}"
    );
    at.good(&["upstream", "delete", "other"], "");
    let log = at.good(&["audit", "list"], "");
    for done in [
        "upstream create",
        "upstream delete",
        "user link",
        "user unlink",
    ] {
        assert!(log.contains(done), "{done}: {log}");
    }
    for seen in [made.to_string(), updated.to_string(), listed, log] {
        assert!(!seen.contains("their secret"), "{seen}");
    }
}
