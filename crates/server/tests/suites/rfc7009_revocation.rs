//! RFC 7009.

use crate::support::*;

#[test]
fn revoking_a_refresh_token_ends_its_whole_authorization() {
    on_both(async |h| {
        let tokens = h.tokens(&h.browser()).await;
        let (access, refresh) = (
            tokens["access_token"].as_str().unwrap(),
            tokens["refresh_token"].as_str().unwrap(),
        );
        assert_eq!(
            h.post_as_app(
                "/revoke",
                &[("token", refresh), ("token_type_hint", "access_token")]
            )
            .await
            .status,
            200
        );
        assert_eq!(h.userinfo(access).await.status, 401);
        assert_eq!(h.refresh(refresh).await.error(), "invalid_grant");
        let seen = h.post_as_app("/introspect", &[("token", access)]).await;
        assert_eq!(seen.json, serde_json::json!({ "active": false }));
    });
}

#[test]
fn revoking_an_access_token_ends_that_token_alone() {
    on_both(async |h| {
        let tokens = h.tokens(&h.browser()).await;
        let access = tokens["access_token"].as_str().unwrap();
        for _ in 0..2 {
            assert_eq!(
                h.post_as_app("/revoke", &[("token", access)]).await.status,
                200
            );
        }
        assert_eq!(h.userinfo(access).await.status, 401);
        assert_eq!(
            h.refresh(tokens["refresh_token"].as_str().unwrap())
                .await
                .status,
            200
        );
    });
}

#[test]
fn unknown_tokens_are_200_and_another_clients_token_stays() {
    on_both(async |h| {
        let tokens = h.tokens(&h.browser()).await;
        for token in ["garbage", "a.b.c"] {
            assert_eq!(
                h.post_as_app("/revoke", &[("token", token)]).await.status,
                200
            );
        }
        for token in ["refresh_token", "access_token"] {
            let theirs = h
                .post(
                    "/revoke",
                    &[
                        ("token", tokens[token].as_str().unwrap()),
                        ("client_id", "post"),
                        ("client_secret", SECRET),
                    ],
                )
                .await;
            assert_eq!(theirs.status, 200);
        }
        assert_eq!(
            h.userinfo(tokens["access_token"].as_str().unwrap())
                .await
                .status,
            200
        );
        assert_eq!(h.post("/revoke", &[("token", "x")]).await.status, 401);
        assert_eq!(
            h.post_as_app("/revoke", &[]).await.error(),
            "invalid_request"
        );
    });
}
