//! Several tabs, several users, time and failure: what a browser's session and sign-ins under way are bound to.

use latchkey_protocol::ClientId;
use serde_json::json;

use crate::support::*;

fn session_cookie(answer: &Answer) -> Option<String> {
    cookies(answer)
        .into_iter()
        .find(|c| c.contains("latchkey-session"))
}

fn browser_cookie(answer: &Answer) -> Option<String> {
    cookies(answer)
        .into_iter()
        .find(|c| c.contains("latchkey-browser"))
}

#[test]
fn consent_given_by_one_user_does_not_answer_for_another() {
    on_both(async |h| {
        let browser = h.browser();
        let (at, login) = browser.page(browser.begin(&[]).await).await;
        let (consent_at, consent) = browser.page(browser.login(&at, &login.text).await).await;
        let allowed = browser.decide(&consent_at, &consent.text, "allow").await;
        let resume = browser.location(&allowed);
        browser.act_as("bob", "bob password");
        browser
            .authorize(&[("client_id", "post"), ("prompt", "login")])
            .await;
        let next = browser.get(&resume).await;
        assert!(
            next.header("location").contains("/consent/"),
            "bob has allowed nothing: {next:?}"
        );
        let (at, shown) = browser.page(next).await;
        assert!(shown.text.contains("bob name"));
        let back = browser
            .follow(browser.decide(&at, &shown.text, "allow").await)
            .await;
        let tokens = h.exchange(&back["code"]).await.json;
        assert_ne!(claims(&tokens["id_token"])["sub"], h.alice.as_str());
    });
}

#[test]
fn continue_as_is_answered_by_the_user_it_names() {
    on_both(async |h| {
        let browser = h.browser();
        browser.authorize(&[]).await;
        let (at, page) = browser
            .page(browser.begin(&[("prompt", "select_account")]).await)
            .await;
        assert!(page.text.contains("alice name"));
        browser.act_as("bob", "bob password");
        browser.authorize(&[("prompt", "login")]).await;
        let csrf = field(&page.text, "csrf").unwrap();
        let go_on = [("csrf", csrf.as_str()), ("continue", "yes")];
        assert_eq!(
            browser.submit(&at, &go_on).await.status,
            403,
            "bob was not shown"
        );
        let plain = field(page.text.split("</form>").nth(1).unwrap(), "csrf").unwrap();
        assert_eq!(
            browser
                .submit(&at, &[("csrf", &plain), go_on[1]])
                .await
                .status,
            403,
            "nor by the other form's token"
        );
        let shown = browser.get(&at).await;
        assert!(shown.text.contains("bob name"));
        let csrf = field(&shown.text, "csrf").unwrap();
        assert!(
            browser
                .follow(browser.submit(&at, &[("csrf", &csrf), go_on[1]]).await)
                .await
                .contains_key("code")
        );
    });
}

#[test]
fn a_session_that_has_ended_decides_nothing() {
    on_both(async |h| {
        let browser = h.browser();
        let (at, login) = browser.page(browser.begin(&[]).await).await;
        let (consent_at, consent) = browser.page(browser.login(&at, &login.text).await).await;
        h.store.end_user(&h.alice, h.moment()).await.unwrap();
        for decision in ["deny", "allow"] {
            let (at, page) = browser
                .page(browser.decide(&consent_at, &consent.text, decision).await)
                .await;
            assert!(at.contains("/login/"), "{decision}: {page:?}");
        }
        assert!(
            h.store
                .consent(&h.alice, &ClientId::new("app"))
                .await
                .unwrap()
                .is_none()
        );
    });
}

#[test]
fn the_browsers_secret_is_renewed_at_sign_in_and_other_tabs_go_on() {
    on_both(async |h| {
        let browser = h.browser();
        let begun = browser.begin(&[]).await;
        let planted = browser_cookie(&begun).unwrap();
        let (at, page) = browser.page(begun).await;
        let (second_at, second) = browser
            .page(browser.begin(&[("client_id", "post")]).await)
            .await;
        let (third_at, _) = browser
            .page(browser.begin(&[("prompt", "login")]).await)
            .await;
        let signed_in = browser.login(&at, &page.text).await;
        let renewed = browser_cookie(&signed_in).unwrap();
        assert_ne!(planted.split(';').next(), renewed.split(';').next());
        assert!(
            browser.follow(signed_in).await.contains_key("code"),
            "the tab that signed in goes on"
        );
        // The form was open before.
        let other = browser.login(&second_at, &second.text).await;
        assert!(
            browser.follow(other).await.contains_key("code"),
            "and so does another"
        );
        let with = async |cookie: &str| {
            let cookie = cookie.split(';').next().unwrap();
            answer(plain().get(&third_at).header("Cookie", cookie))
                .await
                .status
        };
        assert_eq!(browser.get(&third_at).await.status, 200);
        assert_eq!(
            with(&renewed).await,
            200,
            "renewed once more since, a moment ago"
        );
        h.pass(300);
        assert_eq!(
            (with(&planted).await, with(&renewed).await),
            (400, 400),
            "what was known before counts no more"
        );
        assert_eq!(browser.get(&third_at).await.status, 200);
    });
}

