//! Sign-outs that are refused or asked about: what the page says and what `why` explains.

use serde_json::json;

use crate::{sign_out::*, support::*};

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
