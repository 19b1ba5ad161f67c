//! What providers publish of themselves, what they leave out, and what was said of them in the settings.

use std::time::{Duration, Instant};

use latchkey_jose::Algorithm;
use serde_json::json;

use super::{
    super::support::*,
    attacks::{back, honest, liar, refused},
    liar::{Does, Liar, key},
    *,
};

#[test]
fn a_key_that_names_its_issuer_signs_for_no_other() {
    on_both_with(&HERE, |h| async move {
        let liar = Liar::start().await;
        let of = |tenant: &str| format!("{}/{tenant}/v2.0", liar.issuer);
        let mut document = liar.document();
        document["issuer"] = of("{tenantid}").into();
        liar.does(
            "/common/v2.0/.well-known/openid-configuration",
            Does::Says(200, document.to_string()),
        );
        let mut settings = oidc(&of("{tenantid}"));
        settings["userinfo"] = false.into();
        settings["protocol"]["tenants"] = json!(["*"]);
        h.upstream("liar", settings, Some("s")).await;
        // The first of these is the tenant's alone, the second one everybody's.
        let shared = key(Algorithm::Es256);
        let published = |key: &latchkey_jose::SigningKey, issuer: String| {
            let mut key = serde_json::to_value(key.public()).unwrap();
            key["issuer"] = issuer.into();
            key
        };
        let keys = json!({"keys": [published(&liar.key, of("ours")), published(&shared, of("{tenantid}"))]});
        liar.does("/keys", Does::Says(200, keys.to_string()));
        for (tenant, key, is_fit) in [
            ("ours", &*liar.key, true),
            ("theirs", &*liar.key, false),
            ("theirs", &shared, true),
        ] {
            let browser = h.visitor();
            let away = browser.led("liar", &[]).await;
            let mut claims = honest(&liar, &away);
            (claims["iss"], claims["tid"]) = (of(tenant).into(), tenant.into());
            let signer = latchkey_jose::Signer::new(key).unwrap();
            liar.gives(&signer.sign("JWT", &claims).unwrap());
            let at = back(&h, "liar", &away);
            match is_fit {
                true => drop(browser.follow(browser.get(&at).await).await),
                false => assert_eq!(refused(&h, &browser, &at).await, "UpstreamTokenUnfit"),
            }
        }
    });
}

#[test]
fn while_a_document_is_renewed_the_former_one_counts() {
    on(Kind::Sqlite, &HERE, &|h| async move {
        let liar = liar(&h).await;
        h.visitor().led("liar", &[]).await;
        h.pass(3601);
        liar.does("/.well-known/openid-configuration", Does::Nothing);
        let begun = Instant::now();
        let slow = async { h.visitor().led("liar", &[]).await };
        let others = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            h.visitor().led("liar", &[]).await;
            begun.elapsed()
        };
        let (_, waited) = tokio::join!(slow, others);
        assert!(waited < Duration::from_secs(4), "{waited:?}");
        // Who asked in vain was led there by the former document too, and for some seconds nobody asks again.
        assert_eq!(liar.asked("/.well-known/openid-configuration").len(), 2);
        h.visitor().led("liar", &[]).await;
        assert_eq!(liar.asked("/.well-known/openid-configuration").len(), 2);
    });
}

#[test]
fn a_provider_that_says_no_auth_time_is_not_offered_for_a_new_sign_in() {
    on_both_with(&HERE, |h| async move {
        let liar = Liar::start().await;
        let mut settings = oidc(&liar.issuer);
        settings["protocol"]["says_auth_time"] = false.into();
        h.upstream("liar", settings, Some("s")).await;
        for (extra, is_offered) in [
            (None, true),
            (Some(("prompt", "login")), false),
            (Some(("max_age", "60")), false),
        ] {
            let browser = h.visitor();
            let extra: Vec<_> = extra.into_iter().collect();
            let (at, page) = browser.page(browser.begin(&extra).await).await;
            let offered = page.text.contains("upstream-liar");
            assert_eq!(offered, is_offered, "{extra:?}");
            // Whoever asks all the same is told so, and is not led away.
            let asked = format!("{at}/with/liar");
            match is_offered {
                true => assert_eq!(link(&at, &page.text, "liar"), asked),
                false => assert_eq!(refused(&h, &browser, &asked).await, "UpstreamNotFresh"),
            }
        }
    });
}

