//! What users meet: sign-in, sessions, forms, headers.

use crate::support::*;

#[test]
fn every_page_has_a_strict_policy_and_no_inline_script_or_style() {
    on_both(async |h| {
        let browser = h.browser();
        let (_, login) = browser.page(browser.begin(&[]).await).await;
        let mut pages = vec![
            login,
            browser.get(&h.at("/")).await,
            browser.get(&h.at("/nothing/here")).await,
            browser.get(&h.at("/logout")).await,
            browser.get(&h.at("/logout/done")).await,
        ];
        browser.authorize(&[]).await;
        pages.push(
            browser
                .page(browser.begin(&[("prompt", "consent")]).await)
                .await
                .1,
        );
        for page in &pages {
            let policy = page.header("content-security-policy");
            assert!(
                policy.contains("default-src 'none'")
                    && policy.contains("frame-ancestors 'none'")
                    && !policy.contains("unsafe"),
                "{policy}"
            );
            assert!(
                !page.text.contains("<script>")
                    && !page.text.contains("style=\"")
                    && !page.text.contains("onclick")
            );
            assert_eq!(page.header("cache-control"), "no-store");
            assert_eq!(page.header("x-content-type-options"), "nosniff");
        }
        assert_eq!(pages[2].status, 404);
    });
}

#[test]
fn a_wrong_name_and_a_wrong_password_look_the_same() {
    on_both(async |h| {
        let browser = h.browser();
        let mut looks = Vec::new();
        for (user, password) in [
            ("alice", "wrong"),
            ("alicf", "wrong"),
            ("alice", ""),
            ("ALICE ", "Alice password"),
        ] {
            browser.act_as(user, password);
            let (at, page) = browser.page(browser.begin(&[]).await).await;
            let answer = browser.login(&at, &page.text).await;
            assert_eq!(answer.status, 401);
            assert!(answer.text.contains("id=\"login-error\""));
            let csrf = field(&answer.text, "csrf").unwrap();
            looks.push(answer.text.replace(user.trim(), "").replace(&csrf, ""));
        }
        assert!(looks.iter().all(|l| *l == looks[0]), "{looks:#?}");
        browser.act_as(" Alice ", "alice password");
        assert!(
            browser.authorize(&[]).await.contains_key("code"),
            "names are not case sensitive"
        );
    });
}

#[test]
fn a_form_without_its_token_is_refused() {
    on_both(async |h| {
        let browser = h.browser();
        let (at, page) = browser.page(browser.begin(&[]).await).await;
        let csrf = field(&page.text, "csrf").unwrap();
        for token in ["", "wrong", &csrf[1..]] {
            let answer = browser
                .submit(
                    &at,
                    &[
                        ("csrf", token),
                        ("username", "alice"),
                        ("password", "alice password"),
                    ],
                )
                .await;
            assert_eq!(answer.status, 403, "{token}");
        }
        let (other, _) = browser.page(browser.begin(&[]).await).await;
        let moved = browser
            .submit(
                &other,
                &[
                    ("csrf", &csrf),
                    ("username", "alice"),
                    ("password", "alice password"),
                ],
            )
            .await;
        assert_eq!(moved.status, 403, "a token belongs to its page");
    });
}

#[test]
fn failed_sign_ins_are_throttled_and_time_heals() {
    on_both(async |h| {
        let browser = h.browser();
        browser.act_as("alice", "wrong");
        let (at, page) = browser.page(browser.begin(&[]).await).await;
        for _ in 0..9 {
            assert_eq!(browser.login(&at, &page.text).await.status, 401);
        }
        browser.act_as("alice", "alice password");
        assert_eq!(browser.login(&at, &page.text).await.status, 303);
        browser.act_as("alice", "wrong");
        for _ in 0..10 {
            assert_eq!(
                browser.login(&at, &page.text).await.status,
                401,
                "what worked clears what failed"
            );
        }
        browser.act_as("alice", "alice password");
        let refused = browser.login(&at, &page.text).await;
        assert_eq!(
            (refused.status, refused.header("retry-after")),
            (429, "600")
        );
        h.pass(600);
        assert_eq!(browser.login(&at, &page.text).await.status, 303);
    });
}

