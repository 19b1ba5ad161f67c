//! OpenID Connect RP-Initiated Logout 1.0 as other sites, attackers and back ends use it.

use serde_json::Value;

use crate::support::*;

pub const BYE: &str = "https://app.example/bye?x=1";

pub fn hint(tokens: &Value) -> &str {
    tokens["id_token"].as_str().unwrap()
}

pub fn access(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

pub async fn is_signed_in(browser: &Browser) -> bool {
    let back = browser
        .authorize(&[("prompt", "none"), ("scope", "openid")])
        .await;
    assert!(
        back.contains_key("code") || back["error"] == "login_required",
        "{back:?}"
    );
    back.contains_key("code")
}

pub async fn get(h: &Harness, browser: &Browser, params: &[(&str, &str)]) -> Answer {
    answer(browser.http.get(h.at("/logout")).query(params)).await
}

pub fn asks(page: &Answer) -> bool {
    page.status == 200 && page.text.contains("id=\"sign-out\"") && page.text.contains("id=\"stay\"")
}

/// A sign-in whose session cookie is copied on the way.
pub async fn stolen(h: &Harness, browser: &Browser) -> String {
    let (at, page) = browser.page(browser.begin(&[]).await).await;
    let signed_in = browser.login(&at, &page.text).await;
    let cookie = cookies(&signed_in)
        .into_iter()
        .find(|c| c.contains("session"))
        .unwrap();
    browser.follow(signed_in).await;
    assert!(is_known(h, &cookie).await);
    cookie
}

pub async fn is_known(h: &Harness, cookie: &str) -> bool {
    answer(plain().get(h.at("/")).header("Cookie", cookie))
        .await
        .text
        .contains("alice name")
}

#[test]
fn a_post_from_another_site_comes_again_with_the_cookies_it_lacked() {
    on_both(async |h| {
        let browser = h.browser();
        let copy = stolen(&h, &browser).await;
        let tokens = h.tokens(&browser).await;
        let form = [
            ("id_token_hint", hint(&tokens)),
            ("post_logout_redirect_uri", BYE),
            ("state", "a b&c=%"),
        ];
        let foreign = answer(plain().post(h.at("/logout")).form(&form)).await;
        assert_eq!(
            (foreign.status, foreign.header("set-cookie")),
            (303, ""),
            "{foreign:?}"
        );
        assert!(
            foreign.header("location").starts_with(&h.at("/logout?")),
            "{foreign:?}"
        );
        assert_eq!(
            h.userinfo(access(&tokens)).await.status,
            200,
            "nothing happened yet"
        );
        let out = browser.get(foreign.header("location")).await;
        assert_eq!(
            out.header("location"),
            "https://app.example/bye?x=1&state=a%20b%26c%3D%25"
        );
        assert!(
            cookies(&out).iter().any(|c| c.contains("session=")),
            "{out:?}"
        );
        assert!(
            !is_signed_in(&browser).await && !is_known(&h, &copy).await,
            "copies of the cookie are dead"
        );
        assert_eq!(h.userinfo(access(&tokens)).await.status, 401);
        assert!(h.store.sessions(Some(&h.alice)).await.unwrap().is_empty());
    });
}

#[test]
fn a_post_from_our_own_pages_is_answered_at_once() {
    on_both(async |h| {
        let browser = h.browser();
        let tokens = h.tokens(&browser).await;
        let form = [
            ("id_token_hint", hint(&tokens)),
            ("post_logout_redirect_uri", BYE),
        ];
        let out = browser.submit(&h.at("/logout"), &form).await;
        assert_eq!(out.header("location"), BYE);
        assert!(!is_signed_in(&browser).await);
    });
}

#[test]
fn anybody_elses_id_token_posted_from_any_page_asks() {
    on_both(async |h| {
        let (alice, bob) = (h.browser(), h.browser());
        bob.act_as("bob", "bob password");
        let theirs = h.tokens(&bob).await;
        alice.authorize(&[]).await;
        let foreign = answer(
            plain()
                .post(h.at("/logout"))
                .form(&[("id_token_hint", hint(&theirs))]),
        )
        .await;
        let page = alice.get(foreign.header("location")).await;
        assert!(asks(&page) && page.text.contains("alice name"), "{page:?}");
        assert!(is_signed_in(&alice).await && is_signed_in(&bob).await);
    });
}

#[test]
fn the_hint_of_an_earlier_session_asks() {
    on_both(async |h| {
        let browser = h.browser();
        let earlier = h.tokens(&browser).await;
        let out = get(&h, &browser, &[("id_token_hint", hint(&earlier))]).await;
        assert_eq!(out.status, 303);
        let code = h.code(&browser, &[]).await;
        let now = h.exchange(&code).await.json;
        assert!(asks(
            &get(&h, &browser, &[("id_token_hint", hint(&earlier))]).await
        ));
        assert!(is_signed_in(&browser).await);
        assert_eq!(
            get(&h, &browser, &[("id_token_hint", hint(&now))])
                .await
                .status,
            303
        );
        assert!(!is_signed_in(&browser).await);
    });
}

#[test]
fn a_cookie_that_was_not_presented_is_not_touched() {
    on_both(async |h| {
        let browser = h.browser();
        let tokens = h.tokens(&browser).await;
        let params = [
            ("id_token_hint", hint(&tokens)),
            ("post_logout_redirect_uri", BYE),
        ];
        let posted = answer(plain().post(h.at("/logout")).form(&params)).await;
        assert_eq!(posted.header("set-cookie"), "");
        let bare = answer(plain().get(h.at("/logout")).query(&params)).await;
        assert!(asks(&bare), "a valid hint without a cookie asks: {bare:?}");
        assert!(
            cookies(&bare).iter().all(|c| !c.contains("session")),
            "{bare:?}"
        );
        assert!(is_signed_in(&browser).await);
    });
}

#[test]
fn whoever_confirms_without_a_cookie_ends_what_the_hint_names() {
    on_both(async |h| {
        let (browser, elsewhere) = (h.browser(), h.browser());
        let tokens = h.tokens(&browser).await;
        let params = [
            ("id_token_hint", hint(&tokens)),
            ("post_logout_redirect_uri", BYE),
        ];
        let page = get(&h, &elsewhere, &params).await;
        let (csrf, named) = (
            field(&page.text, "csrf").unwrap(),
            field(&page.text, "named").unwrap(),
        );
        let user = field(&page.text, "named_user").unwrap();
        let form = |csrf: &str, named: &str| {
            let pairs = [
                ("csrf", csrf),
                ("named", named),
                ("named_user", &user),
                ("decision", "sign-out"),
                ("client_id", "app"),
            ];
            let mut form: Vec<(String, String)> = pairs
                .iter()
                .map(|(n, v)| ((*n).into(), (*v).into()))
                .collect();
            form.push(("post_logout_redirect_uri".into(), BYE.into()));
            form
        };
        let bob = h.browser();
        bob.act_as("bob", "bob password");
        let other = claims(&h.tokens(&bob).await["id_token"])["sid"]
            .as_str()
            .unwrap()
            .to_owned();
        let moved = answer(
            elsewhere
                .http
                .post(h.at("/logout/confirm"))
                .form(&form(&csrf, &other)),
        )
        .await;
        assert_eq!(moved.status, 403, "the form is about one session");
        assert!(is_signed_in(&browser).await && is_signed_in(&bob).await);
        let out = answer(
            elsewhere
                .http
                .post(h.at("/logout/confirm"))
                .form(&form(&csrf, &named)),
        )
        .await;
        assert_eq!(out.header("location"), BYE, "{out:?}");
        assert!(!is_signed_in(&browser).await && is_signed_in(&bob).await);
        assert_eq!(h.userinfo(access(&tokens)).await.status, 401);
    });
}

#[test]
fn whoever_is_told_signed_out_is_also_when_the_user_signed_in_again_meanwhile() {
    on_both(async |h| {
        let (browser, elsewhere) = (h.browser(), h.browser());
        let tokens = h.tokens(&browser).await;
        let page = get(&h, &elsewhere, &[("id_token_hint", hint(&tokens))]).await;
        assert!(asks(&page), "{page:?}");
        browser.authorize(&[("prompt", "login")]).await;
        assert_eq!(
            h.userinfo(access(&tokens)).await.status,
            200,
            "its tokens go on"
        );
        let fields = ["csrf", "named", "named_user"]
            .map(|name| (name, field(&page.text, name).unwrap_or_default()));
        let mut form: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        form.push(("decision", "sign-out"));
        for _ in 0..2 {
            let out = answer(elsewhere.http.post(h.at("/logout/confirm")).form(&form)).await;
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
        }
        assert!(h.store.sessions(Some(&h.alice)).await.unwrap().is_empty());
    });
}

#[test]
fn nobody_who_is_signed_in_is_told_otherwise() {
    on_both(async |h| {
        let browser = h.browser();
        browser.authorize(&[]).await;
        let led = browser.get(&h.at("/logout/done")).await;
        assert!(
            led.status == 303 && !led.text.contains("signed-out"),
            "{led:?}"
        );
        let forged = answer(
            plain()
                .post(h.at("/logout/confirm"))
                .form(&[("csrf", "x"), ("decision", "sign-out")]),
        )
        .await;
        let (_, page) = browser
            .page(browser.get(&browser.location(&forged)).await)
            .await;
        assert!(
            page.text.contains("alice name") && !page.text.contains("signed-out"),
            "{page:?}"
        );
        assert!(is_signed_in(&browser).await);
    });
}

#[test]
fn what_has_ended_already_is_not_asked_about() {
    on_both(async |h| {
        let browser = h.browser();
        let tokens = h.tokens(&browser).await;
        let params = [
            ("id_token_hint", hint(&tokens)),
            ("post_logout_redirect_uri", BYE),
        ];
        for _ in 0..2 {
            assert_eq!(get(&h, &browser, &params).await.header("location"), BYE);
        }
        let tokens = h.tokens(&browser).await;
        h.pass(13 * 3600);
        let params = [
            ("id_token_hint", hint(&tokens)),
            ("post_logout_redirect_uri", BYE),
        ];
        assert_eq!(
            get(&h, &browser, &params).await.header("location"),
            BYE,
            "the session has expired"
        );
    });
}

#[test]
fn a_confirmation_is_about_the_session_that_the_page_named() {
    on_both(async |h| {
        let browser = h.browser();
        browser.authorize(&[]).await;
        let page = get(&h, &browser, &[]).await;
        assert!(page.text.contains("alice name"), "{page:?}");
        browser.act_as("bob", "bob password");
        browser.authorize(&[("prompt", "login")]).await;
        let csrf = field(&page.text, "csrf").unwrap();
        let form = [("csrf", csrf.as_str()), ("decision", "sign-out")];
        assert_eq!(
            browser.submit(&h.at("/logout/confirm"), &form).await.status,
            403
        );
        assert!(is_signed_in(&browser).await, "bob was not asked");
        let csrf = field(&get(&h, &browser, &[]).await.text, "csrf").unwrap();
        for _ in 0..2 {
            let out = browser
                .submit(&h.at("/logout/confirm"), &[("csrf", &csrf), form[1]])
                .await;
            assert!(
                out.header("location").ends_with("/logout/done"),
                "a second press changes nothing: {out:?}"
            );
        }
        assert!(!is_signed_in(&browser).await);
    });
}

#[test]
fn a_browser_gets_a_new_secret_whichever_way_its_user_signs_out() {
    on_both(async |h| {
        let browser = h.browser();
        let tokens = h.tokens(&browser).await;
        let at_once = get(&h, &browser, &[("id_token_hint", hint(&tokens))]).await;
        h.tokens(&browser).await;
        let page = get(&h, &browser, &[]).await;
        let csrf = field(&page.text, "csrf").unwrap();
        let form = [("csrf", csrf.as_str()), ("decision", "sign-out")];
        let confirmed = browser.submit(&h.at("/logout/confirm"), &form).await;
        for out in [at_once, confirmed] {
            let renewed = |cookie: &String| cookie.contains("latchkey-browser");
            assert!(cookies(&out).iter().any(renewed), "{out:?}");
        }
    });
}
