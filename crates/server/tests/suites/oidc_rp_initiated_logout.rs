//! OpenID Connect RP-Initiated Logout 1.0.

use crate::support::*;

async fn logout(h: &Harness, browser: &Browser, params: &[(&str, &str)]) -> Answer {
    answer(browser.http.get(h.at("/logout")).query(params)).await
}

const BYE: &str = "https://app.example/bye?x=1";

#[test]
fn a_valid_hint_signs_out_and_returns_with_state() {
    on_both(async |h| {
        let browser = h.browser();
        let tokens = h.tokens(&browser).await;
        h.pass(4000);
        let hint = tokens["id_token"].as_str().unwrap();
        let answer = logout(
            &h,
            &browser,
            &[
                ("id_token_hint", hint),
                ("post_logout_redirect_uri", BYE),
                ("state", "a b&c=%"),
            ],
        )
        .await;
        assert_eq!(
            answer.header("location"),
            "https://app.example/bye?x=1&state=a%20b%26c%3D%25"
        );
        assert_eq!(
            browser.authorize(&[("prompt", "none")]).await["error"],
            "login_required"
        );
    });
}

#[test]
fn the_session_tokens_end_and_offline_access_goes_on() {
    on_both(async |h| {
        let browser = h.browser();
        let code = h.code(&browser, &[("scope", "openid")]).await;
        let online = h.exchange(&code).await.json;
        let offline = h.tokens(&browser).await;
        logout(
            &h,
            &browser,
            &[("id_token_hint", offline["id_token"].as_str().unwrap())],
        )
        .await;
        for tokens in [&online, &offline] {
            assert_eq!(
                h.userinfo(tokens["access_token"].as_str().unwrap())
                    .await
                    .status,
                401
            );
        }
        let renewed = h.refresh(offline["refresh_token"].as_str().unwrap()).await;
        assert_eq!(
            h.userinfo(renewed.json["access_token"].as_str().unwrap())
                .await
                .status,
            200
        );
    });
}

#[test]
fn without_a_hint_the_user_is_asked_first() {
    on_both(async |h| {
        let browser = h.browser();
        browser.authorize(&[]).await;
        let page = logout(
            &h,
            &browser,
            &[
                ("client_id", "app"),
                ("post_logout_redirect_uri", BYE),
                ("state", "s"),
            ],
        )
        .await;
        assert!(
            page.text.contains("id=\"sign-out\"") && page.text.contains("id=\"stay\""),
            "{page:?}"
        );
        assert!(
            browser
                .authorize(&[("prompt", "none")])
                .await
                .contains_key("code"),
            "nothing happened yet"
        );
        let forged = browser
            .submit(
                &h.at("/logout/confirm"),
                &[("csrf", "x"), ("decision", "sign-out")],
            )
            .await;
        assert_eq!(forged.status, 403);
        let csrf = field(&page.text, "csrf").unwrap();
        let stay = browser
            .submit(
                &h.at("/logout/confirm"),
                &[("csrf", &csrf), ("decision", "stay")],
            )
            .await;
        assert_eq!(stay.status, 303);
        assert!(
            browser
                .authorize(&[("prompt", "none")])
                .await
                .contains_key("code")
        );
        let out = browser
            .submit(
                &h.at("/logout/confirm"),
                &[
                    ("csrf", &csrf),
                    ("decision", "sign-out"),
                    ("client_id", "app"),
                    ("post_logout_redirect_uri", BYE),
                    ("state", "s"),
                ],
            )
            .await;
        assert_eq!(
            out.header("location"),
            "https://app.example/bye?x=1&state=s"
        );
        assert_eq!(
            browser.authorize(&[("prompt", "none")]).await["error"],
            "login_required"
        );
    });
}

#[test]
fn no_redirect_to_what_is_not_registered() {
    on_both(async |h| {
        let browser = h.browser();
        for uri in [
            "https://evil.example/",
            "https://app.example/bye",
            "https://app.example/bye?x=1&y",
        ] {
            let tokens = h.tokens(&browser).await;
            let out = logout(
                &h,
                &browser,
                &[
                    ("id_token_hint", tokens["id_token"].as_str().unwrap()),
                    ("post_logout_redirect_uri", uri),
                ],
            )
            .await;
            let (at, page) = browser.page(out).await;
            assert!(
                at.contains("/logout/done?refused=") && page.text.contains("id=\"signed-out\""),
                "{uri}"
            );
        }
    });
}

#[test]
fn a_forged_or_foreign_hint_does_not_sign_out() {
    on_both(async |h| {
        let (browser, bob) = (h.browser(), h.browser());
        bob.act_as("bob", "bob password");
        let theirs = h.tokens(&bob).await["id_token"]
            .as_str()
            .unwrap()
            .to_owned();
        browser.authorize(&[]).await;
        for hint in ["garbage", &theirs] {
            let page = logout(&h, &browser, &[("id_token_hint", hint)]).await;
            assert!(page.text.contains("id=\"sign-out\""), "{hint}");
        }
        let mixed = logout(
            &h,
            &browser,
            &[("id_token_hint", &theirs), ("client_id", "post")],
        )
        .await;
        assert_eq!(mixed.status, 400);
        assert!(
            browser
                .authorize(&[("prompt", "none")])
                .await
                .contains_key("code")
        );
    });
}
