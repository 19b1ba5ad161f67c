//! Behind a proxy, under https, under a path, and under a flood.

use latchkey_protocol::claims::{ACCESS_TOKEN_TYPE, ID_TOKEN_TYPE, REFRESH_TOKEN_TYPE};
use reqwest::header::HeaderValue;
use serde_json::Value;

use crate::support::*;

const PROXY: (&str, &str) = ("LATCHKEY_TRUSTED_PROXIES", "127.0.0.0/8, 10.0.0.0/8");

/// Fails a sign-in as seen from somewhere; the status.
async fn fail(h: &Harness, headers: &[(&str, &str)]) -> u16 {
    let browser = h.browser_sending(headers);
    browser.act_as("alice", "no");
    let (at, page) = browser.page(browser.begin(&[]).await).await;
    browser.login(&at, &page.text).await.status
}

#[test]
fn a_trusted_proxy_names_the_caller_and_the_caller_cannot() {
    on_both_with(&[PROXY], async |h| {
        // What stands left of the proxies' own entries is the caller's invention.
        for n in 0..10 {
            let spoofed = format!("198.51.100.{n}, 203.0.113.1, 10.1.1.1");
            assert_eq!(fail(&h, &[("X-Forwarded-For", &spoofed)]).await, 401);
        }
        assert_eq!(fail(&h, &[("X-Forwarded-For", "203.0.113.1")]).await, 429);
        assert_eq!(fail(&h, &[("X-Forwarded-For", "203.0.113.2")]).await, 401);
        let both = [
            ("X-Forwarded-For", "203.0.113.1"),
            ("Forwarded", "for=203.0.113.3"),
        ];
        assert_eq!(
            fail(&h, &both).await,
            429,
            "only the proxies' own header is read"
        );
    });
    on_both_with(
        &[PROXY, ("LATCHKEY_FORWARDED_HEADER", "Forwarded")],
        async |h| {
            for n in 0..10 {
                let spoofed = format!("for=198.51.100.{n}, for=\"203.0.113.1:99\";proto=https");
                assert_eq!(fail(&h, &[("Forwarded", &spoofed)]).await, 401);
            }
            let both = [
                ("X-Forwarded-For", "203.0.113.3"),
                ("Forwarded", "For=203.0.113.1"),
            ];
            assert_eq!(fail(&h, &both).await, 429);
            assert_eq!(
                fail(&h, &[("Forwarded", "for=\"[2001:db8::1]\"")]).await,
                401
            );
        },
    );
    on_both(async |h| {
        for n in 0..10 {
            assert_eq!(
                fail(&h, &[("X-Forwarded-For", &format!("203.0.113.{n}"))]).await,
                401
            );
        }
        assert_eq!(
            fail(&h, &[("X-Forwarded-For", "203.0.113.99")]).await,
            429,
            "nobody is trusted by default"
        );
    });
}

#[test]
fn under_https_cookies_are_bound_to_the_host() {
    on_both_with(&[("LATCHKEY_ISSUER", "https://id.example")], async |h| {
        let begun = answer(
            plain()
                .get(h.at("/authorize"))
                .query(&Browser::request(&[])),
        )
        .await;
        let location = begun.header("location").to_owned();
        assert!(
            location.starts_with("https://id.example/login/"),
            "{location}"
        );
        let browser = begun
            .header("set-cookie")
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        let at = location.replace("https://id.example", &h.address);
        let page = answer(plain().get(&at).header("Cookie", &browser)).await;
        let csrf = field(&page.text, "csrf").unwrap();
        let form = [
            ("csrf", csrf.as_str()),
            ("username", "alice"),
            ("password", "alice password"),
        ];
        let signed_in = answer(plain().post(&at).header("Cookie", &browser).form(&form)).await;
        for cookie in [begun.header("set-cookie"), signed_in.header("set-cookie")] {
            assert!(cookie.starts_with("__Host-"), "{cookie}");
            for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
                assert!(
                    cookie.split("; ").any(|a| a == attribute),
                    "{attribute}: {cookie}"
                );
            }
            assert!(!cookie.contains("Domain"), "{cookie}");
        }
        assert_eq!(page.header("strict-transport-security"), "max-age=31536000");
    });
    for issuer in ["https://localhost:8443", "http://id.example"] {
        let settings = [
            ("LATCHKEY_ISSUER", issuer),
            ("LATCHKEY_ALLOW_INSECURE_ISSUER", "true"),
        ];
        on_both_with(&settings, async |h| {
            let page = answer(plain().get(h.at("/"))).await;
            assert_eq!(
                (page.status, page.header("strict-transport-security")),
                (200, ""),
                "{issuer}"
            );
        });
    }
}

#[test]
fn another_host_of_the_domain_can_neither_set_nor_hide_a_cookie() {
    on_both_with(&[("LATCHKEY_ISSUER", "https://id.example")], async |h| {
        let form = h.login_form().await;
        let status = async |cookies: Vec<u8>| {
            let cookies = HeaderValue::from_bytes(&cookies).unwrap();
            answer(plain().get(&form.at).header("Cookie", cookies))
                .await
                .status
        };
        // The names of all of ours begin with `__Host-`; a browser lets no other host set those, but it lets it set this one.
        let planted = form.cookie.replacen("__Host-", "__Host%2D", 1);
        assert_ne!(planted, form.cookie);
        assert_ne!(status(planted.clone().into_bytes()).await, 200);
        let beside = format!("{planted}x; {}", form.cookie);
        assert_eq!(status(beside.into_bytes()).await, 200);
        let no_text = [b"x=\xff; ", form.cookie.as_bytes()].concat();
        assert_eq!(status(no_text).await, 200);
    });
}

