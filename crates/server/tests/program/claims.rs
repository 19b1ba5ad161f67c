//! Attributes and custom claims by commands.

use std::time::Duration;

use serde_json::{Value, json};

use super::{client, reqwest_blocking, support::*};

#[test]
fn custom_claims_and_attributes_are_managed_by_commands_and_the_server_sees_it_within_a_second() {
    let at = Place::new();
    let made = at.json(
        &[
            "user",
            "create",
            "alice",
            "--attribute",
            "department=Sales",
            "--attribute",
            "n=1",
            "--json",
        ],
        "",
    );
    assert_eq!(made["attributes"], json!({ "department": "Sales", "n": 1 }));
    at.good(
        &[
            "user",
            "update",
            "alice",
            "--attribute",
            "n=null",
            "--attribute",
            "x={\"y\":[true]}",
        ],
        "",
    );
    let shown = at.json(&["user", "show", "alice", "--json"], "");
    assert_eq!(
        shown["attributes"],
        json!({ "department": "Sales", "x": { "y": [true] } })
    );
    at.good(
        &["user", "update", "alice", "--attributes", "-"],
        "{\"only\": \"this\"}",
    );
    let shown = at.json(&["user", "show", "alice", "--json"], "");
    assert_eq!(shown["attributes"], json!({ "only": "this" }));
    let long = format!("a={}", "x".repeat(9000));
    refused(
        &at.run(&["user", "update", "alice", "--attribute", &long], ""),
        "8192 bytes",
    );

    refused(
        &at.run(&["claim", "set", "sub", "--value", "x"], ""),
        "belongs to the protocol",
    );
    refused(
        &at.run(&["claim", "set", "email", "--attribute", "mail"], ""),
        "not to another value",
    );
    assert_eq!(
        at.run(&["claim", "set", "department"], "").status.code(),
        Some(2),
        "without a source"
    );
    assert_eq!(
        at.run(
            &["claim", "set", "d", "--attribute", "d", "--in", "cookie"],
            ""
        )
        .status
        .code(),
        Some(2)
    );
    refused(
        &at.run(&["claim", "remove", "department"], ""),
        "no custom claim department",
    );

    let _server = at.serve();
    let supported = || -> Vec<String> {
        let fetched = client()
            .build()
            .unwrap()
            .get(format!("{}/.well-known/openid-configuration", at.issuer()))
            .send();
        let document: Value = reqwest_blocking()
            .0
            .block_on(async { fetched.await.unwrap().json().await.unwrap() });
        serde_json::from_value(document["claims_supported"].clone()).unwrap()
    };
    assert!(!supported().contains(&"department".to_owned()));
    at.good(
        &[
            "claim",
            "set",
            "department",
            "--attribute",
            "department",
            "--in",
            "access_token",
            "--scope",
            "profile",
        ],
        "",
    );
    let listed = at.json(&["claim", "list", "--json"], "");
    assert_eq!(
        listed,
        json!({ "department": { "attribute": "department", "in": ["access_token"], "scope": "profile" } })
    );
    assert!(
        at.good(&["claim", "list"], "")
            .contains("attribute department")
    );
    let sees = |wanted: bool| {
        (0..60).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            supported().contains(&"department".to_owned()) == wanted
        })
    };
    assert!(sees(true));
    at.good(&["claim", "remove", "department"], "");
    assert!(sees(false));
}

#[test]
fn the_reference_of_client_metadata_is_printed() {
    let printed = Place::bare().good(&["config", "reference", "--clients"], "");
    assert!(printed.starts_with("# Client metadata") && printed.contains("| `id_token_claims` |"));
}
