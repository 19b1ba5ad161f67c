//! Whom the API lets in.

use latchkey_api::{Call, table};
use latchkey_protocol::ClientId;
use latchkey_server::wiring::OsEntropy;

use super::*;
use crate::console;

async fn ask(h: &Harness, call: Call, token: Option<&str>) -> Answer {
    let path = call.path.replace(['{', '}'], "");
    let at = h.at(&format!("/admin/api/v1{path}"));
    let mut request = plain().request(call.method.parse().unwrap(), at);
    if call.method != "GET" {
        request = request.header("If-Match", "*").json(&json!({}));
    }
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    answer(request).await
}

/// From the route table itself, so that no route can be forgotten.
#[test]
fn every_route_is_closed_to_every_token_that_it_is_not_for() {
    on_both(async |h| {
        let before = h
            .store
            .users(&latchkey_protocol::page::Page::first(100))
            .await
            .unwrap();
        let reader = ops(&h, "reader", "latchkey.read").await.token;
        let revoked = ops(&h, "revoked", "latchkey.write").await.token;
        let disabled = ops(&h, "disabled", "latchkey.write").await.token;
        let deleted = ops(&h, "deleted", "latchkey.write").await.token;
        let narrowed = ops(&h, "narrowed", "latchkey.write").await.token;
        // The same scopes for another API.
        let elsewhere = token_of(&h, "app", "roles").await.json;
        let elsewhere = elsewhere["access_token"].as_str().unwrap().to_owned();
        let browser = h.browser();
        let users = h.tokens(&browser).await["access_token"]
            .as_str()
            .unwrap()
            .to_owned();
        let form = [("token", revoked.as_str())];
        let revoke = plain().post(h.at("/revoke")).form(&form);
        let revoke = revoke.header("Authorization", basic("revoked", SECRET));
        assert_eq!(answer(revoke).await.status, 200);
        let operations = operations(&*h.store, &OsEntropy);
        operations
            .disable_client(&ClientId::new("disabled"))
            .await
            .unwrap();
        operations
            .delete_client(&ClientId::new("deleted"))
            .await
            .unwrap();
        let change = json!({ "scope": "latchkey.read" });
        let change = latchkey_operations::ClientChange {
            metadata: &change,
            rules: Default::default(),
            new_secret: false,
        };
        let secrets = &h.app.provider.client_secrets;
        operations
            .update_client(secrets, &ClientId::new("narrowed"), change)
            .await
            .unwrap();
        let administrator = console::administrator(&h).await;
        let mut tampered = reader.clone();
        tampered.replace_range(tampered.len() - 20..tampered.len() - 18, "AA");

        for call in table() {
            let what = format!("{call:?}");
            let heard = ask(&h, call, None).await;
            is_problem(&heard, 401, "token-invalid");
            assert_eq!(
                heard.header("www-authenticate"),
                "Bearer realm=\"latchkey\"",
                "{what}"
            );
            let mut refused = vec![
                "", "garbage", &tampered, &revoked, &disabled, &deleted, &elsewhere, &users,
            ];
            if call.path.is_empty() {
                refused.clear();
            }
            for token in refused {
                let heard = ask(&h, call, Some(token)).await;
                is_problem(&heard, 401, "token-invalid");
                let challenge = heard.header("www-authenticate");
                assert!(
                    token.is_empty() || challenge.contains("error=\"invalid_token\""),
                    "{what} {challenge}"
                );
            }
            // A cookie of the console, and nothing else.
            let at = h.at(&format!(
                "/admin/api/v1{}",
                call.path.replace(['{', '}'], "")
            ));
            let by_cookie = administrator.http.request(call.method.parse().unwrap(), at);
            is_problem(
                &answer(by_cookie.json(&json!({}))).await,
                401,
                "token-invalid",
            );
            for token in [&reader, &narrowed] {
                let heard = ask(&h, call, Some(token)).await;
                // What was taken from the registration is taken from the tokens that are out.
                if call.writes {
                    is_problem(&heard, 403, "scope-insufficient");
                    let challenge = heard.header("www-authenticate");
                    assert!(
                        challenge.contains("error=\"insufficient_scope\"")
                            && challenge.contains("scope=\"latchkey.write\""),
                        "{what} {challenge}"
                    );
                } else if token == &reader {
                    assert!([200, 404].contains(&heard.status), "{what} {heard:?}");
                }
            }
        }
        h.pass(3600);
        for call in table() {
            is_problem(&ask(&h, call, Some(&reader)).await, 401, "token-invalid");
        }
        let after = h
            .store
            .users(&latchkey_protocol::page::Page::first(100))
            .await
            .unwrap();
        let names = |users: &[latchkey_protocol::user::User]| -> Vec<_> {
            users
                .iter()
                .map(|user| (user.username.clone(), user.version, user.disabled_at))
                .collect()
        };
        // Alice became an administrator for the console.
        assert_eq!(names(&before).len(), names(&after).len());
        assert_eq!(names(&before)[1], names(&after)[1]);
    });
}

