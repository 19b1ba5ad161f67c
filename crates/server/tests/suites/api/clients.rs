//! Clients.

use super::*;

#[test]
fn a_client_is_registered_changed_stopped_and_deleted() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let made = caller.post("/clients", json!({ "client_id": "a/b c", "redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "client_credentials"] })).await;
        assert_eq!(made.status, 201, "{made:?}");
        let secret = made.json["client_secret"].as_str().unwrap();
        let path = "/clients/a%2Fb%20c";
        assert_eq!(
            made.header("location"),
            format!("{}/admin/api/v1{path}", h.issuer)
        );
        let read = caller.get(path).await;
        assert_eq!(
            (read.status, &read.json["client_id"]),
            (200, &json!("a/b c"))
        );
        assert!(!read.text.contains(secret), "the secret is shown once");
        is_problem(
            &caller
                .post(
                    "/clients",
                    json!({ "client_id": "a/b c", "redirect_uris": [CALLBACK] }),
                )
                .await,
            409,
            "conflict",
        );

        let change = json!({ "client_name": "B", "tos_uri": "https://b.example/tos" });
        let after = caller
            .write("PATCH", path, read.header("etag"), change.clone())
            .await;
        assert_eq!(
            (after.status, &after.json["client_name"]),
            (200, &json!("B")),
            "{after:?}"
        );
        is_problem(
            &caller
                .write("PATCH", path, read.header("etag"), change)
                .await,
            412,
            "changed-meanwhile",
        );
        is_problem(
            &caller.delete(path, read.header("etag")).await,
            412,
            "changed-meanwhile",
        );
        let whole = json!({ "redirect_uris": [CALLBACK], "grant_types": ["client_credentials"] });
        let after = caller.write("PUT", path, after.header("etag"), whole).await;
        assert_eq!(
            (after.status, after.json.get("client_name")),
            (200, None),
            "{after:?}"
        );
        let ask = async |secret: &str| {
            let request = plain()
                .post(h.at("/token"))
                .form(&[("grant_type", "client_credentials")]);
            answer(request.header("Authorization", basic("a/b c", secret)))
                .await
                .status
        };
        assert_eq!(ask(secret).await, 200, "it keeps its secret");

        let rotated = caller
            .post(&format!("{path}/rotate-secret"), json!({ "keep_old": 60 }))
            .await;
        assert_eq!(rotated.json["former_secret_expires_at"], START + 60);
        let second = rotated.json["client_secret"].as_str().unwrap();
        assert_eq!((ask(secret).await, ask(second).await), (200, 200));
        let wrong = caller
            .post(&format!("{path}/rotate-secret"), json!({ "keep_old": 0 }))
            .await;
        is_problem(&wrong, 422, "invalid");
        assert_eq!(named(&wrong), ["keep_old"]);
        let third = caller.act(&format!("{path}/rotate-secret")).await;
        assert_eq!((ask(second).await, third.status), (401, 200));
        is_problem(
            &caller.act("/clients/native/rotate-secret").await,
            409,
            "conflict",
        );

        assert_eq!(
            caller.act(&format!("{path}/disable")).await.json["disabled_at"],
            START
        );
        assert_eq!(
            ask(third.json["client_secret"].as_str().unwrap()).await,
            400
        );
        let enabled = caller.act(&format!("{path}/enable")).await;
        assert_eq!(enabled.json.get("disabled_at"), None);
        assert_eq!(
            caller.delete(path, enabled.header("etag")).await.status,
            204
        );
        is_problem(&caller.get(path).await, 404, "not-found");
        is_problem(
            &caller.get("/clients/latchkey-console").await,
            404,
            "not-found",
        );
    });
}

/// As the command makes it.
#[test]
fn the_first_client_of_an_algorithm_gets_the_installation_a_key_for_it() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let made = caller
            .post(
                "/clients",
                json!({ "redirect_uris": [CALLBACK], "id_token_signed_response_alg": "ES256" }),
            )
            .await;
        assert_eq!(made.status, 201, "{made:?}");
        let keys = caller.get("/keys").await;
        let names: Vec<_> = keys.json["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|k| k["alg"].clone())
            .collect();
        assert!(names.contains(&json!("ES256")), "{names:?}");
        let wrong = caller
            .post(
                "/clients",
                json!({ "redirect_uris": ["http://app.example/cb"], "grant_types": ["password"] }),
            )
            .await;
        is_problem(&wrong, 422, "invalid");
        assert_eq!(named(&wrong), ["grant_types"]);
    });
}

#[test]
fn who_may_use_a_client_is_listed_with_the_reason() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let everyone = caller.get("/clients/app/access?limit=1").await;
        assert_eq!(
            everyone.json["items"][0]["because"],
            json!([{ "kind": "everyone", "name": null }])
        );
        assert!(everyone.json["next"].is_string());
        let etag = caller.get("/clients/app").await.header("etag").to_owned();
        let limited = caller
            .write(
                "PATCH",
                "/clients/app",
                &etag,
                json!({ "access": { "groups": ["blue"], "users": ["bob"] } }),
            )
            .await;
        assert_eq!(limited.status, 200, "{limited:?}");
        let found = caller.get("/clients/app/access").await;
        assert_eq!(
            found.json["items"][1]["because"],
            json!([{ "kind": "group", "name": "blue" }, { "kind": "user", "name": null }])
        );
        let wrong = caller
            .write(
                "PATCH",
                "/clients/app",
                "*",
                json!({ "access": { "users": ["nobody"] } }),
            )
            .await;
        is_problem(&wrong, 422, "invalid");
        assert_eq!(named(&wrong), ["access.users"]);
    });
}
