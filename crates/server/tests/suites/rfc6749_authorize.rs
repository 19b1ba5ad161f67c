//! RFC 6749 4.1.1, 4.1.2; RFC 9207; RFC 9700 2.1; RFC 7636 at the authorization endpoint.

use crate::support::*;

/// Errors that must stay here, because nothing proves where to send the browser.
#[test]
fn what_has_no_proven_destination_is_an_error_page_and_never_a_redirect() {
    on_both(async |h| {
        let cases: [&[(&str, &str)]; 9] = [
            &[("client_id", "nobody")],
            &[("client_id", "")],
            &[("redirect_uri", "https://evil.example/")],
            &[("redirect_uri", "https://app.example/callback")],
            &[("redirect_uri", "https://app.example/callback?tenant=1&x=2")],
            &[("redirect_uri", "https://app.example/callback?tenant=1#f")],
            &[("redirect_uri", "https://APP.example/callback?tenant=1")],
            &[("redirect_uri", "")],
            &[(
                "redirect_uri",
                "https://app.example.evil.example/callback?tenant=1",
            )],
        ];
        for case in cases {
            let answer = h.browser().begin(case).await;
            assert_eq!(answer.status, 400, "{case:?}");
            assert_eq!(answer.header("location"), "", "{case:?}");
            assert!(
                answer.text.contains("id=\"error-page\"")
                    && answer.text.contains("id=\"error-ref\""),
                "{case:?}"
            );
        }
    });
}

#[test]
fn everything_else_goes_back_with_state_and_issuer() {
    on_both(async |h| {
        let cases: [(&[(&str, &str)], &str); 18] = [
            (&[("response_type", "")], "invalid_request"),
            (&[("response_type", "token")], "unsupported_response_type"),
            (
                &[("response_type", "code id_token")],
                "unsupported_response_type",
            ),
            (&[("response_mode", "fragment")], "invalid_request"),
            (&[("scope", "op\u{e9}n")], "invalid_scope"),
            (&[("scope", "nothing known")], "invalid_scope"),
            (&[("prompt", "none login")], "invalid_request"),
            (&[("prompt", "maybe")], "invalid_request"),
            (&[("max_age", "-1")], "invalid_request"),
            (&[("max_age", "soon")], "invalid_request"),
            (&[("code_challenge_method", "plain")], "invalid_request"),
            (&[("code_challenge_method", "")], "invalid_request"),
            (&[("code_challenge", "short")], "invalid_request"),
            (&[("request", "x.y.z")], "invalid_request_object"),
            (&[("request_uri", "urn:x")], "request_uri_not_supported"),
            (&[("registration", "{}")], "registration_not_supported"),
            (&[("id_token_hint", "garbage")], "invalid_request"),
            (&[("prompt", "none")], "login_required"),
        ];
        for (case, error) in cases {
            let browser = h.browser();
            let first = browser.begin(case).await;
            assert_eq!(first.status, 303, "{case:?} {}", first.text);
            assert!(
                first
                    .header("location")
                    .starts_with("https://app.example/callback?tenant=1&"),
                "{case:?}"
            );
            let back = browser.follow(first).await;
            assert_eq!(back["error"], error, "{case:?}");
            assert_eq!(back["state"], "st&te/ =%", "{case:?}");
            assert_eq!(back["iss"], h.issuer, "{case:?}");
            assert!(!back.contains_key("code"));
        }
    });
}

#[test]
fn a_repeated_parameter_is_refused() {
    on_both(async |h| {
        let twice = |name: &'static str, value: &'static str| {
            let mut params = Browser::request(&[]);
            params.push((name, value));
            params
        };
        let back = answer(
            plain()
                .get(h.at("/authorize"))
                .query(&twice("nonce", "n-2")),
        )
        .await;
        assert!(
            back.header("location").contains("error=invalid_request"),
            "{back:?}"
        );
        for (name, value) in [
            ("client_id", "app"),
            ("redirect_uri", CALLBACK),
            ("state", "x"),
        ] {
            let page = answer(plain().get(h.at("/authorize")).query(&twice(name, value))).await;
            assert_eq!((page.status, page.header("location")), (400, ""), "{name}");
        }
    });
}

#[test]
fn unknown_parameters_and_their_order_mean_nothing() {
    on_both(async |h| {
        let browser = h.browser();
        let back = browser
            .authorize(&[
                ("foo", "bar"),
                ("display", "wap"),
                ("acr_values", "9"),
                ("claims_locales", "xx"),
            ])
            .await;
        assert!(back.contains_key("code"));
        let backwards: Vec<_> = Browser::request(&[]).into_iter().rev().collect();
        let begun = answer(browser.http.get(h.at("/authorize")).query(&backwards)).await;
        assert_eq!(browser.follow(begun).await["state"], "st&te/ =%");
    });
}

#[test]
fn the_code_comes_back_with_state_iss_and_the_registered_query() {
    on_both(async |h| {
        let back = h.browser().authorize(&[]).await;
        assert_eq!(
            (
                back["tenant"].as_str(),
                back["state"].as_str(),
                back["iss"].as_str()
            ),
            ("1", "st&te/ =%", h.issuer.as_str())
        );
        assert!(back["code"].len() >= 43);
    });
}

