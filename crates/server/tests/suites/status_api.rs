//! An API on the crate `latchkey-resource-server` that follows the status lists of the provider.

use std::time::{Duration, Instant};

use latchkey_operations::{Caller, Operations};
use latchkey_resource_server::{Refusal, Rejection, Verifier};
use latchkey_server::wiring::OsEntropy;
use serde_json::json;

use crate::{
    claims::{exchange_as, register_with},
    support::*,
};

const API: &str = "https://api.example";

/// Looks as the program does.
fn follow(h: &Harness) {
    let provider = h.app.provider.clone();
    actix_web::rt::spawn(async move {
        loop {
            provider.status.as_ref().unwrap().follow().await.unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
}

#[test]
fn a_forced_sign_out_is_refused_by_every_api_within_two_seconds_and_nothing_else_is() {
    on_both(async |h| {
        follow(&h);
        register_with(&h, "shop", &json!({ "audience": [API] })).await;
        let mut apis = Vec::new();
        for _ in 0..3 {
            let clock = h.app.provider.clock.clone();
            let api = Verifier::for_api(&h.issuer, API).clock(clock);
            apis.push(api.start().await.unwrap());
        }
        let asked = [("client_id", "shop"), ("scope", "openid offline_access")];
        let mut tokens = Vec::new();
        for user in ["alice", "bob"] {
            let browser = h.browser();
            browser.act_as(user, &format!("{user} password"));
            let given = exchange_as(&h, "shop", &browser.authorize(&asked).await).await;
            tokens.push(given["access_token"].as_str().unwrap().to_owned());
        }
        for api in &apis {
            for token in &tokens {
                assert!(api.verify(token).await.is_ok());
            }
        }
        let operations = Operations {
            store: &*h.store,
            entropy: &OsEntropy,
            caller: Caller::server(),
            now: h.moment(),
        };
        operations.end_sessions("alice").await.unwrap();
        let began = Instant::now();
        for api in &apis {
            loop {
                assert!(began.elapsed() < Duration::from_secs(2), "it passes still");
                match api.verify(&tokens[0]).await {
                    Ok(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                    Err(Rejection::Refused(Refusal::Revoked)) => break,
                    Err(other) => panic!("{other:?}"),
                }
            }
            assert!(api.verify(&tokens[1]).await.is_ok(), "bob goes on");
        }
        eprintln!("refused by three APIs after {:?}", began.elapsed());
    });
}
