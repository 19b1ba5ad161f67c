//! What somebody would try: at the way there, at the way back, and as a provider.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use latchkey_jose::{Algorithm, Signer};
use serde_json::{Value, json};

use super::{
    super::{refusals::kept, support::*},
    liar::{Does, Liar, key},
    *,
};

/// Makes a token of claims.
type Signs = Box<dyn Fn(&Value) -> String>;

pub async fn liar(h: &Harness) -> Liar {
    let liar = Liar::start().await;
    let mut settings = oidc(&liar.issuer);
    settings["userinfo"] = false.into();
    h.upstream("liar", settings, Some("s")).await;
    liar
}

pub fn honest(liar: &Liar, away: &str) -> Value {
    json!({
        "iss": liar.issuer, "aud": "here", "sub": "eve", "iat": START, "exp": START + 300, "name": "Eve",
        "nonce": said(away, "nonce").unwrap(),
    })
}

pub fn back(h: &Harness, upstream: &str, away: &str) -> String {
    let state = said(away, "state").unwrap();
    format!("{}?code=c&state={state}", h.callback(upstream))
}

/// Why a page refused.
pub async fn why(h: &Harness, refused: &Answer) -> String {
    let reference = refused
        .text
        .split("id=\"error-ref\">")
        .nth(1)
        .expect("an error page");
    let reference = reference.split('<').next().unwrap();
    kept(h, reference).await.reason
}

pub async fn refused(h: &Harness, browser: &Browser, at: &str) -> String {
    let answer = browser.get(at).await;
    assert!(
        answer.status >= 400,
        "{}: {}",
        answer.status,
        answer.header("location")
    );
    why(h, &answer).await
}

#[test]
fn an_id_token_is_taken_only_where_every_check_holds() {
    on_both_with(&HERE, |h| async move {
        let liar = liar(&h).await;
        let browser = h.visitor();
        let away = browser.led("liar", &[]).await;
        liar.gives(&liar.sign(&honest(&liar, &away)));
        browser
            .follow(browser.get(&back(&h, "liar", &away)).await)
            .await;

        type Change = fn(&mut Value);
        let lies: [(&str, Change); 11] = [
            ("another client", |c| c["aud"] = "there".into()),
            ("another client too", |c| {
                c["aud"] = json!(["here", "there"])
            }),
            ("for another party", |c| c["azp"] = "there".into()),
            ("another issuer", |c| {
                c["iss"] = "https://accounts.google.com".into()
            }),
            ("a slash more", |c| {
                c["iss"] = format!("{}/", c["iss"].as_str().unwrap()).into()
            }),
            ("expired", |c| c["exp"] = (START - 1).into()),
            ("from the future", |c| c["iat"] = (START + 120).into()),
            ("old", |c| c["iat"] = (START - 3600).into()),
            ("without a nonce", |c| c["nonce"] = Value::Null),
            ("with another nonce", |c| c["nonce"] = "lk_nonce_x".into()),
            ("of nobody", |c| c["sub"] = "".into()),
        ];
        for (lie, change) in lies {
            let browser = h.visitor();
            let away = browser.led("liar", &[]).await;
            let mut claims = honest(&liar, &away);
            change(&mut claims);
            liar.gives(&liar.sign(&claims));
            let reason = refused(&h, &browser, &back(&h, "liar", &away)).await;
            assert_eq!(reason, "UpstreamTokenUnfit", "{lie}");
        }
    });
}

#[test]
fn only_signatures_by_a_published_key_count() {
    on_both_with(&HERE, |h| async move {
        let liar = liar(&h).await;
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let published = serde_json::to_string(liar.key.public()).unwrap();
        let stranger = key(Algorithm::Es256);
        let attempts: [(&str, Signs); 4] = [
            (
                "none",
                Box::new(move |claims| {
                    format!("{}.{}.", encode(&json!({"alg": "none"})), encode(claims))
                }),
            ),
            (
                "HS256 by the public key",
                Box::new(move |claims| {
                    let input = format!("{}.{}", encode(&json!({"alg": "HS256"})), encode(claims));
                    let hmac = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, published.as_bytes());
                    let tag = ring::hmac::sign(&hmac, input.as_bytes());
                    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag))
                }),
            ),
            (
                "HS256 by the client's secret",
                Box::new(move |claims| {
                    let input = format!("{}.{}", encode(&json!({"alg": "HS256"})), encode(claims));
                    let hmac = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"s");
                    let tag = ring::hmac::sign(&hmac, input.as_bytes());
                    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag))
                }),
            ),
            (
                "a key that is not published",
                Box::new(move |claims| {
                    Signer::new(&stranger).unwrap().sign("JWT", claims).unwrap()
                }),
            ),
        ];
        for (name, sign) in attempts {
            let browser = h.visitor();
            let away = browser.led("liar", &[]).await;
            liar.gives(&sign(&honest(&liar, &away)));
            let reason = refused(&h, &browser, &back(&h, "liar", &away)).await;
            assert_eq!(reason, "UpstreamTokenUnfit", "{name}");
        }
    });
}

