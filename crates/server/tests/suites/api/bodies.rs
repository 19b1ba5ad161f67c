//! Bodies and parameters as attackers send them.

use super::*;

#[test]
fn what_nobody_asked_for_is_refused_and_named() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        // Mass assignment.
        for member in [
            "sub",
            "id",
            "version",
            "password_hash",
            "disabled",
            "created_at",
            "is_admin",
            "__proto__",
        ] {
            let wrong = caller
                .post("/users", json!({ "username": "x", member: 1 }))
                .await;
            is_problem(&wrong, 422, "invalid");
            assert_eq!(named(&wrong), [member]);
            let path = format!("/users/{}", h.alice);
            let wrong = caller
                .write("PATCH", &path, "*", json!({ member: 1 }))
                .await;
            is_problem(&wrong, 422, "invalid");
        }
        for member in ["secret", "sealed_secret", "version", "redirect_uri"] {
            let wrong = json!({ "redirect_uris": [CALLBACK], member: "x" });
            let wrong = caller.post("/clients", wrong).await;
            is_problem(&wrong, 422, "invalid");
            assert_eq!(named(&wrong), [member]);
        }
        let wrong = caller
            .post("/keys/rotate", json!({ "retire": "all" }))
            .await;
        is_problem(&wrong, 422, "invalid");
        let wrong = caller
            .post(
                &format!("/users/{}/disable", h.alice),
                json!({ "force": true }),
            )
            .await;
        is_problem(&wrong, 422, "invalid");
        let wrong = caller.get("/users?role=admin").await;
        is_problem(&wrong, 400, "parameter-invalid");
        assert_eq!(named(&wrong), ["role"]);
        is_problem(
            &caller.get("/users?limit=1&limit=2").await,
            400,
            "parameter-invalid",
        );
    });
}

#[test]
fn bodies_that_are_no_sound_json_objects_are_refused() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let send = async |media: &str, body: String| {
            let request = caller
                .request("POST", "/users")
                .header("Content-Type", media);
            answer(request.body(body)).await
        };
        let json = "application/json";
        let deep = format!("{}{}", "{\"claims\":".repeat(5000), "}".repeat(5000));
        let arrays = format!("{{\"roles\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000));
        for body in [
            "",
            "null",
            "[]",
            "{",
            "{\"username\":\"a\"}x",
            &deep,
            &arrays,
            "{\"username\":\"a\",\"username\":\"b\"}",
        ] {
            is_problem(&send(json, body.to_owned()).await, 400, "unreadable");
        }
        is_problem(&send("text/plain", "{}".into()).await, 415, "media-type");
        is_problem(
            &send("application/x-www-form-urlencoded", "username=a".into()).await,
            415,
            "media-type",
        );
        let large = format!("{{\"username\":\"{}\"}}", "a".repeat(70_000));
        is_problem(&send(json, large).await, 413, "body-too-large");
        for (body, field) in [
            ("{\"username\":\"a\\u0000b\"}", "username"),
            (
                "{\"username\":\"a\",\"claims\":{\"x\\u0000\":1}}",
                "claims.x\u{fffd}",
            ),
            (
                "{\"username\":\"a\",\"roles\":[\"a\",\"\\u0000\"]}",
                "roles.1",
            ),
        ] {
            let wrong = send(json, body.into()).await;
            is_problem(&wrong, 422, "invalid");
            assert_eq!(named(&wrong), [field]);
        }
        let wrong = send(
            json,
            "{\"username\":1,\"roles\":\"admin\",\"email\":[]}".into(),
        )
        .await;
        let mut fields = named(&wrong);
        fields.sort_unstable();
        assert_eq!(fields, ["email", "roles", "username"], "all at once");
        assert_eq!(named(&send(json, "{}".into()).await), ["username"]);
    });
}

