//! What is allowed in a registration and should be known.

use serde_json::json;

use super::support::*;

#[test]
fn registrations_that_are_not_what_they_seem_are_said_and_done() {
    let at = Place::new();
    let app = json!({ "client_id": "app", "redirect_uris": ["https://a.example/cb"] });
    let create = ["client", "create", "--from", "-"];
    let said = |arguments: &[&str], metadata: &serde_json::Value| {
        let out = at.run(arguments, &metadata.to_string());
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success(), "{said}");
        said
    };
    assert_eq!(said(&create, &app), "");
    let api =
        |audience: &str, typ: &str| json!({ "audience": [audience], "access_token_typ": typ });
    let mut worker = json!({ "client_id": "worker", "grant_types": ["client_credentials"] });
    for (name, value) in api("app", "JWT").as_object().unwrap() {
        worker[name] = value.clone();
    }
    let confusing = said(&create, &worker);
    for part in [
        "access_token_typ JWT",
        "audience app",
        "of worker for ID tokens",
    ] {
        assert!(confusing.contains(part), "{confusing}");
    }
    let update = ["client", "update", "worker", "--from", "-"];
    for harmless in [api("app", "at+jwt"), api("https://api.example", "JWT")] {
        assert_eq!(said(&update, &harmless), "", "{harmless}");
    }
    assert!(said(&update, &api("worker", "JWT")).contains("audience worker"));

    let elsewhere = json!({ "jwks_uri": "https://a.example/jwks.json" });
    let update = ["client", "update", "app", "--from", "-"];
    let not_fetched = said(&update, &elsewhere);
    assert!(
        not_fetched.contains("jwks_uri is not fetched: put the keys themselves into jwks"),
        "{not_fetched}"
    );
}
