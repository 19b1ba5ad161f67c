//! Tokens of a client that is disabled, or that admits fewer users, are noted as ended; those of others are not.

use std::{sync::Arc, time::Duration};

use latchkey_conformance::samples::{authorization, code_of, session};
use latchkey_operations::{ClientChange, Operations};
use latchkey_protocol::{
    ClientId, SessionId, Timestamp,
    admission::{KIND, Review},
    entry_change::LiveEntries,
    jobs::TakeJobs,
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

/// Until every review has been worked off, also those that come later.
async fn until_reviewed(h: &Harness) {
    let far = Timestamp::from_seconds(1 << 40);
    for _ in 0..400 {
        if !h.store.has_due_jobs(KIND, far).await.unwrap() {
            return;
        }
        actix_web::rt::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("a review is left");
}

/// Also those that a node issues which knows the client as it was.
#[test]
fn a_client_that_is_disabled_loses_its_tokens_and_those_that_are_issued_at_that_moment() {
    on_both(async |h| {
        token(&h, "app", 1).await;
        token(&h, "native", 2).await;
        let workers = workers(&h);
        let operations = Operations {
            now: h.moment(),
            ..operations(&*h.store, &OsEntropy)
        };
        operations
            .disable_client(&ClientId::new("app"))
            .await
            .unwrap();
        until_ended(&h, &[1]).await;
        token(&h, "app", 3).await;
        h.pass(2);
        until_ended(&h, &[1, 3]).await;
        token(&h, "app", 4).await;
        h.pass(58);
        until_ended(&h, &[1, 3, 4]).await;
        until_reviewed(&h).await;
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
            let operations = Operations {
                now: h.moment(),
                ..operations(&*h.store, &OsEntropy)
            };
            operations
                .update_client(secrets, &app, change)
                .await
                .unwrap();
        };
        // Alice is one of them.
        limit(&["blue"]).await;
        h.pass(60);
        until_reviewed(&h).await;
        assert!(ended(&h).await.is_empty());
        limit(&["red"]).await;
        until_ended(&h, &[1]).await;
        workers.stop().await;
    });
}

/// Of more than a page: what one node has looked at the next one need not, and all the rest it does.
#[test]
fn a_review_is_carried_on_by_another_node_however_many_have_died() {
    on_both(async |h| {
        const GIVEN: usize = 2500;
        let (code, entries) = match h.database.url.starts_with("sqlite") {
            true => ("randomblob(32)", "x'00000000000000077fffffff'"),
            false => (
                "sha256(convert_to(n::text, 'UTF8'))",
                "'\\x00000000000000077fffffff'::bytea",
            ),
        };
        h.sql(&format!(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {GIVEN}) \
             INSERT INTO authorizations (id, client_id, user_id, session_id, scope, offline, auth_time, amr, redirect_uri, \
             redirect_uri_sent, code, code_expires_at, created_at, expires_at, token_entries, token_entries_until) \
             SELECT 'a' || (10000 + n), 'app', '{}', 's', 'openid', 1, 0, 'pwd', 'https://c.example', 1, {code}, 9, 0, \
             9999999999, {entries}, 4000000000 FROM n;",
            h.alice.as_str()
        ));
        let app = ClientId::new("app");
        let disabled = h.store.set_client_disabled(&app, None, Some(h.moment()));
        assert!(disabled.await.unwrap());
        // Each comes further: the job is tried more often than one that fails.
        for n in 1..=12 {
            let dies = TakeJobs {
                owner: "dies",
                kind: KIND,
                now: h.moment() + 60 * n,
                lease: 60,
                most: 9,
            };
            let jobs = h.store.take_jobs(&dies).await.unwrap();
            let (job, others) = jobs.split_first().unwrap();
            for other in others {
                assert!(h.store.finish_job(&other.lease).await.unwrap());
            }
            let begin = Review::read(&job.payload).unwrap();
            let page = h
                .store
                .review_admissions(&job.lease, &begin, 100, h.moment());
            assert!(page.await.unwrap().unwrap().next.is_some());
        }
        assert_eq!(count(&h).await, 1200);
        h.pass(60 * 14);
        let workers = workers(&h);
        until_reviewed(&h).await;
        assert_eq!(count(&h).await, GIVEN);
        workers.stop().await;
    });
}

/// How many rows of what ended there are.
async fn count(h: &Harness) -> usize {
    let found = h.store.status_lists_since(EndedCursor::default(), 10_000);
    found.await.unwrap().ended.len()
}
