//! Custom claims: attributes of users and constants, for a client or for all, under their scopes.

use latchkey_protocol::claims::CustomClaims;
use serde_json::json;

use crate::{claims::*, support::*};

const TENANT: &str = "https://example.org/tenant";

fn give_attributes(h: &Harness) {
    h.sql(r#"UPDATE users SET attributes = '{"department": "Sales", "limits": {"a": [1, 2]}, "nothing": null}'"#);
}

/// Which of the three places say the claim, in the order ID token, access token, UserInfo.
fn places(said: &Said, name: &str) -> [bool; 3] {
    said.all().map(|(_, claims)| claims.get(name).is_some())
}

#[test]
fn attributes_claims_and_constants_are_said_where_they_are_mapped_to_under_their_scope() {
    on_both(async |h| {
        give_attributes(&h);
        let mappings = json!({
            "department": { "attribute": "department" },
            "limits": { "attribute": "limits", "in": ["access_token"], "scope": "limits" },
            "upn": { "claim": "preferred_username", "in": ["access_token", "id_token"] },
            TENANT: { "value": { "id": "acme" }, "in": ["userinfo", "access_token"], "scope": "profile" },
            "nothing": { "attribute": "nothing" },
            "unknown": { "attribute": "unknown" },
        });
        let all = said(
            &h,
            "all",
            json!({ "custom_claims": mappings }),
            "openid profile limits",
        )
        .await;
        assert_eq!(
            all.access_token["scope"], "openid profile limits",
            "its own scopes can be asked for"
        );
        assert_eq!(places(&all, "department"), [true, false, true]);
        assert_eq!(
            (&all.id_token["department"], &all.userinfo["department"]),
            (&json!("Sales"), &json!("Sales"))
        );
        assert_eq!(places(&all, "limits"), [false, true, false]);
        assert_eq!(all.access_token["limits"], json!({ "a": [1, 2] }));
        assert_eq!(places(&all, "upn"), [true, true, false]);
        assert_eq!(all.access_token["upn"], "alice");
        assert_eq!(places(&all, TENANT), [false, true, true]);
        assert_eq!(all.userinfo[TENANT], json!({ "id": "acme" }));
        for absent in ["nothing", "unknown"] {
            assert_eq!(places(&all, absent), [false; 3], "{absent}");
        }

        let less = said(
            &h,
            "less",
            json!({ "custom_claims": mappings, "id_token_claims": "minimal" }),
            "openid",
        )
        .await;
        assert_eq!(
            places(&less, "department"),
            [true, false, true],
            "what is mapped to the ID token is meant for it"
        );
        assert_eq!(
            (places(&less, "limits"), places(&less, TENANT)),
            ([false; 3], [false; 3]),
            "without their scopes"
        );
        let other = said(&h, "other", json!({}), "openid profile limits").await;
        assert!(
            !other.access_token["scope"]
                .as_str()
                .unwrap()
                .contains("limits"),
            "another client cannot ask for it"
        );
        for name in ["department", "upn", TENANT] {
            assert_eq!(places(&other, name), [false; 3], "{name}");
        }
    });
}

#[test]
fn claims_for_all_clients_are_in_discovery_and_a_client_may_have_its_own_instead() {
    on_both(async |h| {
        give_attributes(&h);
        let for_all = json!({
            "department": { "attribute": "department", "in": ["id_token", "userinfo", "access_token"] },
            "limits": { "attribute": "limits", "scope": "limits" },
        });
        let claims: CustomClaims = serde_json::from_value(for_all).unwrap();
        assert!(h.app.provider.use_custom_claims(claims.clone()));
        assert!(!h.app.provider.use_custom_claims(claims), "nothing changed");
        let discovery = h.discovery().await;
        let lists =
            |list: &str, name: &str| discovery[list].as_array().unwrap().contains(&name.into());
        assert!(lists("claims_supported", "department") && lists("claims_supported", "limits"));
        assert!(lists("scopes_supported", "limits") && lists("scopes_supported", "openid"));

        let plain = said(&h, "plain", json!({}), "openid limits").await;
        assert_eq!(
            (places(&plain, "department"), places(&plain, "limits")),
            ([true; 3], [false; 3])
        );
        let registered = said(
            &h,
            "registered",
            json!({ "scope": "limits" }),
            "openid limits",
        )
        .await;
        assert_eq!(
            places(&registered, "limits"),
            [true, false, true],
            "whose registration has the scope"
        );
        let implied = said(
            &h,
            "implied",
            json!({ "implied_scope": "limits" }),
            "openid",
        )
        .await;
        assert_eq!(places(&implied, "limits"), [true, false, true]);

        let own = json!({ "department": { "value": "hidden", "in": ["userinfo"] } });
        let own = said(&h, "own", json!({ "custom_claims": own }), "openid").await;
        assert_eq!(
            (places(&own, "department"), &own.userinfo["department"]),
            ([false, false, true], &json!("hidden"))
        );
        let off = said(
            &h,
            "off",
            json!({ "custom_claims": { "department": { "value": 1, "in": [] } } }),
            "openid",
        )
        .await;
        assert_eq!(places(&off, "department"), [false; 3]);
    });
}

#[test]
fn introspection_shows_what_the_access_token_says_and_a_clients_own_token_has_constants() {
    on_both(async |h| {
        let mappings = json!({
            "tier": { "value": "gold", "in": ["access_token"], "scope": "api" },
            "department": { "attribute": "department", "in": ["access_token"], "scope": "api" },
        });
        register_with(
            &h,
            "machine",
            &json!({ "custom_claims": mappings, "roles": ["worker"] }),
        )
        .await;
        let own = [("client_id", "machine"), ("client_secret", SECRET)];
        let issued = h
            .post(
                "/token",
                &[
                    ("grant_type", "client_credentials"),
                    ("scope", "api"),
                    own[0],
                    own[1],
                ],
            )
            .await;
        let token = claims(&issued.json["access_token"]);
        assert_eq!(
            (&token["tier"], &token["roles"]),
            (&json!("gold"), &json!(["worker"]))
        );
        assert!(token.get("department").is_none());
        let presented = issued.json["access_token"].as_str().unwrap();
        let seen = h
            .post("/introspect", &[("token", presented), own[0], own[1]])
            .await
            .json;
        assert_eq!(
            (&seen["active"], &seen["tier"]),
            (&json!(true), &json!("gold"))
        );
        let without = h
            .post(
                "/token",
                &[("grant_type", "client_credentials"), own[0], own[1]],
            )
            .await;
        assert!(claims(&without.json["access_token"]).get("tier").is_none());
    });
}

/// `groups` and `roles` have members of their own in an access token: each name once.
#[test]
fn groups_mapped_into_the_access_token_stand_there_once() {
    on_both(async |h| {
        let mapped =
            json!({ "custom_claims": { "groups": { "claim": "groups", "in": ["access_token"] } } });
        register_with(&h, "mapped", &mapped).await;
        let back = h
            .browser()
            .authorize(&[("client_id", "mapped"), ("scope", "openid")])
            .await;
        let tokens = exchange_as(&h, "mapped", &back).await;
        let said = Said::of(&h, &tokens).await;
        assert_eq!(
            (said.access_token["groups"].clone(), places(&said, "groups")),
            (json!(["blue"]), [false, true, false])
        );
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        let payload = tokens["access_token"]
            .as_str()
            .unwrap()
            .split('.')
            .nth(1)
            .unwrap();
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        assert_eq!(text.matches("\"groups\"").count(), 1, "{text}");
        assert_eq!(
            h.userinfo(tokens["access_token"].as_str().unwrap())
                .await
                .status,
            200
        );
    });
}
