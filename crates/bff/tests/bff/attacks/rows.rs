//! Somebody who can write to the store, and has no sealing key.

use std::sync::Arc;

use latchkey_bff::store::{Key, MemoryStore};
use latchkey_protocol::Timestamp;

use super::world;
use crate::support::*;

const NOW: Timestamp = Timestamp::from_seconds(BEGIN);

#[actix_web::test]
async fn a_session_that_is_moved_to_another_cookie_does_not_open() {
    let world = world().await;
    let (alice, mallory) = (world.signed_in().await, world.browser());
    mallory.sign_in(&world.issuer, "mallory").await;
    let of = |browser: &Browser| Key::of_cookie(&browser.cookie());
    let row = world.store.find(&of(&alice), NOW).await.unwrap().unwrap();
    let key = of(&mallory);
    let moved = world
        .store
        .replace(&key, 1, &row.sealed, row.expires_at, NOW);
    assert!(moved.await.unwrap());
    mallory.get("/api/me").await.assert_ended();
    assert_eq!(alice.get("/api/me").await.json["user"], "alice");
    world.stop().await;
}

/// The end of a session stands in what is sealed too.
#[actix_web::test]
async fn a_session_is_not_made_longer_from_outside() {
    let world = world().await;
    let alice = world.signed_in().await;
    let key = Key::of_cookie(&alice.cookie());
    world
        .store
        .extend(&key, NOW + 400 * 86_400, NOW)
        .await
        .unwrap();
    world.pass(12 * 3600);
    alice.get("/api/me").await.assert_ended();
    world.stop().await;
}

#[test]
fn another_installation_opens_nothing_and_a_key_that_was_rotated_opens_still() {
    actix_web::rt::System::new().block_on(async {
        let plan = Plan {
            keys: "b",
            ..Plan::default()
        };
        let world = World::start_with(Arc::new(MemoryStore::default()), plan).await;
        let alice = world.signed_in().await;
        let [foreign, rotated, after] =
            ["c", "db", "d"].map(|keys| world.another_installation(keys));
        let copy = alice.with_cookie(&alice.cookie());
        copy.send(copy.request_at(&foreign, "/api/me"))
            .await
            .assert_ended();
        world.pass(ACCESS);
        // Renewed there, it is sealed with the new key.
        let copy = alice.with_cookie(&alice.cookie());
        let call = copy.send(copy.request_at(&rotated, "/api/me")).await;
        assert_eq!(call.status, 200);
        let call = copy.send(copy.request_at(&after, "/api/me")).await;
        assert_eq!(call.status, 200);
        world.stop().await;
    });
}
