//! Users whom `latchkey dev` signs in without a browser; who may ask for that, and that `serve` has none of it.

use reqwest::{Method, header};
use serde_json::{Value, json};

use super::{
    dev_controls::{Test, claims, param},
    reqwest_blocking,
    support::*,
};

#[test]
fn one_call_signs_a_user_in_as_far_as_the_redirect_with_a_code() {
    Test::run(async |test| {
        let redirect = test.redirect(&[]).await;
        assert!(
            redirect.as_str().starts_with("http://localhost/callback?"),
            "{redirect}"
        );
        assert_eq!(param(&redirect, "state").unwrap(), "of the app");
        assert_eq!(param(&redirect, "iss").unwrap(), test.dev.issuer());
        let (status, tokens) = test.exchange(&redirect).await;
        assert_eq!(status, 200, "{tokens}");
        assert_eq!(
            claims(&tokens["id_token"])["sub"],
            test.dev.line["users"][0]["sub"]
        );
        assert_eq!(test.userinfo(&tokens).await, 200);
        // Again, with all that would bring a page.
        for prompt in ["login", "consent", "select_account", "login consent"] {
            let redirect = test.redirect(&[("prompt", prompt)]).await;
            assert!(param(&redirect, "code").is_some(), "{prompt}: {redirect}");
        }
        // What the app hears when it asks for the wrong thing, it hears here.
        let redirect = test.redirect(&[("response_type", "token")]).await;
        assert_eq!(
            param(&redirect, "error").unwrap(),
            "unsupported_response_type"
        );
    });
}

#[test]
fn the_cookies_are_those_of_a_browser_that_is_signed_in() {
    Test::run(async |test| {
        let asked = json!({ "username": "alice@example.org", "remember": true });
        let sent = test
            .call(Method::POST, "/dev/sign-in")
            .json(&asked)
            .send()
            .await
            .unwrap();
        let set = sent.headers()[header::SET_COOKIE]
            .to_str()
            .unwrap()
            .to_owned();
        let first: Value = sent.json().await.unwrap();
        let cookie = &first["cookies"][0];
        let pair = format!(
            "{}={}",
            cookie["name"].as_str().unwrap(),
            cookie["value"].as_str().unwrap()
        );
        assert!(set.starts_with(&pair) && set.contains("HttpOnly"), "{set}");
        assert_eq!(
            (&cookie["domain"], &cookie["path"]),
            (&json!("localhost"), &json!("/"))
        );
        assert!(cookie["expires"].as_i64().unwrap() > 1_700_000_000);
        assert!(first.get("redirect_to").is_none());
        test.redirect(&[]).await;
        assert!(param(&test.silently(&first["cookies"]).await, "code").is_some());
        // A second app in the same session, as a browser does it.
        let again = json!({ "username": "alice" });
        let sent = test
            .call(Method::POST, "/dev/sign-in")
            .header(header::COOKIE, pair)
            .json(&again);
        let second: Value = sent.send().await.unwrap().json().await.unwrap();
        assert_eq!(second["sid"], first["sid"]);
        assert_eq!(
            param(&test.silently(&first["cookies"]).await, "error").unwrap(),
            "login_required"
        );
        assert!(param(&test.silently(&second["cookies"]).await, "code").is_some());
    });
}

#[test]
fn who_cannot_sign_in_and_what_cannot_be_answered_is_said() {
    Test::run(async |test| {
        let request = test.request(&[]);
        let other = request.replace(&test.dev.issuer(), "http://localhost:1");
        let unknown = test.request(&[("client_id", "nobody")]);
        let form = test.request(&[("response_mode", "form_post")]);
        for (asked, says) in [
            (
                json!({ "username": "mallory" }),
                "there is nobody called mallory",
            ),
            (json!({ "username": "carol" }), "carol has no password"),
            (
                json!({ "user": "alice" }),
                "unknown field `user`, expected one of `username`",
            ),
            (json!({}), "missing field `username`"),
            (
                json!({ "username": "alice", "authorization_request": other }),
                "begins with http://localhost:",
            ),
            (
                json!({ "username": "alice", "authorization_request": "client_id=shop" }),
                "begins with",
            ),
            (
                json!({ "username": "alice", "authorization_request": unknown }),
                "the request is refused; latchkey why ",
            ),
            (
                json!({ "username": "alice", "authorization_request": form }),
                "response_mode=query",
            ),
        ] {
            let (status, said) = test.post("/dev/sign-in", asked.clone()).await;
            assert_eq!(
                (status, &said["error"]),
                (400, &json!("invalid_request")),
                "{asked}"
            );
            assert!(
                said["error_description"].as_str().unwrap().contains(says),
                "{asked}: {said}"
            );
        }
    });
}

#[test]
fn no_page_of_another_site_moves_anything() {
    Test::run(async |test| {
        let evil = "https://evil.example";
        for (name, value) in [
            ("Origin", evil),
            ("Origin", "null"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
            ("Host", "evil.example"),
            ("X-Forwarded-For", "127.0.0.1"),
        ] {
            for path in ["/dev/clock", "/dev/faults", "/dev/sign-in", "/dev/other"] {
                let sent = test
                    .call(Method::POST, path)
                    .header(name, value)
                    .json(&json!({ "advance": "1h" }));
                let answer = sent.send().await.unwrap();
                assert_eq!(answer.status(), 403, "{path} {name}: {value}");
                let said: Value = answer.json().await.unwrap();
                assert_eq!(said["error"], "access_denied");
            }
        }
        // The key that signs is known: nothing is served under a name that leads here by a lie.
        for path in ["/.well-known/openid-configuration", "/admin/api/v1/users"] {
            for (host, is_served) in [("evil.example", false), ("127.0.0.1", true)] {
                let sent = test.call(Method::GET, path).header("Host", host);
                let status = sent.send().await.unwrap().status();
                assert_eq!(status != 403, is_served, "{path} at {host}: {status}");
            }
        }
        let text = test
            .call(Method::POST, "/dev/clock")
            .header("Content-Type", "text/plain");
        assert_eq!(
            text.body("{\"advance\":\"1h\"}")
                .send()
                .await
                .unwrap()
                .status(),
            415
        );
        let preflight = test
            .call(Method::OPTIONS, "/dev/clock")
            .send()
            .await
            .unwrap();
        assert_eq!(preflight.status(), 405);
        assert!(
            !preflight
                .headers()
                .keys()
                .any(|name| name.as_str().starts_with("access-control"))
        );
        assert_eq!(test.post("/dev/other", json!({})).await.0, 404);
        let here = test.good("/dev/clock", json!({ "advance": 0 })).await;
        assert_eq!(here["ahead"], 0, "nothing was moved");
    });
}

#[test]
fn serve_has_none_of_it() {
    let at = Place::new();
    at.add_alice_and_app();
    let _server = at.serve();
    let http = reqwest_blocking();
    for path in ["/dev", "/dev/clock", "/dev/faults", "/dev/sign-in"] {
        for method in [Method::POST, Method::GET, Method::DELETE] {
            let address = format!("{}{path}", at.issuer());
            let sent = http
                .1
                .request(method.clone(), address)
                .json(&json!({ "advance": "1h", "username": "alice" }));
            let answer = http.0.block_on(sent.send()).unwrap();
            assert_eq!(answer.status(), 404, "{method} {path}");
            assert!(!answer.headers().contains_key(header::SET_COOKIE));
        }
    }
}
