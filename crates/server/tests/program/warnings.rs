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

    // The same when the app comes later.
    assert_eq!(said(&update, &api("late", "JWT")), "");
    let late = json!({ "client_id": "late", "redirect_uris": ["https://late.example/cb"] });
    let confusing = said(&create, &late);
    for part in ["audience late", "of worker for ID tokens"] {
        assert!(confusing.contains(part), "{confusing}");
    }
    let other = json!({ "client_id": "other", "redirect_uris": ["https://o.example/cb"] });
    assert_eq!(said(&create, &other), "");
    assert_eq!(said(&update, &api("late", "at+jwt")), "");
    let renamed = json!({ "client_name": "Late" });
    let update = ["client", "update", "late", "--from", "-"];
    assert_eq!(said(&update, &renamed), "");

    let elsewhere = json!({ "jwks_uri": "https://a.example/jwks.json" });
    let update = ["client", "update", "app", "--from", "-"];
    let not_fetched = said(&update, &elsewhere);
    assert!(
        not_fetched.contains("jwks_uri is not fetched: put the keys themselves into jwks"),
        "{not_fetched}"
    );
}

#[test]
fn an_audience_whose_tokens_a_setting_makes_jwt_is_warned_of_where_an_app_has_its_name() {
    let at = Place::new();
    let app = json!({ "client_id": "app", "redirect_uris": ["https://a.example/cb"] });
    at.good(&["client", "create", "--from", "-"], &app.to_string());
    let file = at.folder.path().join("worker.json");
    let create = |id: &str, jwt_typ_audiences: &str, more: serde_json::Value| {
        let mut worker = json!({ "client_id": id, "grant_types": ["client_credentials"] });
        let members = worker.as_object_mut().unwrap();
        members.extend(more.as_object().cloned().unwrap());
        std::fs::write(&file, worker.to_string()).unwrap();
        let mut command = at.command(&["client", "create", "--from", "worker.json"]);
        command.env("LATCHKEY_TOKENS__JWT_TYP_AUDIENCES", jwt_typ_audiences);
        let out = command.output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success(), "{said}");
        said
    };
    let both = json!({ "audience": ["https://api.example", "app"] });
    let one = json!({ "audience": ["app"] });
    // One old API makes the whole token JWT, whichever it is.
    for (id, setting, audience) in [
        ("own", "app", &one),
        ("beside", "https://api.example", &both),
    ] {
        let said = create(id, setting, audience.clone());
        for part in [
            "tokens.jwt_typ_audiences",
            "the audience app",
            "register access_token_typ",
        ] {
            assert!(said.contains(part), "{id}: {said}");
        }
    }
    assert_eq!(create("none", "", both.clone()), "");
    assert_eq!(create("another", "https://api.example", one), "");
    let registered = json!({ "audience": ["app"], "access_token_typ": "at+jwt" });
    assert_eq!(create("registered", "app", registered), "");
}
