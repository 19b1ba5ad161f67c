//! When more is asked than can be signed: refusals in time, and everything cheap goes on.

use latchkey_protocol::ClientId;
use std::{sync::mpsc, time::Duration};

use serde_json::Value;

use crate::support::{CALLBACK, Harness, SECRET, VERIFIER, answer, basic, on_both, plain};

/// Keeps every signing thread busy until it is dropped; `ahead` signatures seem to wait.
struct Occupied(Vec<mpsc::Sender<()>>);

impl Occupied {
    async fn new(h: &Harness, ahead: usize) -> Self {
        let mut holding = Vec::new();
        for _ in 0..std::thread::available_parallelism().unwrap().get() {
            let (hold, held) = mpsc::channel();
            let (began, begun) = tokio::sync::oneshot::channel();
            let provider = h.app.provider.clone();
            actix_web::rt::spawn(async move {
                let work = move || {
                    let _begun = began.send(());
                    let _ended = held.recv();
                };
                // On a signing thread, never here: two come at once.
                let (one, other) = (ClientId::new("first"), ClientId::new("second"));
                let first = provider.signing.run(&one, ahead, work);
                let (first, second) = tokio::join!(first, provider.signing.run(&other, 1, || ()));
                let _both = (first, second);
            });
            holding.push(hold);
            drop(begun.await);
        }
        Self(holding)
    }

    fn end(self) {
        drop(self.0);
    }
}

async fn client_credentials(h: &Harness) -> crate::support::Answer {
    h.post_as_app("/token", &[("grant_type", "client_credentials")])
        .await
}

#[test]
fn what_cannot_be_signed_in_time_is_refused_with_retry_after_and_the_cheap_goes_on() {
    on_both(|h| async move {
        let browser = h.browser();
        let code = h.code(&browser, &[]).await;
        let occupied = Occupied::new(&h, 100_000).await;
        for refused in [client_credentials(&h).await, h.exchange(&code).await] {
            assert_eq!(
                (refused.status, refused.error()),
                (503, "temporarily_unavailable"),
                "{refused:?}"
            );
            assert_eq!(
                (
                    refused.header("retry-after"),
                    refused.header("cache-control")
                ),
                ("1", "no-store")
            );
        }
        for path in [
            "/healthz",
            "/readyz",
            "/jwks.json",
            "/.well-known/openid-configuration",
        ] {
            assert_eq!(answer(plain().get(h.at(path))).await.status, 200, "{path}");
        }
        occupied.end();
        // Nothing was spent by being refused.
        let mut answered = h.exchange(&code).await;
        for _ in 0..200 {
            if answered.status != 503 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            answered = h.exchange(&code).await;
        }
        assert_eq!(answered.status, 200, "{answered:?}");
    });
}

#[test]
fn nothing_is_done_for_a_caller_that_has_gone() {
    on_both(|h| async move {
        let browser = h.browser();
        let code = h.code(&browser, &[]).await;
        let occupied = Occupied::new(&h, 1).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let asked = plain()
            .post(h.at("/token"))
            .header("Authorization", basic("app", SECRET))
            .form(&form);
        let gone = asked.timeout(Duration::from_millis(300)).send().await;
        assert!(gone.is_err_and(|error| error.is_timeout()));
        // Time for the server to see it.
        tokio::time::sleep(Duration::from_millis(200)).await;
        occupied.end();
        let first: Value = h.exchange(&code).await.json;
        assert!(
            first["access_token"].is_string(),
            "the code was spent for a caller that had gone: {first}"
        );
    });
}
