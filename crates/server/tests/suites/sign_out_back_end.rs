//! RP-Initiated Logout without a browser: what a client that authenticates may end.

use crate::{sign_out::*, support::*};

#[test]
fn a_client_that_authenticates_ends_the_session_that_its_id_token_names() {
    on_both(async |h| {
        let browser = h.browser();
        let tokens = h.tokens(&browser).await;
        let form = [("id_token_hint", hint(&tokens))];
        let refused = [
            (
                answer(
                    plain()
                        .post(h.at("/logout"))
                        .header("Authorization", basic("app", "wrong"))
                        .form(&form),
                )
                .await,
                401,
            ),
            (
                answer(
                    plain()
                        .post(h.at("/logout"))
                        .header("Authorization", basic("post", SECRET))
                        .form(&form),
                )
                .await,
                401,
            ),
            (
                h.post(
                    "/logout",
                    &[form[0], ("client_id", "app"), ("client_secret", "wrong")],
                )
                .await,
                401,
            ),
            (
                h.post(
                    "/logout",
                    &[form[0], ("client_id", "post"), ("client_secret", SECRET)],
                )
                .await,
                400,
            ),
            (h.post_as_app("/logout", &[]).await, 400),
            (
                h.post_as_app("/logout", &[("id_token_hint", "garbage")])
                    .await,
                400,
            ),
        ];
        for (answer, status) in refused {
            assert_eq!(answer.status, status, "{answer:?}");
            assert!(
                answer.json["error"].is_string() && answer.header("set-cookie").is_empty(),
                "{answer:?}"
            );
        }
        let secret = [form[0], ("client_id", "app"), ("client_secret", SECRET)];
        let in_address = answer(plain().get(h.at("/logout")).query(&secret)).await;
        assert!(
            asks(&in_address),
            "a secret does not belong into an address: {in_address:?}"
        );
        assert_eq!(
            h.userinfo(access(&tokens)).await.status,
            200,
            "nothing has ended yet"
        );
        let out = h.post_as_app("/logout", &form).await;
        assert!(
            out.status == 303 && out.header("location").ends_with("/logout/done"),
            "{out:?}"
        );
        assert_eq!(
            (
                h.userinfo(access(&tokens)).await.status,
                is_signed_in(&browser).await
            ),
            (401, false)
        );
        assert_eq!(
            h.post_as_app("/logout", &form).await.status,
            303,
            "a second time there is nothing left to do"
        );
    });
}

#[test]
fn a_back_end_may_sign_out_by_get_or_with_its_secret_in_the_form() {
    on_both(async |h| {
        let browser = h.browser();
        // As oauth2-proxy does, with user and password in the address it is given.
        let tokens = h.tokens(&browser).await;
        let request = plain()
            .get(h.at("/logout"))
            .query(&[("id_token_hint", hint(&tokens))]);
        assert_eq!(
            answer(request.header("Authorization", basic("app", SECRET)))
                .await
                .status,
            303
        );
        assert!(!is_signed_in(&browser).await);
        let code = h.code(&browser, &[("client_id", "post")]).await;
        let id = [("client_id", "post"), ("client_secret", SECRET)];
        let grant = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
        ];
        let tokens = h
            .post(
                "/token",
                &[&id[..], &grant, &[("code_verifier", VERIFIER)]].concat(),
            )
            .await
            .json;
        let out = h
            .post("/logout", &[id[0], id[1], ("id_token_hint", hint(&tokens))])
            .await;
        assert_eq!((out.status, is_signed_in(&browser).await), (303, false));
    });
}

#[test]
fn the_id_token_from_before_a_new_sign_in_of_the_same_user_still_names_the_session() {
    on_both(async |h| {
        let browser = h.browser();
        let earlier = h.tokens(&browser).await;
        for _ in 0..2 {
            browser.authorize(&[("prompt", "login")]).await;
        }
        let code = h.code(&browser, &[("prompt", "login")]).await;
        let later = h.exchange(&code).await.json;
        let sid = |tokens: &serde_json::Value| claims(&tokens["id_token"])["sid"].clone();
        assert_eq!(sid(&earlier), sid(&later), "the name stays");
        assert_eq!(
            h.userinfo(access(&earlier)).await.status,
            200,
            "its tokens go on"
        );
        assert_eq!(
            h.post_as_app("/logout", &[("id_token_hint", hint(&earlier))])
                .await
                .status,
            303
        );
        assert_eq!(
            (
                h.userinfo(access(&earlier)).await.status,
                is_signed_in(&browser).await
            ),
            (401, false)
        );
    });
}
