//! RFC 7662.

use serde_json::json;

use crate::support::*;

#[test]
fn the_owner_sees_the_token_and_strangers_see_that_it_is_not_active() {
    on_both(async |h| {
        let tokens = h.tokens(&h.browser()).await;
        for token in ["access_token", "refresh_token"] {
            let presented = tokens[token].as_str().unwrap();
            let seen = h.post_as_app("/introspect", &[("token", presented)]).await;
            assert_eq!(
                (seen.json["active"].as_bool(), seen.json["sub"].as_str()),
                (Some(true), Some(h.alice.as_str())),
                "{token}"
            );
            assert_eq!(seen.header("cache-control"), "no-store");
            let stranger = h
                .post(
                    "/introspect",
                    &[
                        ("token", presented),
                        ("client_id", "post"),
                        ("client_secret", SECRET),
                    ],
                )
                .await;
            assert_eq!(stranger.json, json!({ "active": false }), "{token}");
        }
        let garbage = h.post_as_app("/introspect", &[("token", "x.y.z")]).await;
        assert_eq!(
            (garbage.status, garbage.json),
            (200, json!({ "active": false }))
        );
        let id = h
            .post_as_app(
                "/introspect",
                &[("token", tokens["id_token"].as_str().unwrap())],
            )
            .await;
        assert_eq!(id.json, json!({ "active": false }));
    });
}

#[test]
fn only_authenticated_callers_are_answered() {
    on_both(async |h| {
        assert_eq!(h.post("/introspect", &[("token", "x")]).await.status, 401);
        assert_eq!(
            h.post("/introspect", &[("token", "x"), ("client_id", "native")])
                .await
                .status,
            401
        );
        assert_eq!(
            h.post_as_app("/introspect", &[]).await.error(),
            "invalid_request"
        );
    });
}

#[test]
fn a_resource_server_in_the_audience_sees_the_token() {
    on_both(async |h| {
        h.client(json!({ "client_id": "api", "client_secret": SECRET, "grant_types": [] }))
            .await;
        h.client(json!({ "client_id": "caller", "client_secret": SECRET, "grant_types": ["client_credentials"], "audience": ["api"] })).await;
        let token = answer(
            plain()
                .post(h.at("/token"))
                .header("Authorization", basic("caller", SECRET))
                .form(&[("grant_type", "client_credentials")]),
        )
        .await;
        let presented = token.json["access_token"].as_str().unwrap();
        let seen = answer(
            plain()
                .post(h.at("/introspect"))
                .header("Authorization", basic("api", SECRET))
                .form(&[("token", presented)]),
        )
        .await;
        assert_eq!(
            (
                seen.json["active"].as_bool(),
                seen.json["client_id"].as_str()
            ),
            (Some(true), Some("caller"))
        );
    });
}
