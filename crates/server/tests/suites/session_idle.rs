//! Sessions that lie unused.

use latchkey_protocol::Timestamp;
use serde_json::json;

use crate::support::*;

const IDLE: [(&str, &str); 2] = [
    ("LATCHKEY_SESSION__IDLE_LIFETIME", "10m"),
    ("LATCHKEY_SESSION__REMEMBER_IDLE_LIFETIME", "1d"),
];

#[test]
fn a_session_that_lies_unused_ends_with_its_tokens() {
    on_both_with(&IDLE, async |h| {
        let browser = h.browser();
        let silent = [("prompt", "none"), ("scope", "openid")];
        h.tokens(&browser).await;
        for _ in 0..5 {
            h.pass(599);
            assert!(
                browser.authorize(&silent).await.contains_key("code"),
                "each use counts"
            );
        }
        let tokens = h.tokens(&browser).await;
        h.pass(299);
        assert_eq!(
            h.userinfo(tokens["access_token"].as_str().unwrap())
                .await
                .status,
            200
        );
        h.pass(301);
        assert_eq!(browser.authorize(&silent).await["error"], "login_required");
        let renewed = h.refresh(tokens["refresh_token"].as_str().unwrap()).await;
        assert_eq!(
            renewed.status, 200,
            "offline access goes on without it: {renewed:?}"
        );
        h.store.sweep(h.moment(), 100).await.unwrap();
        assert!(h.store.sessions(Some(&h.alice)).await.unwrap().is_empty());
    });
}

#[test]
fn a_refresh_within_a_session_is_a_use_of_it_and_one_beyond_it_is_none() {
    on_both_with(&IDLE, async |h| {
        h.client(json!({
            "client_id": "within", "client_secret": SECRET, "redirect_uris": [CALLBACK], "refresh": "always",
            "trusted": true, "grant_types": ["authorization_code", "refresh_token"],
        }))
        .await;
        let with_secret = async |form: &[(&str, &str)]| {
            answer(
                plain()
                    .post(h.at("/token"))
                    .header("Authorization", basic("within", SECRET))
                    .form(form),
            )
            .await
        };
        let browser = h.browser();
        let code = h
            .code(&browser, &[("client_id", "within"), ("scope", "openid")])
            .await;
        let grant = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
        ];
        let mut tokens = with_secret(&[&grant[..], &[("code_verifier", VERIFIER)]].concat())
            .await
            .json;
        for _ in 0..4 {
            h.pass(400);
            let token = tokens["refresh_token"].as_str().unwrap().to_owned();
            let next =
                with_secret(&[("grant_type", "refresh_token"), ("refresh_token", &token)]).await;
            assert_eq!(next.status, 200, "{next:?}");
            tokens = next.json;
        }
        assert!(
            browser
                .authorize(&[
                    ("prompt", "none"),
                    ("client_id", "within"),
                    ("scope", "openid")
                ])
                .await
                .contains_key("code")
        );
        let mut offline = h.tokens(&browser).await;
        for _ in 0..2 {
            h.pass(400);
            offline = h
                .refresh(offline["refresh_token"].as_str().unwrap())
                .await
                .json;
        }
        let back = browser
            .authorize(&[
                ("prompt", "none"),
                ("client_id", "within"),
                ("scope", "openid"),
            ])
            .await;
        assert_eq!(
            back["error"], "login_required",
            "an app on its own is not the user at the browser"
        );
        let token = tokens["refresh_token"].as_str().unwrap();
        let ended = with_secret(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await;
        assert_eq!(ended.error(), "invalid_grant");
    });
}

#[test]
fn a_use_is_noted_once_a_minute_and_never_moves_the_end() {
    on_both_with(&IDLE, async |h| {
        let browser = h.browser();
        browser.authorize(&[("client_id", "post")]).await;
        let noted = async || h.store.sessions(Some(&h.alice)).await.unwrap()[0].clone();
        let start = noted().await;
        let now = h.moment();
        assert_eq!(
            (start.last_used_at, start.expires_at, start.ends_at),
            (now, now + 600, now + 43_200)
        );
        for (seconds, seen) in [
            (59, START),
            (1, START + 60),
            (59, START + 60),
            (1, START + 120),
        ] {
            h.pass(seconds);
            browser.get(&h.at("/")).await;
            assert_eq!(noted().await.last_used_at, Timestamp::from_seconds(seen));
        }
        for _ in 0..80 {
            h.pass(540);
            browser.get(&h.at("/")).await;
        }
        assert_eq!(
            h.store.sessions(Some(&h.alice)).await.unwrap()[0].expires_at,
            Timestamp::from_seconds(START + 43_200)
        );
        h.pass(600);
        assert_eq!(
            browser
                .authorize(&[("client_id", "post"), ("prompt", "none")])
                .await["error"],
            "login_required"
        );
    });
}
