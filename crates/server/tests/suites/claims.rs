//! What tokens and UserInfo say of a user, for which scope and to which client (OpenID Connect Core 5.4, RFC 9068 2.2.3).

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::support::*;

/// The three places where claims are said.
pub struct Said {
    pub id_token: Value,
    pub access_token: Value,
    pub userinfo: Value,
    pub refresh_token: Option<String>,
}

impl Said {
    pub async fn of(h: &Harness, tokens: &Value) -> Self {
        Self {
            id_token: claims(&tokens["id_token"]),
            access_token: claims(&tokens["access_token"]),
            userinfo: h
                .userinfo(tokens["access_token"].as_str().unwrap())
                .await
                .json,
            refresh_token: tokens["refresh_token"].as_str().map(str::to_owned),
        }
    }

    pub fn all(&self) -> [(&'static str, &Value); 3] {
        [
            ("id_token", &self.id_token),
            ("access_token", &self.access_token),
            ("userinfo", &self.userinfo),
        ]
    }
}

/// Registers a client of this name, with the secret of all.
pub async fn register_with(h: &Harness, id: &str, metadata: &Value) {
    let mut registration = json!({
        "client_id": id, "client_secret": SECRET, "redirect_uris": [CALLBACK], "trusted": true,
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    });
    for (name, value) in metadata.as_object().unwrap() {
        registration[name] = value.clone();
    }
    h.client(registration).await;
}

/// Signs alice in at a new client, and returns what is said.
pub async fn said(h: &Harness, id: &str, metadata: Value, scope: &str) -> Said {
    register_with(h, id, &metadata).await;
    let back = h
        .browser()
        .authorize(&[("client_id", id), ("scope", scope)])
        .await;
    Said::of(h, &exchange_as(h, id, &back).await).await
}

pub async fn exchange_as(h: &Harness, id: &str, back: &HashMap<String, String>) -> Value {
    let code = back.get("code").unwrap_or_else(|| panic!("{back:?}"));
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("client_id", id),
        ("client_secret", SECRET),
    ];
    let answer = h.post("/token", &form).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json
}

pub async fn refresh_as(h: &Harness, id: &str, token: &str, scope: &str) -> Value {
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
        ("scope", scope),
        ("client_id", id),
        ("client_secret", SECRET),
    ];
    let answer = h.post("/token", &form).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json
}

#[test]
fn groups_and_roles_are_said_everywhere_where_their_scope_was_granted_and_nowhere_else() {
    on_both(async |h| {
        let discovery = h.discovery().await;
        for name in ["groups", "roles"] {
            for list in ["scopes_supported", "claims_supported"] {
                assert!(
                    discovery[list].as_array().unwrap().contains(&name.into()),
                    "{name} in {list}"
                );
            }
        }
        let both = said(&h, "both", json!({}), "openid groups roles").await;
        for (place, claims) in both.all() {
            assert_eq!(claims["groups"], json!(["blue"]), "{place}");
            assert_eq!(claims["roles"], json!(["editor"]), "{place}");
        }
        let one = said(&h, "one", json!({}), "openid profile groups").await;
        for (place, claims) in one.all() {
            assert_eq!(
                (&claims["groups"], claims.get("roles")),
                (&json!(["blue"]), None),
                "{place}"
            );
        }
        let none = said(
            &h,
            "none",
            json!({ "roles": ["the client's own"] }),
            "openid profile email",
        )
        .await;
        // It may not ask for what its registration leaves out.
        let left_out = said(
            &h,
            "left-out",
            json!({ "scope": "profile" }),
            "openid profile groups roles",
        )
        .await;
        for (place, claims) in none.all().into_iter().chain(left_out.all()) {
            assert!(
                claims.get("groups").is_none() && claims.get("roles").is_none(),
                "{place}: {claims}"
            );
        }
    });
}

/// An app that copies groups at each sign-in has to hear of the last one's end.
#[test]
fn who_is_in_no_group_any_more_is_told_so() {
    on_both(async |h| {
        h.sql("UPDATE users SET groups = '[]', roles = '[]'");
        let said = said(&h, "both", json!({}), "openid groups roles").await;
        for claims in [&said.id_token, &said.userinfo] {
            assert_eq!(
                (&claims["groups"], &claims["roles"]),
                (&json!([]), &json!([]))
            );
        }
    });
}

