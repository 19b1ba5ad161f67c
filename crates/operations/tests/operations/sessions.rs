//! Sessions.

use latchkey_operations::{Operation, OperationError};
use latchkey_protocol::page::Page;
use latchkey_protocol::{Secret, SessionId, kind, secret::new_id, session::Session, user::User};

use crate::support::*;

async fn signed_in(world: &World, user: &User, replaces: Option<&Session>) -> Session {
    let secret = Secret::<kind::Session>::generate(&OsEntropy);
    let session = Session::begin(
        SessionId::new(new_id(world.now, &OsEntropy)),
        secret.digest(),
        user.id.clone(),
        false,
        &LIFETIMES,
        world.now,
    );
    let (hash, replaces) = (
        user.password_hash.as_ref().unwrap(),
        replaces.map(|s| &s.digest),
    );
    let began = world.store.sign_in(&session, hash, replaces, None).await;
    began.unwrap().unwrap();
    session
}

#[tokio::test]
async fn live_sessions_are_listed_with_who_is_signed_in() {
    let mut world = World::new();
    let (alice, bob) = (world.add("alice").await, world.add("bob").await);
    let of_alice = signed_in(&world, &alice, None).await;
    world.now += LIFETIMES.session - 60;
    signed_in(&world, &bob, None).await;
    let listed = world
        .operations()
        .sessions(Some("alice"), &Page::first(100))
        .await
        .unwrap();
    let ids: Vec<_> = listed
        .iter()
        .map(|s| (&*s.session.id, &*s.username))
        .collect();
    assert_eq!(ids, [(&*of_alice.id, "alice")]);
    assert_eq!(
        world
            .operations()
            .sessions(None, &Page::first(100))
            .await
            .unwrap()
            .len(),
        2
    );
    world.now += 120;
    let listed = world
        .operations()
        .sessions(None, &Page::first(100))
        .await
        .unwrap();
    assert_eq!(listed.len(), 1, "the other has expired");
    assert_eq!(listed[0].username, "bob");
}

#[tokio::test]
async fn a_session_ends_once() {
    let world = World::new();
    let alice = world.add("alice").await;
    let session = signed_in(&world, &alice, None).await;
    world.operations().end_session(&session.id).await.unwrap();
    let refused = world.operations().end_session(&session.id).await;
    assert!(matches!(refused, Err(OperationError::SessionUnknown(id)) if id == session.id));
    assert_eq!(
        world.events().await,
        [(Operation::SessionEnd, session.id.into_string())]
    );
}