#[test]
fn sessions_last_as_the_settings_say_and_get_a_new_secret_at_each_sign_in() {
    on_both(async |h| {
        let browser = h.browser();
        let (at, page) = browser
            .page(browser.begin(&[("client_id", "post")]).await)
            .await;
        let csrf = field(&page.text, "csrf").unwrap();
        let form = [
            ("csrf", csrf.as_str()),
            ("username", "alice"),
            ("password", "alice password"),
        ];
        let short = browser.submit(&at, &form).await;
        let cookie = short.header("set-cookie").to_owned();
        assert!(
            cookie.contains("HttpOnly")
                && cookie.contains("SameSite=Lax")
                && !cookie.contains("Max-Age"),
            "{cookie}"
        );
        let again = browser
            .submit(&at, &[form[0], form[1], form[2], ("remember-me", "on")])
            .await;
        assert!(
            again.header("set-cookie").contains("Max-Age=2592000"),
            "{again:?}"
        );
        assert_ne!(
            cookie.split(';').next(),
            again.header("set-cookie").split(';').next()
        );
        assert_eq!(
            h.store.sessions(Some(&h.alice)).await.unwrap().len(),
            1,
            "the old one is gone"
        );
        h.pass(86_400);
        assert!(
            browser
                .authorize(&[("client_id", "post"), ("prompt", "none")])
                .await
                .contains_key("code")
        );
        h.pass(30 * 86_400);
        assert_eq!(
            browser
                .authorize(&[("client_id", "post"), ("prompt", "none")])
                .await["error"],
            "login_required"
        );
    });
}

#[test]
fn an_interaction_expires() {
    on_both(async |h| {
        let browser = h.browser();
        let (at, _) = browser.page(browser.begin(&[]).await).await;
        h.pass(3600);
        let late = browser.get(&at).await;
        assert!(late.status == 400 && late.text.contains("error-page"));
        assert!(h.store.sweep(h.moment(), 100).await.unwrap() > 0);
    });
}

#[test]
fn garbage_at_any_address_is_a_client_error() {
    on_both(async |h| {
        let addresses = [
            "/authorize?%ff%fe",
            "/authorize/x",
            "/authorize/%00",
            "/login/x",
            "/consent/../../etc",
            "/logout?id_token_hint=%ff",
            "/assets/../Cargo.toml",
            "/%2e%2e/",
            "/userinfo/x",
            "/?a=%zz",
        ];
        for address in addresses {
            for method in [
                reqwest::Method::GET,
                reqwest::Method::POST,
                reqwest::Method::DELETE,
            ] {
                let answer = answer(
                    plain()
                        .request(method.clone(), h.at(address))
                        .body("\u{0}%ff=&&&=&a=%"),
                )
                .await;
                assert!(answer.status < 500, "{method} {address} {}", answer.status);
            }
        }
    });
}

#[test]
fn consent_is_given_by_the_user_whom_the_page_names() {
    on_both(async |h| {
        let browser = h.browser();
        let (at, login) = browser.page(browser.begin(&[]).await).await;
        let (consent_at, consent) = browser.page(browser.login(&at, &login.text).await).await;
        assert!(consent.text.contains("alice name"));
        browser.act_as("bob", "bob password");
        browser
            .authorize(&[("client_id", "post"), ("prompt", "login")])
            .await;
        let refused = browser.decide(&consent_at, &consent.text, "allow").await;
        assert_eq!(refused.status, 403, "bob has not seen it");
        let (_, shown) = browser.page(browser.get(&consent_at).await).await;
        assert!(shown.text.contains("bob name"), "{}", shown.text);
    });
}

/// Nobody is asked before they have signed in anew: what they would allow is of the session that is judged.
#[test]
fn the_consent_page_asks_only_where_consent_is_what_comes_next() {
    on_both(async |h| {
        let browser = h.browser();
        browser.authorize(&[]).await;
        let begun = browser.begin(&[("prompt", "login consent")]).await;
        let (login_at, login) = browser.page(begun).await;
        let consent_at = login_at.replace("/login/", "/consent/");
        let (shown_at, _) = browser.page(browser.get(&consent_at).await).await;
        assert_eq!(shown_at, login_at);
        let signed_in = browser.login(&login_at, &login.text).await;
        let (shown_at, consent) = browser.page(signed_in).await;
        assert_eq!(shown_at, consent_at);
        let allowed = browser.decide(&consent_at, &consent.text, "allow").await;
        assert!(browser.follow(allowed).await.contains_key("code"));
    });
}
