//! How often a client secret may be guessed, how short one may be, and what one client may use up.

use futures_util::future::join_all;
use latchkey_protocol::ClientId;
use latchkey_protocol::registration::Registration;
use serde_json::json;

use crate::{limits::*, refusals::kept, support::*};

#[test]
fn of_six_hundred_guesses_at_a_client_secret_twenty_are_judged() {
    on_both_with(&[PROXY], async |h| {
        let http = plain();
        let token = |address: &str, secret: &str| {
            let request = http
                .post(h.at("/token"))
                .header("X-Forwarded-For", address.to_owned());
            answer(
                request
                    .header("Authorization", basic("app", secret))
                    .form(&[("grant_type", "client_credentials")]),
            )
        };
        let own = "203.0.113.1";
        assert_eq!(token(own, SECRET).await.status, 200);
        let guessed = join_all((0..600).map(|n| token("192.0.2.1", &format!("guess {n}")))).await;
        assert_eq!(
            tally(guessed.iter().map(|a| a.status)),
            [(401, 20), (429, 580)]
        );
        let locked = token("192.0.2.1", SECRET).await;
        assert_eq!(
            (locked.status, locked.error(), locked.header("retry-after")),
            (429, "invalid_client", "600")
        );
        assert_eq!(token(own, SECRET).await.status, 200);
        for n in 2..14 {
            join_all((0..25).map(|m| token(&format!("192.0.2.{n}"), &format!("guess {m}")))).await;
        }
        assert_eq!(
            token("198.51.100.1", SECRET).await.status,
            429,
            "guessed from everywhere"
        );
        assert_eq!(
            token(own, SECRET).await.status,
            200,
            "its own server goes on"
        );
        h.pass(600);
        assert_eq!(token("192.0.2.1", SECRET).await.status, 200);
    });
}

#[test]
fn a_short_client_secret_is_refused_at_registration_and_works_where_it_was_registered_before() {
    let register =
        |secret: &str| Registration::parse(&json!({ "client_secret": secret, "grant_types": [] }));
    assert!(register(&"x".repeat(32)).is_ok());
    let refused = register(&"x".repeat(31)).unwrap_err();
    assert_eq!(refused.code, "invalid_client_metadata");
    assert!(
        refused.sentence().contains("32 characters or more"),
        "{refused}"
    );
    on_both(async |h| {
        let mut old = (*h
            .store
            .client(&ClientId::new("app"))
            .await
            .unwrap()
            .unwrap())
        .clone();
        old.id = ClientId::new("old");
        old.secret = Some(h.app.provider.client_secrets.digest("old", "short"));
        assert!(h.store.create_client(&old).await.unwrap());
        let request = plain()
            .post(h.at("/token"))
            .header("Authorization", basic("old", "short"));
        assert_eq!(
            answer(request.form(&[("grant_type", "client_credentials")]))
                .await
                .status,
            200
        );
    });
}

#[test]
fn one_noisy_client_leaves_room_to_explain_others() {
    on_both_with(&[PROXY], async |h| {
        let token = |address: &str, client: &str| {
            let request = plain()
                .post(h.at("/token"))
                .header("X-Forwarded-For", address.to_owned());
            let form = [
                ("grant_type", "authorization_code"),
                ("code", "x"),
                ("client_id", client),
                ("client_secret", SECRET),
            ];
            answer(request.form(&form))
        };
        let first = token("203.0.113.1", "post").await;
        for n in 0..12 {
            join_all((0..50).map(|_| token(&format!("192.0.{n}.1"), "post"))).await;
        }
        let form = [("grant_type", "authorization_code"), ("code", "x")];
        let request = plain()
            .post(h.at("/token"))
            .header("X-Forwarded-For", "203.0.113.2");
        let other = answer(
            request
                .header("Authorization", basic("app", SECRET))
                .form(&form),
        )
        .await;
        for (refused, client) in [(first, "post"), (other, "app")] {
            let kept = kept(&h, refused.json["error_ref"].as_str().unwrap()).await;
            assert_eq!(kept.client_id.as_deref(), Some(client));
        }
    });
}
