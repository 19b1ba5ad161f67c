//! OpenID Connect Core 5.5: the `claims` parameter.

use serde_json::{Value, json};

use crate::support::*;

/// Tokens of `app` for `openid offline_access` and these claims.
async fn tokens(h: &Harness, browser: &Browser, claims: &Value) -> Value {
    let asked = [
        ("scope", "openid offline_access"),
        ("claims", &claims.to_string()),
    ];
    let code = h.code(browser, &asked).await;
    h.exchange(&code).await.json
}

fn names(claims: &Value) -> Vec<&str> {
    let own = [
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "nonce",
        "acr",
        "amr",
        "sid",
        "at_hash",
    ];
    claims
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .filter(|name| !own.contains(name))
        .collect()
}

#[test]
fn a_claim_appears_only_where_it_was_asked_for() {
    on_both(async |h| {
        let asked = json!({
            "userinfo": { "email": { "essential": true }, "groups": null, "unknown": null, "phone_number": { "value": "+1" } },
            "id_token": { "name": null, "auth_time": { "essential": true }, "gender": { "values": ["male", "female"] } },
            "elsewhere": { "address": null },
        });
        let first = tokens(&h, &h.browser(), &asked).await;
        h.pass(60);
        let second = h
            .refresh(first["refresh_token"].as_str().unwrap())
            .await
            .json;
        for tokens in [first, second] {
            let id = claims(&tokens["id_token"]);
            assert_eq!(names(&id), ["gender", "name"], "{id}");
            assert_eq!(
                (id["name"].as_str(), id["auth_time"].is_i64()),
                (Some("alice name"), true)
            );
            assert!(!names(&claims(&tokens["access_token"])).contains(&"email"));
            let info = h
                .userinfo(tokens["access_token"].as_str().unwrap())
                .await
                .json;
            assert_eq!(
                names(&info),
                ["email", "groups"],
                "no phone number but the one asked for: {info}"
            );
        }
        assert_eq!(h.discovery().await["claims_parameter_supported"], true);
    });
}

#[test]
fn only_what_the_client_may_have_can_be_asked_for() {
    on_both(async |h| {
        h.client(json!({
            "client_id": "narrow", "client_secret": SECRET, "redirect_uris": [CALLBACK], "scope": "openid email", "trusted": true,
            "custom_claims": { "tier": { "value": "gold", "in": [], "scope": "email" }, "secret": { "value": 1, "in": [], "scope": "email" } },
        }))
        .await;
        let asked =
            json!({ "id_token": { "email": null, "name": null, "groups": null, "tier": null } })
                .to_string();
        let back = h
            .browser()
            .authorize(&[
                ("client_id", "narrow"),
                ("scope", "openid"),
                ("claims", &asked),
            ])
            .await;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &back["code"]),
            ("client_id", "narrow"),
            ("client_secret", SECRET),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let id = claims(&h.post("/token", &form).await.json["id_token"]);
        assert_eq!(names(&id), ["email", "tier"], "{id}");
    });
}

#[test]
fn claims_are_asked_about_on_the_consent_page_and_more_of_them_again() {
    on_both(async |h| {
        let browser = h.browser();
        let ask = |claims: Value| claims.to_string();
        let email = ask(json!({ "userinfo": { "email": null } }));
        let both = ask(json!({ "userinfo": { "email": null }, "id_token": { "address": null } }));
        let begin = async |claims: &str| {
            browser
                .begin(&[("scope", "openid"), ("claims", claims)])
                .await
        };
        let (at, page) = browser.page(begin(&email).await).await;
        let resume = browser.location(&browser.login(&at, &page.text).await);
        let consent = browser.location(&browser.get(&resume).await);
        let shown = browser.get(&consent).await;
        assert!(
            shown.text.contains("id=\"scope-claim-email\"")
                && shown.text.contains("See your e-mail address")
        );
        assert!(
            browser
                .follow(browser.decide(&consent, &shown.text, "allow").await)
                .await
                .contains_key("code")
        );
        assert!(
            begin(&email).await.header("location").contains("code="),
            "it is remembered"
        );
        let silent = [
            ("scope", "openid"),
            ("claims", both.as_str()),
            ("prompt", "none"),
        ];
        assert_eq!(
            browser.authorize(&silent).await["error"],
            "consent_required"
        );
        let asked = begin(&both).await;
        assert!(asked.header("location").contains("/consent/"), "{asked:?}");
        assert!(browser.follow(asked).await.contains_key("code"));
        assert!(begin(&both).await.header("location").contains("code="));
        let scope = browser.begin(&[("scope", "openid email")]).await;
        assert!(
            scope.header("location").contains("/consent/"),
            "a claim that was allowed is not its scope"
        );
        assert!(browser.follow(scope).await.contains_key("code"));
        let flag = ask(json!({ "id_token": { "email_verified": null } }));
        assert!(
            begin(&flag).await.header("location").contains("code="),
            "an allowed scope allows its claims"
        );
    });
}