#[test]
fn an_issuer_may_have_a_path() {
    on_both_with(&[("LATCHKEY_ISSUER", "/auth/main")], async |h| {
        let document = h.discovery().await;
        assert_eq!(document["issuer"], h.issuer.as_str());
        let origin = h.issuer.strip_suffix("/auth/main").unwrap();
        let inserted = format!("{origin}/.well-known/oauth-authorization-server/auth/main");
        let same: Value = plain()
            .get(&inserted)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(same, document, "RFC 8414 3.1");
        assert_eq!(answer(plain().head(inserted)).await.status, 200);
        let browser = h.browser();
        let tokens = h.tokens(&browser).await;
        assert_eq!(claims(&tokens["id_token"])["iss"], h.issuer.as_str());
        assert_eq!(
            h.userinfo(tokens["access_token"].as_str().unwrap())
                .await
                .status,
            200
        );
        let (at, _) = browser
            .page(browser.begin(&[("prompt", "login")]).await)
            .await;
        let page = browser.get(&at).await;
        let style = page
            .text
            .split("href=\"")
            .find(|part| part.contains(".css"))
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        assert_eq!(
            browser.get(&format!("{origin}{style}")).await.status,
            200,
            "{style}"
        );
        assert_eq!(
            answer(plain().get(format!("{origin}/login/x")))
                .await
                .status,
            404
        );
    });
}

#[test]
fn sign_ins_that_nobody_finishes_are_bounded() {
    on_both_with(&[PROXY], async |h| {
        let begin = async |from: &str| {
            let request = plain()
                .get(h.at("/authorize"))
                .query(&Browser::request(&[]));
            answer(request.header("X-Forwarded-For", from)).await
        };
        for n in 0..4999 {
            // One network, whichever of its addresses speaks.
            assert_eq!(begin(&format!("2001:db8::{n:x}")).await.status, 303);
        }
        let browser = h.browser_sending(&[("X-Forwarded-For", "2001:db8::2")]);
        for _ in 0..2 {
            // What users finish does not count, and what they decline neither.
            assert!(
                browser
                    .authorize(&[("prompt", "login")])
                    .await
                    .contains_key("code")
            );
            let (at, page) = browser
                .page(browser.begin(&[("prompt", "consent")]).await)
                .await;
            assert_eq!(
                browser
                    .follow(browser.decide(&at, &page.text, "deny").await)
                    .await["error"],
                "access_denied"
            );
        }
        assert_eq!(begin("2001:db8::1").await.status, 303);
        let refused = begin("2001:db8::1").await;
        assert_eq!(
            (refused.status, refused.header("retry-after")),
            (429, "600")
        );
        assert!(refused.text.contains("error-page"));
        assert_eq!(
            begin("2001:db8:0:1::1").await.status,
            303,
            "others are not held up"
        );
        h.pass(600);
        assert_eq!(begin("2001:db8::1").await.status, 303);
    });
}

/// An issuer that was renamed keeps its keys.
#[test]
fn what_was_signed_for_another_issuer_counts_for_nothing() {
    on_both(async |h| {
        let browser = h.browser();
        let tokens = h.tokens(&browser).await;
        let ring = h.app.ui.only_realm.keys.ring();
        let elsewhere = |name: &str, typ: &str, issuer: &str| {
            let mut claims = claims(&tokens[name]);
            claims["iss"] = issuer.into();
            ring.signer(h.now()).unwrap().sign(typ, &claims).unwrap()
        };
        for (issuer, ours) in [("https://old.example", false), (h.issuer.as_str(), true)] {
            let hint = elsewhere("id_token", ID_TOKEN_TYPE, issuer);
            let back = browser
                .authorize(&[("prompt", "none"), ("id_token_hint", &hint)])
                .await;
            assert_eq!(back.contains_key("code"), ours, "{back:?}");
            let access = elsewhere("access_token", ACCESS_TOKEN_TYPE, issuer);
            assert_eq!(
                h.userinfo(&access).await.status,
                if ours { 200 } else { 401 }
            );
            let seen = h.post_as_app("/introspect", &[("token", &access)]).await;
            assert_eq!(seen.json["active"], ours);
            let refresh = elsewhere("refresh_token", REFRESH_TOKEN_TYPE, issuer);
            let seen = h.post_as_app("/introspect", &[("token", &refresh)]).await;
            assert_eq!(seen.json["active"], ours);
            if !ours {
                for token in [&access, &refresh] {
                    h.post_as_app("/revoke", &[("token", token)]).await;
                }
            }
            assert_eq!(
                h.refresh(&refresh).await.status,
                if ours { 200 } else { 400 }
            );
            let logout = browser
                .get(&h.at(&format!("/logout?id_token_hint={hint}")))
                .await;
            assert_eq!(
                logout.status,
                if ours { 303 } else { 200 },
                "a stranger's hint asks first"
            );
        }
    });
}
