//! Users.

use super::*;

#[test]
fn a_user_is_created_read_changed_disabled_and_deleted() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let new = json!({
            "username": "minji", "email": "minji@example.org", "name": "Kim Minji", "roles": ["editor"],
            "groups": ["blue"], "claims": { "locale": "ko-KR" }, "attributes": { "floor": 3 },
            "password": "a password of minji",
        });
        let made = caller.post("/users", new).await;
        assert_eq!(made.status, 201, "{made:?}");
        let sub = made.json["sub"].as_str().unwrap();
        let path = format!("/users/{sub}");
        assert_eq!(
            made.header("location"),
            format!("{}/admin/api/v1{path}", h.issuer)
        );
        assert_eq!(made.json["has_password"], true);
        assert!(!made.text.contains("argon2") && !made.text.contains("a password of minji"));
        let browser = h.browser();
        browser.act_as("minji", "a password of minji");
        assert!(browser.authorize(&[]).await.contains_key("code"));

        let read = caller.get(&path).await;
        assert_eq!((read.status, &read.json), (200, &made.json));
        assert_eq!(read.header("etag"), made.header("etag"));
        let change = json!({ "name": null, "email": "kim@example.org", "claims": { "locale": null, "gender": "x" } });
        let after = caller
            .write("PATCH", &path, read.header("etag"), change)
            .await;
        assert_eq!(after.status, 200, "{after:?}");
        assert_eq!(after.json["name"], Value::Null);
        assert_eq!(
            after.json["roles"],
            json!(["editor"]),
            "what is left out stays"
        );
        assert_eq!(
            after.json["claims"],
            json!({ "gender": "x", "email_verified": true })
        );
        let whole = json!({ "name": "Kim", "roles": [] });
        let after = caller
            .write("PUT", &path, after.header("etag"), whole)
            .await;
        assert_eq!(after.status, 200, "{after:?}");
        assert_eq!(
            after.json["email"],
            Value::Null,
            "what is left out is taken away"
        );
        assert_eq!(
            (&after.json["groups"], &after.json["attributes"]),
            (&json!([]), &json!({}))
        );

        let ended = caller.act(&format!("{path}/disable")).await;
        assert_eq!(
            (ended.status, &ended.json["sessions_ended"]),
            (200, &json!(1))
        );
        assert_eq!(ended.json["user"]["disabled"], true);
        assert_eq!(
            caller.act(&format!("{path}/enable")).await.json["disabled"],
            false
        );
        let set = caller
            .post(
                &format!("{path}/set-password"),
                json!({ "password": "another of minji" }),
            )
            .await;
        assert_eq!((set.status, &set.json["sessions_ended"]), (200, &json!(0)));
        browser.act_as("minji", "another of minji");
        assert!(browser.authorize(&[]).await.contains_key("code"));
        let ended = caller.act(&format!("{path}/end-sessions")).await;
        assert_eq!(ended.json["sessions_ended"], 1);

        let last = caller.get(&path).await;
        let gone = caller.delete(&path, last.header("etag")).await;
        assert_eq!((gone.status, gone.text.as_str()), (204, ""));
        is_problem(&caller.get(&path).await, 404, "not-found");
    });
}

#[test]
fn the_audit_log_names_the_client_the_front_end_the_address_and_the_request() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let made = caller.post("/users", json!({ "username": "minji" })).await;
        let found = caller.get("/audit?event=user%20create&actor=ops").await;
        let entry = &found.json["items"][0];
        assert_eq!(
            entry["actor"],
            json!({ "kind": "client", "id": "ops", "name": null })
        );
        assert_eq!(
            (&entry["front_end"], &entry["address"]),
            (&json!("api"), &json!("127.0.0.1"))
        );
        assert_eq!(entry["request_id"], made.header("x-request-id"));
        assert_eq!(entry["target"]["id"], made.json["sub"]);
        assert_eq!(entry["details"]["new"]["username"], "minji");
    });
}

