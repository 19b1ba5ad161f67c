//! OpenID Connect RP-Initiated Logout 1.0 as other sites, attackers and back ends use it.

use serde_json::{Value, json};

use crate::support::*;

const BYE: &str = "https://app.example/bye?x=1";

fn hint(tokens: &Value) -> &str {
    tokens["id_token"].as_str().unwrap()
}

fn access(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

async fn is_signed_in(browser: &Browser) -> bool {
    let back = browser
        .authorize(&[("prompt", "none"), ("scope", "openid")])
        .await;
    assert!(
        back.contains_key("code") || back["error"] == "login_required",
        "{back:?}"
    );
    back.contains_key("code")
}

async fn get(h: &Harness, browser: &Browser, params: &[(&str, &str)]) -> Answer {
    answer(browser.http.get(h.at("/logout")).query(params)).await
}

fn asks(page: &Answer) -> bool {
    page.status == 200 && page.text.contains("id=\"sign-out\"") && page.text.contains("id=\"stay\"")
}

/// A sign-in whose session cookie is copied on the way.
async fn stolen(h: &Harness, browser: &Browser) -> String {
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

async fn is_known(h: &Harness, cookie: &str) -> bool {
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
        let code = h.code(&browser, &[("prompt", "login")]).await;
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
fn whoever_is_told_signed_out_is_also_when_a_new_sign_in_carried_the_session_on() {
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
fn the_id_token_from_before_a_new_sign_in_still_names_the_session_that_goes_on() {
    on_both(async |h| {
        let browser = h.browser();
        let earlier = h.tokens(&browser).await;
        for _ in 0..3 {
            browser.authorize(&[("prompt", "login")]).await;
        }
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

/// The refusal that a page names.
async fn explained(h: &Harness, page: &Answer) -> (String, Option<String>) {
    let reference = page
        .text
        .split("id=\"error-ref\">")
        .nth(1)
        .unwrap()
        .split('<')
        .next()
        .unwrap()
        .to_owned();
    for _ in 0..100 {
        if let Some(kept) = h.store.refusal(&reference).await.unwrap() {
            return (kept.reason, kept.client_id);
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{reference} was not kept");
}

#[test]
fn a_refused_sign_out_says_so_and_why_names_the_cause_and_the_client() {
    on_both(async |h| {
        let browser = h.browser();
        let tokens = h.tokens(&browser).await;
        let app = || Some("app".to_owned());
        let back = ("post_logout_redirect_uri", BYE);
        let bad = get(
            &h,
            &browser,
            &[("id_token_hint", "garbage"), ("client_id", "app"), back],
        )
        .await;
        assert!(asks(&bad), "{bad:?}");
        assert_eq!(
            explained(&h, &bad).await,
            ("LogoutHintUnusable".into(), app())
        );
        let bad = get(&h, &browser, &[("id_token_hint", "garbage"), back]).await;
        assert_eq!(
            explained(&h, &bad).await,
            ("LogoutHintUnusable".into(), None),
            "not the address, which is right"
        );
        let unknown = get(&h, &browser, &[("client_id", "nobody"), back]).await;
        assert_eq!(
            explained(&h, &unknown).await,
            ("ClientUnknown".into(), None)
        );
        let mixed = get(
            &h,
            &browser,
            &[("id_token_hint", hint(&tokens)), ("client_id", "post")],
        )
        .await;
        assert_eq!(mixed.status, 400);
        assert_eq!(
            explained(&h, &mixed).await,
            ("LogoutHintUnusable".into(), app())
        );
        let elsewhere = ("post_logout_redirect_uri", "https://evil.example/");
        let out = get(&h, &browser, &[("id_token_hint", hint(&tokens)), elsewhere]).await;
        let (at, page) = browser.page(out).await;
        assert!(
            at.contains("/logout/done") && page.text.contains("id=\"signed-out\""),
            "{at}"
        );
        assert_eq!(
            explained(&h, &page).await,
            ("LogoutRedirectUnregistered".into(), app())
        );
        let invented = browser
            .get(&h.at("/logout/done?refused=%3Cb%3Ecall%20us"))
            .await;
        assert!(!invented.text.contains("error-ref") && !invented.text.contains("call us"));
    });
}

#[test]
fn a_form_that_is_too_long_for_an_address_asks() {
    on_both(async |h| {
        let browser = h.browser();
        let tokens = h.tokens(&browser).await;
        let state = "s".repeat(6500);
        let form = [
            ("id_token_hint", hint(&tokens)),
            ("post_logout_redirect_uri", BYE),
            ("state", &state),
        ];
        let foreign = answer(plain().post(h.at("/logout")).form(&form)).await;
        assert!(
            !foreign.header("location").contains("id_token_hint"),
            "{foreign:?}"
        );
        let page = browser.get(foreign.header("location")).await;
        assert!(asks(&page));
        let csrf = field(&page.text, "csrf").unwrap();
        let confirm = [
            ("csrf", csrf.as_str()),
            ("decision", "sign-out"),
            ("client_id", "app"),
            form[1],
            form[2],
        ];
        assert_eq!(field(&page.text, "client_id").as_deref(), Some("app"));
        let out = browser.submit(&h.at("/logout/confirm"), &confirm).await;
        assert_eq!(out.header("location"), format!("{BYE}&state={state}"));
        let state = "s".repeat(8000);
        let too_long = answer(
            plain()
                .post(h.at("/logout"))
                .form(&[("state", state.as_str())]),
        )
        .await;
        assert!(
            too_long.status == 413 && too_long.text.contains("error-page"),
            "{too_long:?}"
        );
    });
}

#[test]
fn a_page_from_another_client_does_not_open_the_way_back() {
    on_both(async |h| {
        h.client(json!({ "client_id": "evil", "redirect_uris": ["https://evil.example/cb"],
            "post_logout_redirect_uris": ["https://evil.example/bye"], "token_endpoint_auth_method": "client_secret_post", "client_secret": SECRET })).await;
        let browser = h.browser();
        let tokens = h.tokens(&browser).await;
        let evil = [
            ("id_token_hint", hint(&tokens)),
            ("post_logout_redirect_uri", "https://evil.example/bye"),
        ];
        let out = get(&h, &browser, &evil).await;
        assert!(
            !out.header("location").starts_with("https://evil"),
            "the hint's client decides: {out:?}"
        );
        let theirs = [evil[0], ("client_id", "evil"), ("client_secret", SECRET)];
        assert_eq!(h.post("/logout", &theirs).await.status, 400);
    });
}