#[test]
fn a_new_key_is_found_and_every_algorithm_works() {
    on_both_with(&HERE, |h| async move {
        let mut liar = liar(&h).await;
        for algorithm in Algorithm::ALL {
            h.pass(11);
            liar.key = std::sync::Arc::new(key(algorithm));
            liar.has_keys(&[&liar.key]);
            let browser = h.visitor();
            let away = browser.led("liar", &[]).await;
            let mut claims = honest(&liar, &away);
            claims["iat"] = h.now().into();
            claims["exp"] = (h.now() + 60).into();
            liar.gives(&liar.sign(&claims));
            browser
                .follow(browser.get(&back(&h, "liar", &away)).await)
                .await;
        }
        // The document was asked for once, and the keys once for each new one.
        assert_eq!(liar.asked("/.well-known/openid-configuration").len(), 1);
        assert_eq!(liar.asked("/keys").len(), 4);
    });
}

#[test]
fn of_many_tenants_only_those_that_are_named_sign_in() {
    on_both_with(&HERE, |h| async move {
        let liar = Liar::start().await;
        let of = |tenant: &str| format!("{}/{tenant}/v2.0", liar.issuer);
        let mut document = liar.document();
        document["issuer"] = of("{tenantid}").into();
        let text = document.to_string();
        liar.does(
            "/common/v2.0/.well-known/openid-configuration",
            Does::Says(200, text),
        );
        let mut settings = oidc(&of("{tenantid}"));
        settings["userinfo"] = false.into();
        settings["protocol"]["tenants"] = json!(["ours"]);
        h.upstream("liar", settings, Some("s")).await;
        for (issuer, tenant, is_ours) in [
            (of("ours"), "ours", true),
            (of("theirs"), "theirs", false),
            (of("ours"), "theirs", false),
            (of("{tenantid}"), "{tenantid}", false),
        ] {
            let browser = h.visitor();
            let away = browser.led("liar", &[]).await;
            let mut claims = honest(&liar, &away);
            (claims["iss"], claims["tid"]) = (issuer.into(), tenant.into());
            liar.gives(&liar.sign(&claims));
            let at = back(&h, "liar", &away);
            match is_ours {
                true => drop(browser.follow(browser.get(&at).await).await),
                false => assert_eq!(refused(&h, &browser, &at).await, "UpstreamTokenUnfit"),
            }
        }
    });
}

#[test]
fn a_state_counts_once_and_in_its_own_browser_alone() {
    on_both_with(&HERE, |h| async move {
        let liar = liar(&h).await;
        let (victim, attacker) = (h.visitor(), h.visitor());
        let away = attacker.led("liar", &[]).await;
        liar.gives(&liar.sign(&honest(&liar, &away)));
        // Login CSRF: the attacker's answer in the victim's browser, which has an interaction of its own.
        victim.led("liar", &[]).await;
        let at = back(&h, "liar", &away);
        let answer = victim.get(&at).await;
        assert!(!answer.text.contains("lk_interaction_"));
        assert_eq!(why(&h, &answer).await, "BrowserDiffers");
        assert_eq!(liar.asked("/token"), [""; 0]);
        // It is spent with that.
        assert_eq!(refused(&h, &attacker, &at).await, "UpstreamStateUnknown");

        let away = attacker.led("liar", &[]).await;
        liar.gives(&liar.sign(&honest(&liar, &away)));
        let at = back(&h, "liar", &away);
        attacker.follow(attacker.get(&at).await).await;
        assert_eq!(refused(&h, &attacker, &at).await, "UpstreamStateUnknown");
        let attacker = h.visitor();
        let away = attacker.led("liar", &[]).await;
        h.pass(601);
        assert_eq!(
            refused(&h, &attacker, &back(&h, "liar", &away)).await,
            "UpstreamStateUnknown"
        );
        for nothing in ["", "?state=", "?state=x&code=c", "?code=c"] {
            let at = format!("{}{nothing}", h.callback("liar"));
            assert_eq!(refused(&h, &attacker, &at).await, "UpstreamStateUnknown");
        }
    });
}