#[test]
fn scope_claims_are_in_the_id_token_as_at_userinfo_also_after_a_refresh_unless_the_client_wants_the_minimum()
 {
    on_both(async |h| {
        let scope = "openid profile email phone address groups offline_access";
        let same = |said: &Said| {
            for (name, value) in said.userinfo.as_object().unwrap() {
                assert_eq!(said.id_token.get(name), Some(value), "{name}");
            }
        };
        let all = said(&h, "all", json!({}), scope).await;
        same(&all);
        assert_eq!(all.id_token["email"], "alice@example.org");
        assert_eq!(all.id_token["address"], json!({ "country": "KR" }));
        h.sql("UPDATE users SET name = 'Alice the Second'");
        let renewed = refresh_as(
            &h,
            "all",
            all.refresh_token.as_deref().unwrap(),
            "openid profile",
        )
        .await;
        let renewed = Said::of(&h, &renewed).await;
        same(&renewed);
        assert_eq!(
            (
                renewed.id_token["name"].as_str(),
                renewed.id_token.get("email")
            ),
            (Some("Alice the Second"), None)
        );

        let minimal = said(
            &h,
            "minimal",
            json!({ "id_token_claims": "minimal" }),
            scope,
        )
        .await;
        assert_eq!(minimal.userinfo["groups"], json!(["blue"]));
        for name in minimal
            .userinfo
            .as_object()
            .unwrap()
            .keys()
            .filter(|name| *name != "sub")
        {
            assert!(minimal.id_token.get(name).is_none(), "{name}");
        }
    });
}

#[test]
fn implied_scopes_are_granted_without_being_asked_for_and_shown_on_the_consent_page() {
    on_both(async |h| {
        let implied = said(
            &h,
            "implied",
            json!({ "scope": "profile", "implied_scope": "groups" }),
            "openid",
        )
        .await;
        for (place, claims) in implied.all() {
            assert_eq!(
                (&claims["groups"], claims.get("roles")),
                (&json!(["blue"]), None),
                "{place}"
            );
        }
        let always = json!({ "implied_scope": "groups", "refresh": "always" });
        let refreshed = said(&h, "refreshed", always, "openid profile").await;
        let narrowed = refresh_as(
            &h,
            "refreshed",
            refreshed.refresh_token.as_deref().unwrap(),
            "openid",
        )
        .await;
        assert_eq!(narrowed["scope"], "openid groups");

        h.client(json!({ "client_id": "asks", "client_secret": SECRET, "redirect_uris": [CALLBACK], "implied_scope": "groups" })).await;
        let browser = h.browser();
        let asked = [("client_id", "asks"), ("scope", "openid roles")];
        let (at, page) = browser.page(browser.begin(&asked).await).await;
        let (_, page) = browser.page(browser.login(&at, &page.text).await).await;
        for id in ["scope-openid", "scope-groups", "scope-roles"] {
            assert!(
                page.text.contains(&format!("id=\"{id}\"")),
                "{id}: {}",
                page.text
            );
        }
        assert!(
            page.text
                .contains("The teams and groups that you belong to"),
            "{}",
            page.text
        );
    });
}

#[test]
fn a_registration_names_scopes_and_our_own_members_as_they_are() {
    use latchkey_protocol::registration::Registration;
    for (wrong, name) in [
        (
            json!({ "implied_scope": "offline_access" }),
            "implied_scope",
        ),
        (json!({ "implied_scope": "a\"b" }), "implied_scope"),
        (json!({ "scope": "a\\b" }), "scope"),
        (json!({ "id_token_claims": "some" }), "some"),
        (json!({ "access_token_typ": "jwt" }), "jwt"),
    ] {
        let mut metadata = wrong.clone();
        metadata["redirect_uris"] = json!([CALLBACK]);
        let refused = Registration::parse(&metadata).unwrap_err();
        assert_eq!(refused.code, "invalid_client_metadata");
        assert!(refused.sentence().contains(name), "{refused}");
    }
}