#[test]
fn a_provider_without_a_userinfo_endpoint_is_not_asked_there() {
    on_both_with(&HERE, |h| async move {
        let liar = Liar::start().await;
        let mut document = liar.document();
        document
            .as_object_mut()
            .unwrap()
            .remove("userinfo_endpoint");
        liar.publishes(&document);
        h.upstream("liar", oidc(&liar.issuer), Some("s")).await;
        let browser = h.visitor();
        let away = browser.led("liar", &[]).await;
        liar.gives(&liar.sign(&honest(&liar, &away)));
        let at = back(&h, "liar", &away);
        let code = browser.follow(browser.get(&at).await).await;
        let tokens = h.exchange(&code["code"]).await;
        assert_eq!(claims(&tokens.json["id_token"])["name"], "Eve");
    });
}

#[test]
fn a_challenge_is_sent_unless_the_settings_say_that_it_is_refused() {
    on_both_with(&HERE, |h| async move {
        let liar = Liar::start().await;
        let at = |path: &str| format!("{}{path}", liar.issuer);
        for (name, pkce) in [("with", true), ("without", false)] {
            let mut settings = oidc(&liar.issuer);
            settings["protocol"] = json!({
                "kind": "oauth2", "issuer": at(&format!("/{name}")), "authorization_endpoint": at("/authorize"),
                "token_endpoint": at("/token"), "userinfo_endpoint": at("/userinfo"), "pkce": pkce,
            });
            h.upstream(name, settings, Some("s")).await;
            let browser = h.visitor();
            let away = browser.led(name, &[]).await;
            assert_eq!(said(&away, "code_challenge").is_some(), pkce);
            liar.gives("none");
            liar.does("/userinfo", Does::Says(200, r#"{"sub": "eve"}"#.into()));
            let back = back(&h, name, &away);
            browser.follow(browser.get(&back).await).await;
            let form = liar.asked("/token").pop().unwrap();
            assert_eq!(form.contains("code_verifier="), pkce, "{form}");
        }
    });
}

#[test]
fn a_client_names_the_provider_and_whoever_comes_back_chooses() {
    on_both_with(&HERE, |h| async move {
        let liar = Liar::start().await;
        let mut settings = oidc(&liar.issuer);
        (settings["userinfo"], settings["hidden"]) = (false.into(), true.into());
        h.upstream("liar", settings, Some("s")).await;
        for unknown in ["kakao", "../liar", "LIAR", ""] {
            let browser = h.visitor();
            let (_, page) = browser
                .page(browser.begin(&[("idp_hint", unknown)]).await)
                .await;
            let is_login = page.text.contains("id=\"password\"");
            assert!(
                is_login && !page.text.contains("upstream-liar"),
                "{unknown}"
            );
        }
        // Without a button, and past the login page.
        let browser = h.visitor();
        let begun = browser.begin(&[("idp_hint", "liar")]).await;
        let login = browser.get(begun.header("location")).await;
        let away = browser.get(login.header("location")).await;
        let away = away.header("location").to_owned();
        assert!(away.starts_with(&liar.issuer), "{away}");
        // What goes wrong there leads to a page that leads to the password, and not there again.
        liar.does("/token", Does::Says(500, "{}".into()));
        let failed = browser.get(&back(&h, "liar", &away)).await;
        let address = failed
            .text
            .split("href=\"")
            .find(|part| part.contains("?notice="));
        let address = address.unwrap().split('"').next().unwrap();
        let here = url::Url::parse(&h.at("/")).unwrap();
        let page = browser.get(here.join(address).unwrap().as_str()).await;
        assert!(
            page.status == 200 && page.text.contains("id=\"password\""),
            "{}",
            page.text
        );
    });
}