/// RFC 9207 and RFC 9700 4.4.
#[test]
fn one_provider_cannot_answer_for_another() {
    on_both_with(&HERE, |h| async move {
        let liar = liar(&h).await;
        let honest = Liar::start().await;
        let mut document = honest.document();
        document["authorization_response_iss_parameter_supported"] = true.into();
        honest.publishes(&document);
        h.upstream("honest", oidc(&honest.issuer), Some("s")).await;
        let browser = h.visitor();
        // Begun at the liar, answered with a code of the honest one: no code goes to the liar, or to the other.
        let away = browser.led("liar", &[]).await;
        let at = back(&h, "honest", &away);
        assert_eq!(
            refused(&h, &browser, &format!("{at}&iss={}", honest.issuer)).await,
            "UpstreamStateUnknown"
        );
        let away = browser.led("liar", &[]).await;
        let at = format!("{}&iss={}", back(&h, "liar", &away), honest.issuer);
        assert_eq!(refused(&h, &browser, &at).await, "UpstreamIssuerDiffers");
        // Who says that it names itself has to.
        let away = browser.led("honest", &[]).await;
        assert_eq!(
            refused(&h, &browser, &back(&h, "honest", &away)).await,
            "UpstreamIssuerDiffers"
        );
        assert_eq!(liar.asked("/token").len() + honest.asked("/token").len(), 0);
    });
}

#[test]
fn the_way_back_leads_to_the_interaction_and_nowhere_else() {
    on_both_with(&HERE, |h| async move {
        let liar = liar(&h).await;
        let browser = h.visitor();
        let away = browser.led("liar", &[]).await;
        liar.gives(&liar.sign(&honest(&liar, &away)));
        let evil = "https%3A%2F%2Fevil.example";
        let at = format!(
            "{}&redirect_uri={evil}&return_to={evil}&next={evil}",
            back(&h, "liar", &away)
        );
        let answer = browser.get(&at).await;
        assert!(answer.header("location").starts_with("/authorize/lk_"));
        // Nor is the way there anybody else's.
        let browser = h.visitor();
        let cancelled = browser.led("liar", &[]).await;
        let state = said(&cancelled, "state").unwrap();
        let at = format!(
            "{}?error=access_denied&state={state}&next={evil}",
            h.callback("liar")
        );
        let (login, page) = browser.page(browser.get(&at).await).await;
        assert!(login.ends_with("?notice=cancelled") && page.text.contains("login-error"));
        let stranger = h.visitor();
        let begun = stranger
            .get(&login.replace("?notice=cancelled", "/with/liar"))
            .await;
        assert_eq!(why(&h, &begun).await, "BrowserDiffers");
    });
}

#[test]
fn an_address_and_its_flag_are_of_one_document() {
    on_both_with(&HERE, |h| async move {
        let liar = Liar::start().await;
        h.upstream("liar", oidc(&liar.issuer), Some("s")).await;
        let verified = json!({"sub": "eve", "email": "eve@example.net", "email_verified": true});
        let address = json!({"sub": "eve", "email": "alice@example.org"});
        let flag = json!({"sub": "eve", "email_verified": true});
        for (token, info) in [(&verified, &address), (&address, &flag)] {
            let browser = h.visitor();
            let away = browser.led("liar", &[]).await;
            let mut claims = honest(&liar, &away);
            let said = token.as_object().unwrap().clone();
            claims.as_object_mut().unwrap().extend(said);
            liar.gives(&liar.sign(&claims));
            liar.does("/userinfo", Does::Says(200, info.to_string()));
            // alice@example.org is not believed: nobody is asked for a proof, and nobody has it.
            let came = browser.get(&back(&h, "liar", &away)).await;
            let code = browser.follow(came).await;
            let tokens = h.exchange(&code["code"]).await.json;
            let told = super::super::support::claims(&tokens["id_token"]);
            assert_eq!((&told["name"], told.get("email")), (&json!("Eve"), None));
        }
    });
}

#[test]
fn userinfo_of_somebody_else_is_refused() {
    on_both_with(&HERE, |h| async move {
        let liar = Liar::start().await;
        h.upstream("liar", oidc(&liar.issuer), Some("s")).await;
        let browser = h.visitor();
        let away = browser.led("liar", &[]).await;
        liar.gives(&liar.sign(&honest(&liar, &away)));
        let other = json!({"sub": "alice", "name": "Alice"}).to_string();
        liar.does("/userinfo", Does::Says(200, other));
        let reason = refused(&h, &browser, &back(&h, "liar", &away)).await;
        assert_eq!(reason, "UpstreamAnswerUnfit");
    });
}

/// What another provider remembers of somebody is no new proof of who they are.
#[test]
fn a_sign_in_there_is_as_old_here_as_it_is_there() {
    on_both_with(&HERE, |h| async move {
        let liar = liar(&h).await;
        for auth_time in [None, Some(START - 3000)] {
            let browser = h.visitor();
            let away = browser.led("liar", &[]).await;
            let mut claims = honest(&liar, &away);
            claims["auth_time"] = auth_time.into();
            if auth_time.is_none() {
                claims.as_object_mut().unwrap().remove("auth_time");
            }
            liar.gives(&liar.sign(&claims));
            browser
                .follow(browser.get(&back(&h, "liar", &away)).await)
                .await;
            let (at, _) = browser
                .page(browser.begin(&[("max_age", "300")]).await)
                .await;
            assert!(at.contains("/login/"), "{at}");
        }
    });
}
