//! RFC 6749 6, RFC 9700 4.14, and our rules of rotation.

use latchkey_protocol::store::LastAdministrator;

use crate::{rfc6749_authorize::futures, support::*};

fn refresh_token(answer: &Answer) -> String {
    answer.json["refresh_token"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer:?}"))
        .to_owned()
}

#[test]
fn each_use_gives_a_successor_and_a_later_id_token_of_the_same_sign_in() {
    on_both(async |h| {
        let first = h.tokens(&h.browser()).await;
        h.pass(60);
        let second = h.refresh(first["refresh_token"].as_str().unwrap()).await;
        assert_eq!(second.status, 200, "{second:?}");
        assert_ne!(second.json["refresh_token"], first["refresh_token"]);
        let (old, new) = (claims(&first["id_token"]), claims(&second.json["id_token"]));
        for claim in ["iss", "sub", "aud", "auth_time", "sid"] {
            assert_eq!(old[claim], new[claim], "{claim}");
        }
        assert!(new["iat"].as_i64() > old["iat"].as_i64());
        assert_eq!(
            h.userinfo(second.json["access_token"].as_str().unwrap())
                .await
                .status,
            200
        );
    });
}

#[test]
fn a_lost_answer_gets_the_very_same_successor_within_the_window() {
    on_both(async |h| {
        let parent = h.tokens(&h.browser()).await["refresh_token"]
            .as_str()
            .unwrap()
            .to_owned();
        let first = refresh_token(&h.refresh(&parent).await);
        h.pass(30);
        let again = refresh_token(&h.refresh(&parent).await);
        assert_eq!(first, again);
        assert_eq!(h.refresh(&again).await.status, 200);
    });
}

#[test]
fn two_tabs_that_race_get_the_same_successor() {
    on_both(async |h| {
        let parent = h.tokens(&h.browser()).await["refresh_token"]
            .as_str()
            .unwrap()
            .to_owned();
        let answers = futures((0..12).map(|_| h.refresh(&parent)).collect()).await;
        let first = refresh_token(&answers[0]);
        for answer in &answers {
            assert_eq!(refresh_token(answer), first);
        }
        assert_eq!(h.refresh(&first).await.status, 200);
    });
}

#[test]
fn after_the_window_a_replay_revokes_the_family() {
    on_both(async |h| {
        let tokens = h.tokens(&h.browser()).await;
        let parent = tokens["refresh_token"].as_str().unwrap();
        let successor = h.refresh(parent).await;
        h.pass(31);
        assert_eq!(h.refresh(parent).await.error(), "invalid_grant");
        assert_eq!(
            h.refresh(&refresh_token(&successor)).await.error(),
            "invalid_grant"
        );
        assert_eq!(
            h.userinfo(successor.json["access_token"].as_str().unwrap())
                .await
                .status,
            401
        );
    });
}

#[test]
fn a_clock_that_is_set_back_opens_no_window_again_and_stops_no_honest_refresh() {
    on_both(async |h| {
        h.pass(86_400);
        let parent = h.tokens(&h.browser()).await["refresh_token"]
            .as_str()
            .unwrap()
            .to_owned();
        let successor = refresh_token(&h.refresh(&parent).await);
        h.pass(-60);
        assert_eq!(
            refresh_token(&h.refresh(&parent).await),
            successor,
            "another node's clock"
        );
        h.pass(-7140);
        assert_eq!(h.refresh(&parent).await.error(), "invalid_grant");
        let next = h.refresh(&successor).await;
        assert_eq!(next.status, 200, "nothing was revoked: {next:?}");
        assert_eq!(h.refresh(&refresh_token(&next)).await.status, 200);
    });
}

#[test]
fn once_the_successor_is_used_the_grandparent_revokes_the_family_even_within_the_window() {
    on_both(async |h| {
        let tokens = h.tokens(&h.browser()).await;
        let grandparent = tokens["refresh_token"].as_str().unwrap();
        let parent = refresh_token(&h.refresh(grandparent).await);
        let child = refresh_token(&h.refresh(&parent).await);
        assert_eq!(h.refresh(grandparent).await.error(), "invalid_grant");
        assert_eq!(h.refresh(&child).await.error(), "invalid_grant");
    });
}

#[test]
fn another_client_cannot_use_it_and_spoils_nothing() {
    on_both(async |h| {
        let token = h.tokens(&h.browser()).await["refresh_token"]
            .as_str()
            .unwrap()
            .to_owned();
        let theirs = h
            .post(
                "/token",
                &[
                    ("grant_type", "refresh_token"),
                    ("refresh_token", &token),
                    ("client_id", "post"),
                    ("client_secret", SECRET),
                ],
            )
            .await;
        assert_eq!(theirs.error(), "invalid_grant");
        assert_eq!(h.refresh(&token).await.status, 200);
    });
}

#[test]
fn less_scope_may_be_asked_for_and_more_may_not() {
    on_both(async |h| {
        let token = h.tokens(&h.browser()).await["refresh_token"]
            .as_str()
            .unwrap()
            .to_owned();
        let ask = |token: String, scope: &'static str| {
            let h = &h;
            async move {
                h.post_as_app(
                    "/token",
                    &[
                        ("grant_type", "refresh_token"),
                        ("refresh_token", &token),
                        ("scope", scope),
                    ],
                )
                .await
            }
        };
        assert_eq!(
            ask(token.clone(), "openid admin").await.error(),
            "invalid_scope"
        );
        let less = ask(token, "openid email").await;
        assert_eq!(less.json["scope"], "openid email");
        let full = h.refresh(&refresh_token(&less)).await;
        assert_eq!(
            full.json["scope"],
            "openid profile email phone address offline_access"
        );
    });
}

