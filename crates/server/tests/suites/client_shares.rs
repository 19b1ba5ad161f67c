//! What strangers, or one of its own servers, cannot take from a client.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::json;

use crate::{refusals::kept, support::*};

const PROXY: (&str, &str) = ("LATCHKEY_TRUSTED_PROXIES", "127.0.0.0/8");

/// A request for a token with a code that does not exist, or with `client_credentials` where there is none.
async fn token(
    h: &Harness,
    address: &str,
    client: &str,
    secret: &str,
    code: Option<&str>,
) -> Answer {
    let request = plain()
        .post(h.at("/token"))
        .header("X-Forwarded-For", address.to_owned());
    let grant = if code.is_some() {
        "authorization_code"
    } else {
        "client_credentials"
    };
    let form = [("grant_type", grant), ("code", code.unwrap_or_default())];
    answer(
        request
            .header("Authorization", basic(client, secret))
            .form(&form),
    )
    .await
}

#[test]
fn one_neighbourhood_does_not_keep_a_clients_refusals_from_being_explained() {
    on_both_with(&[PROXY], async |h| {
        let from = |n: usize| {
            let h = &h;
            async move { token(h, &format!("192.0.2.{n}"), "app", SECRET, Some("x")).await }
        };
        join_all((0..150).map(from)).await;
        let refused = token(&h, "203.0.113.1", "app", SECRET, Some("x")).await;
        let kept = kept(&h, refused.json["error_ref"].as_str().unwrap()).await;
        assert_eq!(kept.client_id.as_deref(), Some("app"));
    });
}

#[test]
fn five_neighbourhoods_do_not_use_up_what_is_kept_of_all() {
    on_both_with(&[PROXY], async |h| {
        for n in 0..5 {
            h.client(json!({ "client_id": format!("c{n}"), "client_secret": SECRET, "redirect_uris": [CALLBACK] }))
                .await;
        }
        for client in 0..5 {
            let client = format!("c{client}");
            let from = |n: usize| format!("192.0.{}.1", n % 5);
            join_all((0..125).map(|n| {
                let (h, client, from) = (&h, client.clone(), from(n));
                async move { token(h, &from, &client, SECRET, Some("x")).await }
            }))
            .await;
        }
        let refused = token(&h, "203.0.113.1", "app", SECRET, Some("x")).await;
        kept(&h, refused.json["error_ref"].as_str().unwrap()).await;
    });
}

#[test]
fn a_server_with_an_old_secret_does_not_lock_out_the_others_beside_it() {
    on_both_with(&[PROXY], async |h| {
        let own = "203.0.113.1";
        for address in [own, "198.51.100.1"] {
            if address == own {
                assert_eq!(token(&h, address, "app", SECRET, None).await.status, 200);
            }
            for _ in 0..30 {
                assert_eq!(
                    token(&h, address, "app", "the old secret", None)
                        .await
                        .status,
                    401
                );
            }
            assert_eq!(
                token(&h, address, "app", SECRET, None).await.status,
                200,
                "{address}"
            );
        }
    });
}

#[test]
fn from_a_clients_own_network_two_hundred_different_secrets_are_judged() {
    on_both_with(&[PROXY], async |h| {
        let own = "203.0.113.1";
        assert_eq!(token(&h, own, "app", SECRET, None).await.status, 200);
        // Each comes twice, at the same time.
        let guess = |n: usize| {
            let h = &h;
            async move {
                (
                    n / 2,
                    token(h, own, "app", &format!("guess {}", n / 2), None)
                        .await
                        .status,
                )
            }
        };
        let answers = join_all((0..900).map(guess)).await;
        let judged: HashSet<_> = answers
            .iter()
            .filter(|(_, status)| *status == 401)
            .map(|(guess, _)| guess)
            .collect();
        assert_eq!(judged.len(), 200);
        assert_eq!(token(&h, own, "app", SECRET, None).await.status, 429);
        h.pass(600);
        assert_eq!(token(&h, own, "app", SECRET, None).await.status, 200);
    });
}

#[test]
fn codes_that_nobody_exchanges_make_room_for_one_another() {
    on_both(async |h| {
        let browser = h.browser();
        let tokens = h.tokens(&browser).await;
        let mut codes = Vec::new();
        for _ in 0..30 {
            codes.push(h.code(&browser, &[("prompt", "none")]).await);
            h.pass(1);
        }
        assert_eq!(h.exchange(&codes[5]).await.error(), "invalid_grant");
        assert_eq!(h.exchange(&codes[29]).await.status, 200);
        assert_eq!(
            h.refresh(tokens["refresh_token"].as_str().unwrap())
                .await
                .status,
            200,
            "no device is signed out"
        );
    });
}