#[test]
fn the_browsers_secret_is_renewed_at_sign_out_and_other_tabs_go_on() {
    on_both(async |h| {
        let browser = h.browser();
        for confirmed in [false, true] {
            let tokens = h.tokens(&browser).await;
            let (other_at, _) = browser
                .page(browser.begin(&[("prompt", "login")]).await)
                .await;
            let out = if confirmed {
                let page = browser.get(&h.at("/logout")).await;
                let csrf = field(&page.text, "csrf").unwrap();
                browser
                    .submit(
                        &h.at("/logout/confirm"),
                        &[("csrf", &csrf), ("decision", "sign-out")],
                    )
                    .await
            } else {
                let hint = tokens["id_token"].as_str().unwrap();
                answer(
                    browser
                        .http
                        .get(h.at("/logout"))
                        .query(&[("id_token_hint", hint)]),
                )
                .await
            };
            assert!(browser_cookie(&out).is_some(), "{out:?}");
            assert!(
                session_cookie(&out).unwrap().contains("Max-Age=0"),
                "{out:?}"
            );
            let shown = browser.get(&other_at).await;
            let back = browser
                .follow(browser.login(&other_at, &shown.text).await)
                .await;
            assert!(back.contains_key("code"), "{back:?}");
        }
    });
}

/// RFC 8252 8.6.
#[test]
fn a_public_client_on_the_users_device_gets_no_code_without_a_page() {
    on_both(async |h| {
        for redirect in ["http://127.0.0.1:51234/cb", "com.example.app:/cb"] {
            let browser = h.browser();
            let request = |scope: &'static str| {
                [
                    ("client_id", "native"),
                    ("redirect_uri", redirect),
                    ("scope", scope),
                ]
            };
            assert!(
                browser
                    .authorize(&request("openid"))
                    .await
                    .contains_key("code"),
                "a sign-in is enough"
            );
            let (at, page) = browser.page(browser.begin(&request("openid")).await).await;
            assert!(
                at.contains("/login/") && page.text.contains("id=\"continue\""),
                "{at}"
            );
            let csrf = field(&page.text, "csrf").unwrap();
            let back = browser
                .follow(
                    browser
                        .submit(&at, &[("csrf", &csrf), ("continue", "yes")])
                        .await,
                )
                .await;
            assert!(back.contains_key("code"));
            let silent = [&request("openid")[..], &[("prompt", "none")]].concat();
            assert_eq!(
                browser.authorize(&silent).await["error"],
                "interaction_required"
            );
            // Nobody is there later to see what a stranger's refresh token does: remembered or trusted is not enough.
            for _ in 0..2 {
                let (at, page) = browser
                    .page(browser.begin(&request("openid offline_access")).await)
                    .await;
                assert!(at.contains("/consent/"), "{at}");
                let back = browser
                    .follow(browser.decide(&at, &page.text, "allow").await)
                    .await;
                assert!(back.contains_key("code"));
            }
            let silent = [&request("openid offline_access")[..], &[("prompt", "none")]].concat();
            assert_eq!(
                browser.authorize(&silent).await["error"],
                "consent_required"
            );
        }
    });
}

#[test]
fn a_client_whose_address_proves_who_answers_is_not_asked_again() {
    on_both(async |h| {
        let uris = ["https://spa.example/cb", "http://127.0.0.1:3000/cb"];
        h.client(json!({ "client_id": "spa", "redirect_uris": uris, "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"] })).await;
        h.client(json!({ "client_id": "local", "client_secret": SECRET, "redirect_uris": uris, "grant_types": ["authorization_code", "refresh_token"] })).await;
        let browser = h.browser();
        for (client, redirect, silent) in [
            ("spa", uris[0], true),
            ("local", uris[1], true),
            ("spa", uris[1], false),
        ] {
            let request = [("client_id", client), ("redirect_uri", redirect)];
            browser.authorize(&request).await;
            let again = browser.begin(&request).await;
            assert_eq!(
                again.header("location").starts_with(redirect),
                silent,
                "{client} {redirect}: {again:?}"
            );
        }
    });
}

/// RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.1.
#[test]
fn our_own_fault_goes_back_to_the_app_once_its_address_is_proven() {
    on_both(async |h| {
        let browser = h.browser();
        browser.authorize(&[]).await;
        let (at, _) = browser
            .page(browser.begin(&[("prompt", "consent")]).await)
            .await;
        let resume = at.replace("/consent/", "/authorize/");
        for table in ["consents", "sessions"] {
            h.sql(&format!("ALTER TABLE {table} RENAME TO gone"));
            for extra in [&[("prompt", "none")][..], &[]] {
                let first = browser.begin(extra).await;
                assert_eq!(first.status, 303, "{table}: {first:?}");
                let back = browser.follow(first).await;
                assert_eq!(
                    (back["error"].as_str(), back["state"].as_str()),
                    ("server_error", "st&te/ =%"),
                    "{back:?}"
                );
                assert_eq!(back["iss"], h.issuer);
            }
            let resumed = browser.get(&resume).await;
            assert!(
                resumed.header("location").contains("error=server_error"),
                "{resumed:?}"
            );
            let unproven = browser
                .begin(&[
                    ("prompt", "none"),
                    ("redirect_uri", "https://evil.example/"),
                ])
                .await;
            assert_eq!((unproven.status, unproven.header("location")), (400, ""));
            h.sql(&format!("ALTER TABLE gone RENAME TO {table}"));
        }
        assert!(
            browser
                .authorize(&[("prompt", "none")])
                .await
                .contains_key("code"),
            "and works afterwards"
        );
    });
}