#[test]
fn a_subject_asked_for_is_the_only_one_who_may_answer() {
    on_both(async |h| {
        let (alice, bob) = (h.browser(), h.browser());
        bob.act_as("bob", "bob password");
        for browser in [&alice, &bob] {
            h.tokens(browser).await;
        }
        for asked in [
            json!({ "id_token": { "sub": { "value": h.alice } } }),
            json!({ "userinfo": { "sub": { "values": [h.alice] } } }),
        ] {
            let asked = asked.to_string();
            let silent = [("prompt", "none"), ("claims", asked.as_str())];
            assert!(
                alice.authorize(&silent).await.contains_key("code"),
                "{asked}"
            );
            assert_eq!(
                bob.authorize(&silent).await["error"],
                "login_required",
                "{asked}"
            );
            assert!(
                bob.begin(&[("claims", &asked)])
                    .await
                    .header("location")
                    .contains("/login/"),
                "{asked}"
            );
        }
        let acr = |acr: Value| json!({ "id_token": { "acr": acr } }).to_string();
        for met in [
            json!(null),
            json!({ "essential": true }),
            json!({ "values": ["9"] }),
            json!({ "essential": true, "values": ["9", "1"] }),
        ] {
            assert!(
                alice
                    .authorize(&[("claims", &acr(met.clone()))])
                    .await
                    .contains_key("code"),
                "{met}"
            );
        }
        let unmet = acr(json!({ "essential": true, "values": ["9"] }));
        assert_eq!(
            alice.authorize(&[("claims", &unmet)]).await["error"],
            "unmet_authentication_requirements"
        );
    });
}

#[test]
fn claims_that_cannot_be_read_are_refused() {
    on_both(async |h| {
        let large = format!("{{\"userinfo\":{{\"{}\":null}}}}", "x".repeat(8200));
        let deep = "[".repeat(4000);
        for malformed in [
            "x",
            "[]",
            "null",
            "{",
            "{\"userinfo\":1}",
            "{\"id_token\":[]}",
            "{\"userinfo\":{\"email\":true}}",
            "{\"userinfo\":{\"email\":{\"essential\":1}}}",
            "{\"userinfo\":{\"email\":{\"values\":\"a\"}}}",
            "{\"userinfo\":{},\"userinfo\":{\"email\":null}}",
            &large,
            &deep,
        ] {
            assert_eq!(
                h.browser().authorize(&[("claims", malformed)]).await["error"],
                "invalid_request",
                "{malformed}"
            );
        }
        let spaced = "{\n\t\"userinfo\": { \"email\": { \"essential\": true, \"unknown\": 1 } }, \"id_token\": null }";
        assert!(
            h.browser()
                .authorize(&[("claims", spaced)])
                .await
                .contains_key("code")
        );
        assert!(
            h.browser()
                .authorize(&[("scope", "email"), ("claims", "x")])
                .await
                .contains_key("code"),
            "without openid"
        );
    });
}

#[test]
fn what_is_nested_deeper_than_it_can_be_read_again_is_refused() {
    on_both(async |h| {
        let nested = |levels: usize| {
            format!(
                r#"{{"id_token":{{"name":{{"value":{}1{}}}}}}}"#,
                "[".repeat(levels),
                "]".repeat(levels)
            )
        };
        for levels in [14, 120, 121, 122, 123] {
            let back = h.browser().authorize(&[("claims", &nested(levels))]).await;
            assert_eq!(
                back.get("error").map(String::as_str),
                Some("invalid_request"),
                "{levels}"
            );
        }
        let back = h.browser().authorize(&[("claims", &nested(13))]).await;
        assert!(back.contains_key("code"), "{back:?}");
    });
}
