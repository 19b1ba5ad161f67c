//! RFC 6749 2.3, 3.2, 4.1.3, 4.4, 5; RFC 7636 4.6; RFC 9068.

use crate::{rfc6749_authorize::futures, support::*};

#[test]
fn a_code_gives_an_rfc9068_access_token_an_id_token_and_a_refresh_token() {
    on_both(async |h| {
        let tokens = h.tokens(&h.browser()).await;
        assert_eq!(
            (tokens["token_type"].as_str(), tokens["expires_in"].as_i64()),
            (Some("Bearer"), Some(300))
        );
        assert_eq!(part(&tokens["access_token"], 0)["typ"], "at+jwt");
        let access = claims(&tokens["access_token"]);
        assert_eq!(access["iss"], h.issuer.as_str());
        assert_eq!(access["sub"], h.alice.as_str());
        assert_eq!(access["aud"], h.issuer.as_str());
        assert_eq!(access["client_id"], "app");
        assert_eq!(
            access["scope"],
            "openid profile email phone address offline_access"
        );
        assert_eq!(
            (access["iat"].as_i64(), access["exp"].as_i64()),
            (Some(h.now()), Some(h.now() + 300))
        );
        assert_eq!(access["auth_time"], h.now());
        assert!(
            access.get("roles").is_none() && access.get("groups").is_none(),
            "without their scopes"
        );
        assert_eq!(part(&tokens["refresh_token"], 0)["typ"], "rt+jwt");
        for token in ["access_token", "id_token", "refresh_token"] {
            assert_eq!(part(&tokens[token], 0)["alg"], "RS256");
        }
    });
}

#[test]
fn token_answers_are_not_stored_and_may_be_read_cross_origin() {
    on_both(async |h| {
        let good = h
            .post_as_app("/token", &[("grant_type", "client_credentials")])
            .await;
        let bad = h.post_as_app("/token", &[("grant_type", "what")]).await;
        for answer in [good, bad] {
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.header("access-control-allow-origin"), "*");
            assert!(
                answer
                    .header("content-type")
                    .starts_with("application/json")
            );
        }
        let preflight = answer(
            plain()
                .request(reqwest::Method::OPTIONS, h.at("/token"))
                .header("Origin", "https://spa.example"),
        )
        .await;
        assert_eq!(preflight.status, 204);
        assert!(
            preflight
                .header("access-control-allow-headers")
                .contains("Authorization")
        );
        assert_eq!(answer(plain().get(h.at("/token"))).await.status, 405);
    });
}

#[test]
fn what_cannot_be_read_is_refused_by_its_own_error() {
    on_both(async |h| {
        let as_app = |body: &'static str, kind: &'static str| {
            answer(
                plain()
                    .post(h.at("/token"))
                    .header("Authorization", basic("app", SECRET))
                    .header("Content-Type", kind)
                    .body(body),
            )
        };
        let form = "application/x-www-form-urlencoded";
        assert_eq!(
            as_app("grant_type=client_credentials", "application/json")
                .await
                .error(),
            "invalid_request"
        );
        assert_eq!(
            as_app(
                "grant_type=client_credentials&grant_type=client_credentials",
                form
            )
            .await
            .error(),
            "invalid_request"
        );
        assert_eq!(as_app("", form).await.error(), "invalid_request");
        assert_eq!(
            as_app("grant_type=password&username=a&password=b", form)
                .await
                .error(),
            "unsupported_grant_type"
        );
        assert_eq!(
            as_app("grant_type=authorization_code", form).await.error(),
            "invalid_request"
        );
        assert_eq!(
            as_app("grant_type=refresh_token", form).await.error(),
            "invalid_request"
        );
        assert_eq!(
            as_app("grant_type=refresh_token&refresh_token=garbage", form)
                .await
                .error(),
            "invalid_grant"
        );
        let big = "x=".to_owned() + &"y".repeat(200_000);
        let large = answer(
            plain()
                .post(h.at("/token"))
                .header("Content-Type", form)
                .body(big),
        )
        .await;
        assert_eq!(large.status, 413);
    });
}