#[test]
fn of_two_who_change_a_record_the_second_is_told() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let path = format!("/users/{}", h.alice);
        let etag = caller.get(&path).await.header("etag").to_owned();
        let change = async |name: &str, etag: &str| {
            caller
                .write("PATCH", &path, etag, json!({ "name": name }))
                .await
        };
        let without = answer(caller.request("PATCH", &path).json(&json!({ "name": "x" }))).await;
        is_problem(&without, 428, "if-match-needed");
        is_problem(
            &answer(caller.request("DELETE", &path)).await,
            428,
            "if-match-needed",
        );
        let first = change("first", &etag).await;
        assert_eq!(first.status, 200);
        for stale in [
            etag.as_str(),
            "\"0\"",
            &format!("W/{}", first.header("etag")),
        ] {
            is_problem(&change("second", stale).await, 412, "changed-meanwhile");
            is_problem(&caller.delete(&path, stale).await, 412, "changed-meanwhile");
            is_problem(
                &caller.write("PUT", &path, stale, json!({})).await,
                412,
                "changed-meanwhile",
            );
        }
        let told = change("second", &etag).await;
        assert_eq!(told.header("etag"), first.header("etag"), "what it is now");
        assert_eq!(caller.get(&path).await.json["name"], "first");
        let one_of = format!("\"x\", {}", first.header("etag"));
        assert_eq!(change("second", &one_of).await.status, 200);
        // Disabling is a change too.
        let before = caller.get(&path).await.header("etag").to_owned();
        caller.act(&format!("{path}/disable")).await;
        is_problem(&change("third", &before).await, 412, "changed-meanwhile");
    });
}

/// In whichever way, and not even two of them each other.
#[test]
fn nobody_takes_the_last_administrator_away() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        crate::console::give(&h, "alice", &["admin"]).await;
        let path = format!("/users/{}", h.alice);
        let before = caller.get(&path).await.json;
        let refused = [
            caller.act(&format!("{path}/disable")).await,
            caller.delete(&path, "*").await,
            caller
                .write("PATCH", &path, "*", json!({ "roles": [] }))
                .await,
            caller
                .write("PATCH", &path, "*", json!({ "roles": null }))
                .await,
            caller
                .write("PATCH", &path, "*", json!({ "roles": ["Admin", "admin "] }))
                .await,
            caller
                .write("PUT", &path, "*", json!({ "email": "alice@example.org" }))
                .await,
        ];
        for refused in &refused {
            is_problem(refused, 409, "conflict");
            assert_eq!(named(refused), ["roles"]);
        }
        assert_eq!(caller.get(&path).await.json, before);
        crate::console::give(&h, "bob", &["admin"]).await;
        let bob = h.store.user_by_name("bob").await.unwrap().unwrap().id;
        let (one, other) = (format!("{path}/disable"), format!("/users/{bob}/disable"));
        let (one, other) = tokio::join!(caller.act(&one), caller.act(&other));
        let mut heard = [one.status, other.status];
        heard.sort_unstable();
        assert_eq!(heard, [200, 409]);
    });
}

#[test]
fn what_stands_against_a_user_is_said_at_its_member() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let taken = caller.post("/users", json!({ "username": "alice" })).await;
        is_problem(&taken, 409, "conflict");
        assert_eq!(named(&taken), ["username"]);
        let taken = json!({ "username": "new", "email": "bob@example.org" });
        let taken = caller.post("/users", taken).await;
        is_problem(&taken, 409, "conflict");
        assert_eq!(named(&taken), ["email"]);
        let wrong = json!({ "username": "a b", "email": "none", "claims": { "address": 1 }, "password": "short" });
        let wrong = caller.post("/users", wrong).await;
        is_problem(&wrong, 422, "invalid");
        let mut fields = named(&wrong);
        fields.sort_unstable();
        assert_eq!(fields, ["claims.address", "email", "password", "username"]);
        let pointers: Vec<_> = wrong.json["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| &e["pointer"])
            .collect();
        assert!(
            pointers.contains(&&json!("#/claims/address")),
            "{pointers:?}"
        );
    });
}