#[test]
fn a_request_may_be_posted() {
    on_both(async |h| {
        let browser = h.browser();
        let first = browser
            .submit(&h.at("/authorize"), &Browser::request(&[]))
            .await;
        assert!(browser.follow(first).await.contains_key("code"));
        // A form on another site is sent without cookies; the way by GET takes them along, and none is overwritten.
        let silent = Browser::request(&[("prompt", "none"), ("state", "a b&c=한")]);
        let foreign = answer(plain().post(h.at("/authorize")).form(&silent)).await;
        assert_eq!((foreign.status, foreign.header("set-cookie")), (303, ""));
        let back = browser.follow(foreign).await;
        assert!(
            back.contains_key("code") && back["state"] == "a b&c=한",
            "{back:?}"
        );
        let wrong = answer(
            plain()
                .post(h.at("/authorize"))
                .form(&Browser::request(&[("scope", "nonsense")])),
        )
        .await;
        assert!(
            wrong.header("location").contains("error=invalid_scope"),
            "{wrong:?}"
        );
    });
}

#[test]
fn form_post_carries_the_answer_in_a_form() {
    on_both(async |h| {
        let browser = h.browser();
        browser.authorize(&[]).await;
        let (_, page) = browser
            .page(browser.begin(&[("response_mode", "form_post")]).await)
            .await;
        assert_eq!(page.status, 200);
        assert!(
            page.text.contains("method=\"post\"")
                && page.text.contains("https://app.example/callback?tenant"),
            "{}",
            page.text
        );
        assert!(field(&page.text, "code").is_some_and(|c| c.starts_with("lk_code_")));
        assert!(
            !page
                .header("content-security-policy")
                .contains("unsafe-inline")
        );
    });
}

#[test]
fn public_clients_must_send_a_challenge_and_native_ones_may_use_any_loopback_port() {
    on_both(async |h| {
        let native = [
            ("client_id", "native"),
            ("redirect_uri", "http://127.0.0.1:51234/cb"),
            ("scope", "openid"),
        ];
        assert!(h.browser().authorize(&native).await.contains_key("code"));
        let bare = [
            native[0],
            native[1],
            native[2],
            ("code_challenge", ""),
            ("code_challenge_method", ""),
        ];
        assert_eq!(
            h.browser().authorize(&bare).await["error"],
            "invalid_request"
        );
        for wrong in [
            "http://127.0.0.1:51234/other",
            "http://127.0.0.1:99999/cb",
            "http://localhost:51234/cb",
            "http://127.0.0.1:1@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
        ] {
            let page = h
                .browser()
                .begin(&[native[0], ("redirect_uri", wrong)])
                .await;
            assert_eq!((page.status, page.header("location")), (400, ""), "{wrong}");
        }
    });
}

#[test]
fn an_interaction_belongs_to_the_browser_that_began_it() {
    on_both(async |h| {
        let (mine, theirs) = (h.browser(), h.browser());
        let at = mine.location(&mine.begin(&[]).await);
        let stolen = theirs.get(&at).await;
        assert_eq!(stolen.status, 400);
        assert!(stolen.text.contains("error-page"));
        let resumed = theirs.get(&at.replace("/login/", "/authorize/")).await;
        assert_eq!(resumed.status, 400);
    });
}

#[test]
fn an_interaction_is_answered_once() {
    on_both(async |h| {
        let browser = h.browser();
        let at = browser.location(&browser.begin(&[]).await);
        let page = browser.get(&at).await;
        let resume = browser.location(&browser.login(&at, &page.text).await);
        let consent = browser.location(&browser.get(&resume).await);
        let shown = browser.get(&consent).await;
        let last = browser.location(&browser.decide(&consent, &shown.text, "allow").await);
        let mut codes = 0;
        let all = futures(vec![
            browser.get(&last),
            browser.get(&last),
            browser.get(&last),
            browser.get(&last),
        ])
        .await;
        for answer in all {
            codes += usize::from(answer.header("location").contains("code="));
        }
        assert_eq!(codes, 1);
    });
}

/// Runs all at once.
pub async fn futures<F: Future<Output = Answer>>(all: Vec<F>) -> Vec<Answer> {
    let mut pinned: Vec<_> = all.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<Answer>> = pinned.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        let mut waiting = false;
        for (future, slot) in pinned.iter_mut().zip(&mut done) {
            if slot.is_none() {
                match future.as_mut().poll(cx) {
                    std::task::Poll::Ready(answer) => *slot = Some(answer),
                    std::task::Poll::Pending => waiting = true,
                }
            }
        }
        if waiting {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(())
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[test]
fn declining_is_access_denied() {
    on_both(async |h| {
        let browser = h.browser();
        let at = browser.location(&browser.begin(&[]).await);
        let page = browser.get(&at).await;
        let resume = browser.location(&browser.login(&at, &page.text).await);
        let consent = browser.location(&browser.get(&resume).await);
        let shown = browser.get(&consent).await;
        for scope in ["openid", "profile", "email", "offline_access"] {
            assert!(
                shown.text.contains(&format!("id=\"scope-{scope}\"")),
                "{scope}"
            );
        }
        let back = browser
            .follow(browser.decide(&consent, &shown.text, "deny").await)
            .await;
        assert_eq!(back["error"], "access_denied");
    });
}

#[test]
fn what_is_kept_of_a_request_is_bounded() {
    on_both(async |h| {
        for (name, most) in [("state", 4096), ("nonce", 1024)] {
            let (fits, not) = ("x".repeat(most), "x".repeat(most + 1));
            assert!(
                h.browser()
                    .authorize(&[(name, &fits)])
                    .await
                    .contains_key("code"),
                "{name}"
            );
            let back = h.browser().authorize(&[(name, &not)]).await;
            assert_eq!(back["error"], "invalid_request", "{name}");
        }
    });
}