#[test]
fn only_a_client_that_was_registered_with_a_scope_of_the_api_gets_it_and_for_the_api_alone() {
    on_both(async |h| {
        for scope in ["latchkey.read", "latchkey.write", "openid latchkey.write"] {
            let refused = token_of(&h, "app", scope).await;
            assert_eq!((refused.status, refused.error()), (400, "invalid_scope"));
        }
        register(&h, "reader", "latchkey.read roles").await;
        assert_eq!(
            token_of(&h, "reader", "latchkey.write").await.error(),
            "invalid_scope"
        );
        let got = token_of(&h, "reader", "latchkey.read roles").await;
        let said = claims(&got.json["access_token"]);
        assert_eq!(
            said["aud"],
            h.issuer.clone() + "/admin/api",
            "nobody else sees it"
        );
        assert_eq!(
            (&said["sub"], &said["client_id"]),
            (&json!("reader"), &json!("reader"))
        );
        // Other tokens of the client are not for the API.
        let got = token_of(&h, "reader", "roles").await;
        assert_eq!(claims(&got.json["access_token"])["aud"], h.issuer);
    });
}

#[test]
fn no_other_member_of_a_registration_opens_the_api() {
    on_both(async |h| {
        let audience = h.issuer.clone() + "/admin/api";
        h.client(json!({
            "client_id": "sly", "client_secret": SECRET, "redirect_uris": [CALLBACK], "trusted": true,
            "grant_types": ["authorization_code", "client_credentials"], "audience": [audience], "roles": ["admin"],
            "custom_claims": { "https://x.example/a": { "value": "a", "scope": "latchkey.write", "in": ["access_token"] } },
        }))
        .await;
        assert_eq!(
            token_of(&h, "sly", "latchkey.write").await.error(),
            "invalid_scope"
        );
        let own = token_of(&h, "sly", "").await.json;
        let own = Ops {
            h: &h,
            token: own["access_token"].as_str().unwrap().to_owned(),
        };
        is_problem(&own.get("/users").await, 403, "scope-insufficient");
        // Nor does a sign-in.
        for (grants, member, value) in [
            (
                json!(["authorization_code"]),
                "scope",
                "openid latchkey.read",
            ),
            (
                json!(["authorization_code", "client_credentials"]),
                "implied_scope",
                "latchkey.read",
            ),
        ] {
            let metadata =
                json!({ "redirect_uris": [CALLBACK], "grant_types": grants, member: value });
            let refused = latchkey_protocol::registration::Registration::parse(&metadata);
            let errors = refused.unwrap_err().errors;
            assert_eq!(errors.iter().next().unwrap().field, member);
        }
    });
}