#[test]
fn client_credentials_have_no_refresh_token_no_id_token_and_the_client_as_subject() {
    on_both(async |h| {
        let answer = h
            .post_as_app(
                "/token",
                &[
                    ("grant_type", "client_credentials"),
                    ("scope", "profile openid offline_access"),
                ],
            )
            .await;
        assert_eq!(answer.status, 200);
        assert!(
            answer.json.get("refresh_token").is_none() && answer.json.get("id_token").is_none()
        );
        let access = claims(&answer.json["access_token"]);
        assert_eq!(
            (access["sub"].as_str(), access["scope"].as_str()),
            (Some("app"), Some("profile"))
        );
        assert!(access.get("auth_time").is_none() && access.get("sid").is_none());
        let unknown = h
            .post_as_app(
                "/token",
                &[("grant_type", "client_credentials"), ("scope", "root")],
            )
            .await;
        assert_eq!(unknown.error(), "invalid_scope");
    });
}

#[test]
fn a_code_is_bound_to_client_redirect_uri_and_verifier_with_one_sentence_for_all() {
    on_both(async |h| {
        let browser = h.browser();
        let mut sentences = Vec::new();
        let base = [
            ("grant_type", "authorization_code"),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let changes: [&[(&str, &str)]; 6] = [
            &[("redirect_uri", "https://app.example/other")],
            &[("redirect_uri", "")],
            &[("code_verifier", "")],
            &[(
                "code_verifier",
                "wrongwrongwrongwrongwrongwrongwrongwrongwrong",
            )],
            &[("code_verifier", "short")],
            &[(
                "code",
                "lk_code_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            )],
        ];
        for change in changes {
            let code = h.code(&browser, &[]).await;
            let mut form = base.to_vec();
            form.push(("code", &code));
            form.retain(|(name, _)| !change.iter().any(|(changed, _)| changed == name));
            form.extend(change.iter().filter(|(_, value)| !value.is_empty()));
            let answer = h.post_as_app("/token", &form).await;
            assert_eq!(
                (answer.status, answer.error()),
                (400, "invalid_grant"),
                "{change:?}"
            );
            sentences.push(answer.json["error_description"].clone());
        }
        let code = h.code(&browser, &[]).await;
        let other = h
            .post(
                "/token",
                &[
                    base[0],
                    base[1],
                    base[2],
                    ("code", &code),
                    ("client_id", "post"),
                    ("client_secret", SECRET),
                ],
            )
            .await;
        assert_eq!(other.error(), "invalid_grant");
        sentences.push(other.json["error_description"].clone());
        assert!(sentences.iter().all(|s| *s == sentences[0]));
        assert_eq!(
            h.exchange(&code).await.status,
            200,
            "another client's try spends nothing"
        );
        let without = h
            .code(
                &browser,
                &[("code_challenge", ""), ("code_challenge_method", "")],
            )
            .await;
        assert_eq!(
            h.exchange(&without).await.error(),
            "invalid_grant",
            "a verifier without a challenge"
        );
    });
}

#[test]
fn a_code_lives_sixty_seconds() {
    on_both(async |h| {
        let browser = h.browser();
        let (early, late) = (h.code(&browser, &[]).await, h.code(&browser, &[]).await);
        h.pass(59);
        assert_eq!(h.exchange(&early).await.status, 200);
        h.pass(1);
        assert_eq!(h.exchange(&late).await.error(), "invalid_grant");
    });
}

#[test]
fn a_second_use_of_a_code_revokes_all_that_the_first_gave() {
    on_both(async |h| {
        let code = h.code(&h.browser(), &[]).await;
        let tokens = h.exchange(&code).await.json;
        let access = tokens["access_token"].as_str().unwrap();
        assert_eq!(h.userinfo(access).await.status, 200);
        h.pass(200);
        assert_eq!(h.exchange(&code).await.error(), "invalid_grant");
        assert_eq!(h.userinfo(access).await.status, 401);
        assert_eq!(
            h.refresh(tokens["refresh_token"].as_str().unwrap())
                .await
                .error(),
            "invalid_grant"
        );
    });
}

#[test]
fn of_racing_exchanges_one_wins_at_most() {
    on_both(async |h| {
        let code = h.code(&h.browser(), &[]).await;
        let answers = futures((0..12).map(|_| h.exchange(&code)).collect()).await;
        let won = answers.iter().filter(|a| a.status == 200).count();
        assert_eq!(
            won,
            1,
            "{:?}",
            answers.iter().map(|a| a.status).collect::<Vec<_>>()
        );
        assert!(
            answers
                .iter()
                .all(|a| a.status == 200 || a.error() == "invalid_grant")
        );
    });
}
