//! OpenID Connect Core 2, 3.1.2, 5.

use crate::support::*;

#[test]
fn the_id_token_has_its_claims() {
    on_both(async |h| {
        let tokens = h.tokens(&h.browser()).await;
        let id = claims(&tokens["id_token"]);
        assert_eq!(
            (id["iss"].as_str(), id["aud"].as_str(), id["sub"].as_str()),
            (Some(h.issuer.as_str()), Some("app"), Some(h.alice.as_str()))
        );
        assert_eq!(
            (id["nonce"].as_str(), id["auth_time"].as_i64()),
            (Some("n-1"), Some(h.now()))
        );
        assert!(id["sid"].is_string());
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        let full = URL_SAFE_NO_PAD
            .decode(s256(tokens["access_token"].as_str().unwrap()))
            .unwrap();
        assert_eq!(id["at_hash"], URL_SAFE_NO_PAD.encode(&full[..16]));
        let code = h.code(&h.browser(), &[("nonce", "")]).await;
        assert!(
            claims(&h.exchange(&code).await.json["id_token"])
                .get("nonce")
                .is_none()
        );
        let code = h.code(&h.browser(), &[("scope", "email")]).await;
        assert!(
            h.exchange(&code).await.json.get("id_token").is_none(),
            "without openid"
        );
    });
}

#[test]
fn prompt_none_never_shows_a_page() {
    on_both(async |h| {
        let browser = h.browser();
        let none = [("prompt", "none")];
        assert_eq!(browser.authorize(&none).await["error"], "login_required");
        let at = browser.location(&browser.begin(&[("client_id", "post")]).await);
        let page = browser.get(&at).await;
        browser.login(&at, &page.text).await;
        assert_eq!(browser.authorize(&none).await["error"], "consent_required");
        browser.authorize(&[]).await;
        assert!(browser.authorize(&none).await.contains_key("code"));
    });
}

#[test]
fn prompt_login_and_max_age_really_authenticate_again() {
    on_both(async |h| {
        let browser = h.browser();
        let time = async |extra: &[(&str, &str)]| {
            let code = h.code(&browser, extra).await;
            claims(&h.exchange(&code).await.json["id_token"])["auth_time"]
                .as_i64()
                .unwrap()
        };
        assert_eq!(time(&[]).await, START);
        h.pass(100);
        assert_eq!(time(&[]).await, START, "silent renewal keeps auth_time");
        assert_eq!(time(&[("max_age", "100")]).await, START);
        assert_eq!(time(&[("prompt", "login")]).await, START + 100);
        h.pass(100);
        assert_eq!(time(&[("max_age", "99")]).await, START + 200);
        assert_eq!(time(&[("max_age", "0")]).await, START + 200);
        assert_eq!(
            browser
                .authorize(&[("max_age", "0"), ("prompt", "none")])
                .await["error"],
            "login_required"
        );
    });
}

#[test]
fn a_login_just_made_is_not_measured_against_max_age() {
    on_both(async |h| {
        let browser = h.browser();
        let at = browser.location(&browser.begin(&[("max_age", "1")]).await);
        let page = browser.get(&at).await;
        let after = browser.login(&at, &page.text).await;
        h.pass(50);
        assert!(browser.follow(after).await.contains_key("code"));
    });
}

#[test]
fn prompt_consent_always_asks_and_consent_is_remembered_otherwise() {
    on_both(async |h| {
        let browser = h.browser();
        browser.authorize(&[]).await;
        let direct = browser.begin(&[]).await;
        assert!(
            direct
                .header("location")
                .starts_with("https://app.example/"),
            "{direct:?}"
        );
        let asked = browser.begin(&[("prompt", "consent")]).await;
        assert!(asked.header("location").contains("/consent/"));
        assert!(browser.follow(asked).await.contains_key("code"));
        let trusted = browser.begin(&[("client_id", "post")]).await;
        assert!(
            trusted
                .header("location")
                .starts_with("https://app.example/")
        );
        let trusted = browser
            .begin(&[("client_id", "post"), ("prompt", "consent")])
            .await;
        assert!(trusted.header("location").contains("/consent/"));
    });
}

#[test]
fn select_account_offers_the_account_and_another() {
    on_both(async |h| {
        let browser = h.browser();
        browser.authorize(&[]).await;
        let (at, page) = browser
            .page(browser.begin(&[("prompt", "select_account")]).await)
            .await;
        assert!(page.text.contains("alice name") && page.text.contains("id=\"username\""));
        let csrf = field(&page.text, "csrf").unwrap();
        let back = browser
            .follow(
                browser
                    .submit(&at, &[("csrf", &csrf), ("continue", "yes")])
                    .await,
            )
            .await;
        assert!(back.contains_key("code"));
        browser.act_as("bob", "bob password");
        let code = h.code(&browser, &[("prompt", "select_account")]).await;
        assert_ne!(
            claims(&h.exchange(&code).await.json["id_token"])["sub"],
            h.alice.as_str()
        );
    });
}

#[test]
fn a_hint_for_another_user_never_yields_that_session_and_an_expired_one_is_accepted() {
    on_both(async |h| {
        let (alice, bob) = (h.browser(), h.browser());
        bob.act_as("bob", "bob password");
        let hint = h.tokens(&alice).await["id_token"]
            .as_str()
            .unwrap()
            .to_owned();
        h.tokens(&bob).await;
        h.pass(4000);
        assert!(
            alice
                .authorize(&[("prompt", "none"), ("id_token_hint", &hint)])
                .await
                .contains_key("code")
        );
        assert_eq!(
            bob.authorize(&[("prompt", "none"), ("id_token_hint", &hint)])
                .await["error"],
            "login_required"
        );
        let asked = bob.begin(&[("id_token_hint", &hint)]).await;
        assert!(asked.header("location").contains("/login/"));
    });
}

#[test]
fn login_hint_prefills_and_ui_locales_chooses_the_language() {
    on_both(async |h| {
        let browser = h.browser();
        let (_, page) = browser
            .page(
                browser
                    .begin(&[("login_hint", "al\"<ice"), ("ui_locales", "xx ko")])
                    .await,
            )
            .await;
        assert!(page.text.contains("<html lang=\"ko\">") && page.text.contains("로그인"));
        assert!(page.text.contains("al&#34;&#60;ice"), "{}", page.text);
    });
}