#[test]
fn cursors_and_parameters_are_values_and_never_sql() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
    on_both(async |h| {
        let caller = administrator(&h).await;
        let sql = "'; DROP TABLE users; --";
        let cursors = [
            "1",
            "%27",
            "_",
            "e30",
            &B64.encode("[1]"),
            &B64.encode("\"a\\u0000b\""),
            &"A".repeat(5000),
        ];
        for path in [
            "/users",
            "/clients",
            "/sessions",
            "/refusals",
            "/audit",
            "/deliveries",
        ] {
            for cursor in cursors {
                let wrong = caller.get(&format!("{path}?cursor={cursor}")).await;
                // A number is a cursor of deliveries, and nothing else.
                is_problem(&wrong, 400, "parameter-invalid");
                assert_eq!(named(&wrong), ["cursor"], "{path} {cursor}");
            }
            for limit in ["0", "201", "-1", "1;--", "9999999999999999999999"] {
                let wrong = caller.get(&format!("{path}?limit={limit}")).await;
                is_problem(&wrong, 400, "parameter-invalid");
                assert_eq!(named(&wrong), ["limit"]);
            }
        }
        // The clock of the test stands still, and a second has room for so many calls.
        h.pass(1);
        let as_text = B64.encode(json!(sql).to_string());
        let of_clients = caller.get(&format!("/clients?cursor={as_text}")).await;
        assert_eq!(of_clients.status, 200);
        let as_place = B64.encode(json!({ "key": sql, "id": sql }).to_string());
        for list in ["", "sort=created&", "sort=last-sign-in&", "search=b&"] {
            let of_users = caller.get(&format!("/users?{list}cursor={as_place}")).await;
            assert_eq!(of_users.status, 200, "{list}");
        }
        let unsorted = caller.get("/users?sort=password_hash").await;
        is_problem(&unsorted, 400, "parameter-invalid");
        let as_pair = B64.encode(json!([START, sql]).to_string());
        for path in ["/sessions", "/refusals"] {
            assert_eq!(
                caller.get(&format!("{path}?cursor={as_pair}")).await.status,
                200
            );
        }
        for path in [
            "/audit?event=",
            "/audit?actor=",
            "/audit?user=",
            "/audit?target=",
            "/refusals?reason=",
            "/deliveries?session=",
        ] {
            let found =
                answer(caller.request("GET", &format!("{path}{}", "%27%20OR%201%3D1%3B--"))).await;
            assert_eq!(
                (found.status, &found.json["items"]),
                (200, &json!([])),
                "{path}"
            );
        }
        is_problem(
            &caller.get("/audit?since=-1").await,
            400,
            "parameter-invalid",
        );
        for empty in ["/audit?outcome=", "/users?login=", "/users?sort=x&login=a"] {
            is_problem(&caller.get(empty).await, 400, "parameter-invalid");
        }
        is_problem(
            &caller.get("/audit?since=now").await,
            400,
            "parameter-invalid",
        );
        is_problem(
            &caller.get("/audit?outcome=%27").await,
            400,
            "parameter-invalid",
        );
        h.pass(1);
        for id in ["%00", "a%00b", "%ff", "%zz", &"x".repeat(2000)] {
            is_problem(&caller.get(&format!("/users/{id}")).await, 404, "not-found");
            is_problem(
                &caller.get(&format!("/clients/{id}")).await,
                404,
                "not-found",
            );
            is_problem(
                &caller.act(&format!("/keys/{id}/retire")).await,
                404,
                "not-found",
            );
        }
        is_problem(&caller.act("/deliveries/x/retry").await, 404, "not-found");
        assert!(h.store.user_by_name("alice").await.unwrap().is_some());
    });
}

#[test]
fn other_addresses_and_methods_are_problems_too() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        is_problem(&caller.get("/nothing").await, 404, "not-found");
        is_problem(&caller.get("/users/a/b/c").await, 404, "not-found");
        let wrong = answer(caller.request("PATCH", "/users")).await;
        is_problem(&wrong, 405, "method-not-allowed");
        assert_eq!(wrong.header("allow"), "GET, POST");
        let preflight = plain().request("OPTIONS".parse().unwrap(), h.at("/admin/api/v1/users"));
        let preflight = answer(preflight.header("Origin", "https://evil.example")).await;
        assert_eq!(
            preflight.header("access-control-allow-origin"),
            "",
            "pages of others call nothing"
        );
    });
}
