//! What no endpoint takes, whatever the database: text that is no percent-encoded UTF-8, or holds a NUL.

use crate::support::*;

const BAD: [&str; 4] = ["%00", "a%00b", "%FF", "%"];

/// A refusal, and not our own fault: nothing of it reached a database.
fn is_refused(answer: &Answer, what: &str) {
    let error = answer.header("location").contains("error=invalid_request")
        || answer.error() == "invalid_request"
        || answer.text.contains("data-error=\"invalid_request\"");
    assert!(error && answer.status < 500, "{what}: {answer:?}");
}

#[test]
fn nul_and_invalid_utf8_in_parameters_are_refused_at_every_endpoint() {
    on_both(async |h| {
        let good = |without: &str| {
            let all = Browser::request(&[]);
            url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(all.into_iter().filter(|(name, _)| *name != without))
                .finish()
        };
        let form = |path: &str, body: String| {
            let request = plain()
                .post(h.at(path))
                .header("Content-Type", "application/x-www-form-urlencoded");
            answer(request.body(body))
        };
        for bad in BAD {
            for name in [
                "client_id",
                "redirect_uri",
                "state",
                "nonce",
                "scope",
                "login_hint",
                "ui_locales",
                "unknown",
            ] {
                let query = format!("{}&{name}={bad}", good(name));
                let what = format!("{name}={bad}");
                is_refused(
                    &answer(plain().get(format!("{}?{query}", h.at("/authorize")))).await,
                    &what,
                );
                is_refused(&form("/authorize", query).await, &what);
            }
            for (path, rest) in [
                ("/token", "grant_type=authorization_code&client_secret=x"),
                ("/introspect", "token=x&client_secret=x"),
                ("/revoke", "token=x&client_secret=x"),
            ] {
                is_refused(&form(path, format!("{rest}&client_id={bad}")).await, path);
                is_refused(
                    &form(path, format!("{rest}&client_id=app&code={bad}")).await,
                    path,
                );
            }
            is_refused(
                &form("/userinfo", format!("access_token={bad}")).await,
                "userinfo",
            );
            for name in [
                "client_id",
                "state",
                "id_token_hint",
                "post_logout_redirect_uri",
            ] {
                is_refused(
                    &answer(plain().get(format!("{}?{name}={bad}", h.at("/logout")))).await,
                    name,
                );
                is_refused(&form("/logout", format!("{name}={bad}")).await, name);
            }
            is_refused(
                &form("/logout/confirm", format!("client_id={bad}")).await,
                "confirm",
            );
            for page in ["/authorize", "/login", "/consent", "/assets", ""] {
                let found = answer(plain().get(h.at(&format!("{page}/{bad}")))).await;
                assert!(
                    (400..500).contains(&found.status),
                    "{page}/{bad}: {found:?}"
                );
            }
        }
    });
}

#[test]
fn nul_and_invalid_utf8_in_credentials_cookies_and_forms_are_refused() {
    on_both(async |h| {
        use base64::{Engine, engine::general_purpose::STANDARD};
        for raw in [
            &b"%00:x"[..],
            b"\0:x",
            b"app:%FF",
            b"app:\xff",
            b"a%00pp:x",
            b"app:x%00",
        ] {
            let header = format!("Basic {}", STANDARD.encode(raw));
            let form = [("grant_type", "client_credentials")];
            let refused = answer(
                plain()
                    .post(h.at("/token"))
                    .header("Authorization", header)
                    .form(&form),
            )
            .await;
            assert_eq!(
                (refused.status, refused.error()),
                (401, "invalid_client"),
                "{raw:?}"
            );
        }
        for cookie in [
            "latchkey-session=%00",
            "latchkey-browser=%FF; latchkey-session=%FF",
        ] {
            let query = Browser::request(&[("prompt", "none")]);
            let silent = answer(
                plain()
                    .get(h.at("/authorize"))
                    .header("Cookie", cookie)
                    .query(&query),
            )
            .await;
            assert!(
                silent.header("location").contains("error=login_required"),
                "{silent:?}"
            );
        }
        let browser = h.browser();
        let (at, page) = browser.page(browser.begin(&[]).await).await;
        let csrf = field(&page.text, "csrf").unwrap();
        for body in [
            format!("csrf={csrf}&username=%00&password=x"),
            format!("csrf={csrf}&username=alice&password=%FF"),
        ] {
            let form = browser
                .http
                .post(&at)
                .header("Content-Type", "application/x-www-form-urlencoded");
            is_refused(&answer(form.body(body.clone())).await, &body);
        }
        // The sign-in is as it was.
        assert!(
            browser
                .follow(browser.login(&at, &page.text).await)
                .await
                .contains_key("code")
        );
    });
}