/// Its browser's users cannot ask for it either, although the client may have it for itself.
#[test]
fn a_sign_in_gives_no_scope_of_the_api() {
    on_both(async |h| {
        h.client(json!({
            "client_id": "both", "client_secret": SECRET, "redirect_uris": [CALLBACK], "trusted": true,
            "grant_types": ["authorization_code", "client_credentials"], "scope": "openid latchkey.write",
        }))
        .await;
        let browser = h.browser();
        let asked = [("client_id", "both"), ("scope", "openid latchkey.write")];
        let back = browser.authorize(&asked).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", back["code"].as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let request = plain().post(h.at("/token")).form(&form);
        let got = answer(request.header("Authorization", basic("both", SECRET))).await;
        assert_eq!(got.json["scope"], "openid", "{got:?}");
        let token = got.json["access_token"].as_str().unwrap().to_owned();
        is_problem(
            &Ops { h: &h, token }.get("/users").await,
            401,
            "token-invalid",
        );
    });
}

#[test]
fn a_token_is_taken_from_one_authorization_header_alone() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let at = h.at("/admin/api/v1/users");
        let in_query = plain().get(format!("{at}?access_token={}", caller.token));
        is_problem(&answer(in_query).await, 401, "token-invalid");
        let twice = caller
            .request("GET", "/users")
            .header("Authorization", "Bearer x");
        is_problem(&answer(twice).await, 401, "token-invalid");
        let basic = plain()
            .get(&at)
            .header("Authorization", basic("ops", SECRET));
        is_problem(&answer(basic).await, 401, "token-invalid");
    });
}

#[test]
fn refused_tokens_can_be_explained_by_their_reference() {
    on_both(async |h| {
        let reader = ops(&h, "reader", "latchkey.read").await;
        let refused = reader.act("/users/x/disable").await;
        is_problem(&refused, 403, "scope-insufficient");
        let reference = refused.json["reference"].as_str().unwrap();
        let kept = crate::refusals::kept(&h, reference).await;
        assert_eq!(kept.reason, "ApiScopeInsufficient");
        assert_eq!(kept.client_id.as_deref(), Some("reader"));
        let told = reader.get(&format!("/refusals/{reference}")).await;
        assert_eq!(told.json["reason"], "ApiScopeInsufficient");
        assert!(told.json["fix"].as_str().unwrap().contains("scope"));
    });
}

#[test]
fn calls_within_a_second_are_bounded_and_strangers_take_nothing_from_that() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        for _ in 0..50 {
            let stranger = plain().get(h.at("/admin/api/v1/users")).bearer_auth("x");
            assert_eq!(answer(stranger).await.status, 401);
        }
        for _ in 0..latchkey_api::CALLS_OF_ONE {
            assert_eq!(caller.get("/users?limit=1").await.status, 200);
        }
        let refused = caller.get("/users?limit=1").await;
        is_problem(&refused, 429, "too-many-calls");
        assert_eq!(refused.header("retry-after"), "1");
        // A client that loops leaves room for the others.
        let other = ops(&h, "other", "latchkey.read").await;
        assert_eq!(other.get("/users?limit=1").await.status, 200);
        h.pass(1);
        assert_eq!(caller.get("/users?limit=1").await.status, 200);
    });
}

#[test]
fn a_client_that_is_registered_again_does_not_bring_the_tokens_of_the_deleted_one_back() {
    on_both(async |h| {
        let stolen = ops(&h, "ops", "latchkey.write").await;
        assert_eq!(stolen.get("/users?limit=1").await.status, 200);
        let operations = operations(&*h.store, &OsEntropy);
        operations
            .delete_client(&ClientId::new("ops"))
            .await
            .unwrap();
        h.pass(2);
        let again = administrator(&h).await;
        let refused = stolen.get("/users?limit=1").await;
        assert_eq!(refused.status, 401);
        let said = json!({ "token": stolen.token });
        let asked = plain().post(h.at("/introspect")).form(&said);
        let asked = asked.header("Authorization", basic("ops", SECRET));
        assert_eq!(answer(asked).await.json, json!({ "active": false }));
        assert_eq!(again.get("/users?limit=1").await.status, 200);
    });
}
