//! RFC 9068 2.1, 3, 4: what access tokens are called and whom they are for.

use serde_json::{Value, json};

use crate::{claims::*, support::*};

const API: &str = "https://api.example";

/// The access token of alice for a client of this name.
async fn access(h: &Harness, id: &str, metadata: Value, scope: &str) -> Value {
    register_with(h, id, &metadata).await;
    let back = h
        .browser()
        .authorize(&[("client_id", id), ("scope", scope)])
        .await;
    exchange_as(h, id, &back).await
}

/// UserInfo is one more audience: what has the scope `openid` is for it too, and it takes nothing else.
#[test]
fn userinfo_takes_tokens_that_are_for_it_and_none_for_another_api_alone() {
    on_both(async |h| {
        let tokens = access(&h, "with", json!({ "audience": [API] }), "openid email").await;
        assert_eq!(
            claims(&tokens["access_token"])["aud"],
            json!([API, h.issuer])
        );
        let info = h.userinfo(tokens["access_token"].as_str().unwrap()).await;
        assert_eq!(
            (info.status, info.json["email"].as_str()),
            (200, Some("alice@example.org"))
        );

        // Its own authorization, its own scope, and another audience.
        let mut elsewhere = claims(&tokens["access_token"]);
        for other in [
            json!(API),
            json!([API, "app"]),
            json!(format!("{}/", h.issuer)),
            json!([]),
        ] {
            elsewhere["aud"] = other;
            let token = h
                .app
                .ui
                .only_realm
                .keys
                .ring()
                .signer(h.now())
                .unwrap()
                .sign("at+jwt", &elsewhere)
                .unwrap();
            let refused = h.userinfo(&token).await;
            assert_eq!(refused.status, 401, "{elsewhere}");
            assert!(
                refused
                    .header("www-authenticate")
                    .contains("error=\"invalid_token\"")
            );
        }

        let without = access(&h, "without", json!({ "audience": [API] }), "email").await;
        assert_eq!(claims(&without["access_token"])["aud"], API);
        assert_eq!(
            h.userinfo(without["access_token"].as_str().unwrap())
                .await
                .status,
            401
        );
    });
}

#[test]
fn the_type_of_access_tokens_is_at_jwt_unless_the_client_or_its_audience_needs_jwt() {
    let settings = [(
        "LATCHKEY_TOKENS__JWT_TYP_AUDIENCES",
        "https://old.example, https://spring.example",
    )];
    on_both_with(&settings, async |h| {
        let spring = "https://spring.example";
        for (id, metadata, typ) in [
            ("plain", json!({ "audience": [API] }), "at+jwt"),
            ("by-client", json!({ "access_token_typ": "JWT" }), "JWT"),
            ("by-audience", json!({ "audience": [API, spring] }), "JWT"),
            (
                "over-audience",
                json!({ "audience": [spring], "access_token_typ": "at+jwt" }),
                "at+jwt",
            ),
        ] {
            let tokens = access(&h, id, metadata, "openid offline_access").await;
            let own = h
                .post(
                    "/token",
                    &[
                        ("grant_type", "client_credentials"),
                        ("client_id", id),
                        ("client_secret", SECRET),
                    ],
                )
                .await
                .json;
            let renewed =
                refresh_as(&h, id, tokens["refresh_token"].as_str().unwrap(), "openid").await;
            for issued in [&tokens, &own, &renewed] {
                assert_eq!(part(&issued["access_token"], 0)["typ"], typ, "{id}");
            }
            assert_eq!(part(&tokens["id_token"], 0)["typ"], "JWT");
        }
    });
}

/// With one `typ` for both, the claims alone tell ID and access tokens apart.
#[test]
fn an_access_token_of_type_jwt_works_everywhere_and_passes_nowhere_for_an_id_token_nor_the_other_way_round()
 {
    on_both(async |h| {
        let tokens = access(
            &h,
            "jwt",
            json!({ "access_token_typ": "JWT", "audience": ["jwt"] }),
            "openid",
        )
        .await;
        let (token, id_token) = (
            tokens["access_token"].as_str().unwrap(),
            tokens["id_token"].as_str().unwrap(),
        );
        let own = [("client_id", "jwt"), ("client_secret", SECRET)];
        assert_eq!(h.userinfo(token).await.status, 200);
        let active = async |token: &str| {
            h.post("/introspect", &[("token", token), own[0], own[1]])
                .await
                .json["active"]
                .as_bool()
                .unwrap()
        };
        assert!(active(token).await);

        // Forged hints: its audience is even the client that asks.
        let ring = h.app.ui.only_realm.keys.ring();
        let sign = |claims: &Value| ring.signer(h.now()).unwrap().sign("JWT", claims).unwrap();
        let mut as_hint = claims(&tokens["access_token"]);
        as_hint["aud"] = "jwt".into();
        let browser = h.browser();
        browser
            .authorize(&[("client_id", "jwt"), ("scope", "openid")])
            .await;
        for hint in [token.to_owned(), sign(&as_hint)] {
            let asked = [
                ("client_id", "jwt"),
                ("scope", "openid"),
                ("prompt", "none"),
                ("id_token_hint", &hint),
            ];
            assert_eq!(browser.authorize(&asked).await["error"], "invalid_request");
        }
        let hint = [
            ("client_id", "jwt"),
            ("scope", "openid"),
            ("prompt", "none"),
            ("id_token_hint", id_token),
        ];
        assert!(browser.authorize(&hint).await.contains_key("code"));

        // And an ID token is no access token, whatever it says besides.
        let mut as_access = claims(&tokens["id_token"]);
        for (name, value) in [
            ("scope", json!("openid")),
            ("aud", json!([h.issuer, "jwt"])),
            ("sid", json!("x")),
        ] {
            as_access[name] = value;
            for forged in [id_token.to_owned(), sign(&as_access)] {
                assert_eq!(h.userinfo(&forged).await.status, 401, "{as_access}");
                assert!(!active(&forged).await);
                assert_eq!(
                    h.post("/revoke", &[("token", &forged), own[0], own[1]])
                        .await
                        .status,
                    200
                );
            }
        }
        assert!(active(token).await, "revoking an ID token ends nothing");
        h.post("/revoke", &[("token", token), own[0], own[1]]).await;
        assert!(!active(token).await);
        assert_eq!(h.userinfo(token).await.status, 401);
    });
}
