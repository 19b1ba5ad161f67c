//! Tokens of a client that is disabled, or that admits fewer users, are noted as ended; those of others are not.

use std::{sync::Arc, time::Duration};

use latchkey_conformance::samples::{authorization, code_of, session};
use latchkey_operations::ClientChange;
use latchkey_protocol::{
    ClientId, SessionId,
    entry_change::LiveEntries,
    status::{StatusEntry, TokenEntries},
    store::EndedCursor,
};
use latchkey_server::{
    wiring::OsEntropy,
    workers::{AdmissionHandler, Workers},
};
use serde_json::json;

use crate::support::*;

fn workers(h: &Harness) -> Workers {
    let (store, clock) = (h.store.clone(), h.app.provider.clock.clone());
    let handler = AdmissionHandler::new(store.clone(), clock.clone());
    Workers::start(store, clock, Arc::new(OsEntropy), vec![Arc::new(handler)])
}

/// A token of alice at a client, with this place in a list.
async fn token(h: &Harness, client: &str, idx: u32) {
    let user = h.store.user(&h.alice).await.unwrap().unwrap();
    let name = format!("{client} {idx}");
    let mut new = session(&name, &h.alice);
    (new.created_at, new.last_used_at) = (h.moment(), h.moment());
    (new.expires_at, new.ends_at) = (h.moment() + 9999, h.moment() + 9999);
    let hash = user.password_hash.unwrap();
    let begun = h.store.sign_in(&new, &hash, None, None).await.unwrap();
    assert!(begun.is_some());
    let mut given = authorization(&name, "openid");
    (given.client_id, given.user_id) = (ClientId::new(client), h.alice.clone());
    code_of(&mut given).session_id = SessionId::new(name);
    assert!(h.store.issue_code(None, &given).await.unwrap());
    let (entry, now) = (StatusEntry { list: 0, idx }, h.moment());
    let (_, entries) = TokenEntries::default().assign(entry, true, now + 300, now);
    let change = LiveEntries::default().changed(entries);
    let exchanged = h
        .store
        .exchange_code(&given.id, now, None, now + 9999, &change);
    assert!(exchanged.await.unwrap());
}

async fn ended(h: &Harness) -> Vec<u32> {
    let found = h.store.status_lists_since(EndedCursor::default(), 1000);
    let found = found.await.unwrap().ended;
    let entries = found.iter().flat_map(|one| one.entries.iter());
    let mut places: Vec<_> = entries.map(|one| one.entry.idx).collect();
    places.sort_unstable();
    places.dedup();
    places
}

async fn until_ended(h: &Harness, places: &[u32]) {
    for _ in 0..200 {
        if ended(h).await == places {
            return;
        }
        actix_web::rt::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{:?}, not {places:?}", ended(h).await);
}

/// Also those that a node issues which knows the client as it was.
#[test]
fn a_client_that_is_disabled_loses_its_tokens_and_those_that_are_issued_at_that_moment() {
    on_both(async |h| {
        token(&h, "app", 1).await;
        token(&h, "native", 2).await;
        let workers = workers(&h);
        let operations = operations(&*h.store, &OsEntropy);
        operations
            .disable_client(&ClientId::new("app"))
            .await
            .unwrap();
        until_ended(&h, &[1]).await;
        token(&h, "app", 3).await;
        until_ended(&h, &[1, 3]).await;
        workers.stop().await;
    });
}

#[test]
fn a_client_that_is_limited_to_others_loses_the_tokens_of_whom_it_admits_no_more() {
    on_both(async |h| {
        token(&h, "app", 1).await;
        token(&h, "native", 2).await;
        let workers = workers(&h);
        let limit = async |groups: &[&str]| {
            let metadata = json!({ "access": { "groups": groups } });
            let change = ClientChange {
                metadata: &metadata,
                rules: Default::default(),
                new_secret: false,
            };
            let (secrets, app) = (&h.app.provider.client_secrets, ClientId::new("app"));
            let operations = operations(&*h.store, &OsEntropy);
            operations
                .update_client(secrets, &app, change)
                .await
                .unwrap();
        };
        // Alice is one of them.
        limit(&["blue"]).await;
        actix_web::rt::time::sleep(Duration::from_millis(200)).await;
        assert!(ended(&h).await.is_empty());
        limit(&["red"]).await;
        until_ended(&h, &[1]).await;
        workers.stop().await;
    });
}
