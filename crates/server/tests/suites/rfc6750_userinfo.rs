//! OpenID Connect Core 5.3, 5.4; RFC 6750.

use latchkey_protocol::store::LastAdministrator;
use serde_json::json;

use crate::support::*;

#[test]
fn each_scope_gives_its_claims_with_their_types() {
    on_both(async |h| {
        let browser = h.browser();
        let info = async |scope: &str| {
            let code = h.code(&browser, &[("scope", scope)]).await;
            let tokens = h.exchange(&code).await.json;
            h.userinfo(tokens["access_token"].as_str().unwrap())
                .await
                .json
        };
        assert_eq!(info("openid").await, json!({ "sub": h.alice }));
        assert_eq!(
            info("openid email").await,
            json!({ "sub": h.alice, "email": "alice@example.org", "email_verified": true })
        );
        assert_eq!(
            info("openid phone").await,
            json!({ "sub": h.alice, "phone_number": "+82 10 0000 0000", "phone_number_verified": false })
        );
        assert_eq!(
            info("openid address").await,
            json!({ "sub": h.alice, "address": { "country": "KR" } })
        );
        let profile = info("openid profile").await;
        assert_eq!(
            profile.as_object().unwrap().len(),
            15,
            "sub and the 14 of profile: {profile}"
        );
        assert_eq!(
            (
                profile["preferred_username"].as_str(),
                profile["updated_at"].as_i64()
            ),
            (Some("alice"), Some(START))
        );
    });
}

#[test]
fn errors_are_in_www_authenticate() {
    on_both(async |h| {
        let none = answer(plain().get(h.at("/userinfo"))).await;
        assert_eq!(none.status, 401);
        assert_eq!(none.header("www-authenticate"), "Bearer realm=\"latchkey\"");
        for garbage in ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."] {
            let bad = h.userinfo(garbage).await;
            assert_eq!(bad.status, 401, "{garbage}");
            assert!(
                bad.header("www-authenticate")
                    .contains("error=\"invalid_token\""),
                "{garbage} {bad:?}"
            );
        }
        let own = h
            .post_as_app("/token", &[("grant_type", "client_credentials")])
            .await;
        // OAuth without OpenID Connect: a user's token that says nothing of the user.
        let code = h
            .code(
                &h.browser(),
                &[
                    ("scope", "profile email offline_access"),
                    ("prompt", "consent"),
                ],
            )
            .await;
        let delegated = h.exchange(&code).await;
        assert!(delegated.json.get("id_token").is_none(), "{delegated:?}");
        let renewed = h
            .refresh(delegated.json["refresh_token"].as_str().unwrap())
            .await;
        assert!(renewed.json.get("id_token").is_none(), "{renewed:?}");
        for answered in [own, delegated, renewed] {
            let lacking = h
                .userinfo(answered.json["access_token"].as_str().unwrap())
                .await;
            assert_eq!(lacking.status, 403);
            assert!(
                lacking
                    .header("www-authenticate")
                    .contains("error=\"insufficient_scope\"")
            );
        }
    });
}

#[test]
fn id_and_refresh_tokens_are_no_access_tokens() {
    on_both(async |h| {
        let tokens = h.tokens(&h.browser()).await;
        for token in ["id_token", "refresh_token"] {
            assert_eq!(
                h.userinfo(tokens[token].as_str().unwrap()).await.status,
                401,
                "{token}"
            );
        }
        let access = tokens["access_token"].as_str().unwrap();
        assert_eq!(h.refresh(access).await.error(), "invalid_grant");
    });
}

#[test]
fn the_token_may_come_in_the_form_but_not_twice() {
    on_both(async |h| {
        let access = h.tokens(&h.browser()).await["access_token"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(
            h.post("/userinfo", &[("access_token", &access)]).await.json["sub"],
            h.alice.as_str()
        );
        assert_eq!(
            answer(plain().post(h.at("/userinfo")).bearer_auth(&access))
                .await
                .status,
            200
        );
        let twice = answer(
            plain()
                .post(h.at("/userinfo"))
                .bearer_auth(&access)
                .form(&[("access_token", &access)]),
        )
        .await;
        assert_eq!(twice.status, 400);
        assert_eq!(
            answer(plain().get(h.at(&format!("/userinfo?access_token={access}"))))
                .await
                .status,
            401
        );
    });
}

#[test]
fn a_token_ends_with_its_time_its_session_and_its_user_at_once() {
    on_both(async |h| {
        let access = async |b: &Browser| {
            h.tokens(b).await["access_token"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        let browser = h.browser();
        let expired = access(&browser).await;
        h.pass(300);
        assert_eq!(h.userinfo(&expired).await.status, 401);
        let ended = access(&browser).await;
        assert_eq!(h.userinfo(&ended).await.status, 200);
        let session = h.store.sessions(Some(&h.alice)).await.unwrap().remove(0);
        assert!(
            h.store
                .end_session(&session.id, true, h.moment())
                .await
                .unwrap()
        );
        assert_eq!(h.userinfo(&ended).await.status, 401);
        let everywhere = access(&h.browser()).await;
        h.store.end_user(&h.alice, h.moment()).await.unwrap();
        assert_eq!(h.userinfo(&everywhere).await.status, 401);
        let deleted = access(&h.browser()).await;
        h.store
            .delete_user(&h.alice, None, LastAdministrator::Stays)
            .await
            .unwrap();
        assert_eq!(h.userinfo(&deleted).await.status, 401);
    });
}