#[test]
fn the_scope_of_the_authorization_request_may_be_sent_again_with_what_was_ignored_there() {
    on_both(async |h| {
        h.client(serde_json::json!({
            "client_id": "authlib", "client_secret": SECRET, "redirect_uris": [CALLBACK], "trusted": true,
            "scope": "openid email profile offline_access", "grant_types": ["authorization_code", "refresh_token"],
        }))
        .await;
        let client = [("client_id", "authlib"), ("client_secret", SECRET)];
        let asked = "openid email unknown.scope offline_access https://api.example/read";
        let code = h.code(&h.browser(), &[client[0], ("scope", asked)]).await;
        let exchange = [
            client[0],
            client[1],
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let first = h.post("/token", &exchange).await;
        assert_eq!(
            first.json["scope"], "openid email offline_access",
            "{first:?}"
        );
        let refresh = async |token: &str, scope: &str| {
            let form = [
                client[0],
                client[1],
                ("grant_type", "refresh_token"),
                ("refresh_token", token),
                ("scope", scope),
            ];
            h.post("/token", &form).await
        };
        let again = refresh(&refresh_token(&first), asked).await;
        assert_eq!(
            (again.status, &again.json["scope"]),
            (200, &first.json["scope"]),
            "{again:?}"
        );
        assert_eq!(
            claims(&again.json["access_token"])["scope"],
            first.json["scope"]
        );
        let token = refresh_token(&again);
        assert_eq!(
            refresh(&token, "openid email profile").await.error(),
            "invalid_scope",
            "it could have been granted"
        );
        assert_eq!(
            refresh(&token, "openid another").await.error(),
            "invalid_scope",
            "nobody asked for it"
        );
        assert_eq!(
            refresh(&token, "unknown.scope").await.error(),
            "invalid_scope",
            "nothing is left"
        );
        assert_eq!(
            refresh(&token, "openid unknown.scope").await.json["scope"],
            "openid"
        );
    });
}

#[test]
fn the_idle_and_the_absolute_lifetime_end_the_family() {
    on_both(async |h| {
        let browser = h.browser();
        let idle = h.tokens(&browser).await["refresh_token"]
            .as_str()
            .unwrap()
            .to_owned();
        h.pass(14 * 86_400);
        assert_eq!(h.refresh(&idle).await.error(), "invalid_grant");
        let mut token = h.tokens(&h.browser()).await["refresh_token"]
            .as_str()
            .unwrap()
            .to_owned();
        let end = h.now() + 30 * 86_400;
        for _ in 0..2 {
            h.pass(13 * 86_400);
            token = refresh_token(&h.refresh(&token).await);
        }
        assert_eq!(
            claims(&token.clone().into())["exp"],
            end,
            "the last idle time is cut short by the absolute end"
        );
        h.pass(4 * 86_400);
        assert_eq!(h.refresh(&token).await.error(), "invalid_grant");
    });
}

#[test]
fn no_refresh_token_without_offline_access() {
    on_both(async |h| {
        let code = h.code(&h.browser(), &[("scope", "openid")]).await;
        assert!(h.exchange(&code).await.json.get("refresh_token").is_none());
    });
}

#[test]
fn a_disabled_user_cannot_refresh() {
    on_both(async |h| {
        let tokens = h.tokens(&h.browser()).await;
        h.store
            .disable_user(&h.alice, None, LastAdministrator::Stays, h.moment())
            .await
            .unwrap();
        assert_eq!(
            h.refresh(tokens["refresh_token"].as_str().unwrap())
                .await
                .error(),
            "invalid_grant"
        );
        assert_eq!(
            h.userinfo(tokens["access_token"].as_str().unwrap())
                .await
                .status,
            401
        );
    });
}

/// Neither the secret of a refresh token nor a code nor a session can be read from the database.
#[test]
fn the_database_holds_no_secret() {
    on(Kind::Sqlite, &[], &async |h: Harness| {
        let code = h.code(&h.browser(), &[]).await;
        let tokens = h.exchange(&code).await.json;
        // A refusal at an interaction's address is kept without the address.
        let mine = h.browser();
        let at = mine.location(&mine.begin(&[]).await);
        for page in [
            at.replace("/login/", "/authorize/"),
            at.clone(),
            format!("{at}/more"),
        ] {
            assert!(h.browser().get(&page).await.text.contains("error-ref"));
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(300)).await;
        let secret = claims(&tokens["refresh_token"])["jti"]
            .as_str()
            .unwrap()
            .to_owned();
        let folder = h.keys_dir().parent().unwrap().to_path_buf();
        let mut all = Vec::new();
        for file in ["db", "db-wal"] {
            all.extend(std::fs::read(folder.join(file)).unwrap());
        }
        let holds = |needle: &str| all.windows(needle.len()).any(|w| w == needle.as_bytes());
        assert!(holds("alice@example.org"), "the needle can be found at all");
        for secret in [
            secret.as_str(),
            code.as_str(),
            SECRET,
            "alice password",
            "lk_session_",
            "lk_interaction_",
            "PRIVATE KEY",
        ] {
            assert!(!holds(secret), "{secret}");
        }
    });
}
