//! Changes that others make at the same time: none is lost, and nobody waits for ever.

use latchkey_operations::{Operation, OperationError};
use latchkey_protocol::store::LastAdministrator;
use latchkey_protocol::{ClientId, profile::ProfileChange, registration::Registration};
use serde_json::{Map, json};

use crate::support::*;

fn attribute(n: usize) -> ProfileChange {
    let mut merge_attributes = Map::new();
    merge_attributes.insert(format!("a{n}"), n.into());
    ProfileChange {
        merge_attributes,
        ..ProfileChange::default()
    }
}

/// As many as there may be tries.
const RACERS: usize = 10;

#[tokio::test]
async fn of_users_that_are_changed_by_many_at_once_every_change_is_kept() {
    let world = World::new();
    let alice = world.add("alice").await;
    let changes: Vec<_> = (0..RACERS).map(attribute).collect();
    let operations = world.operations();
    let racing = changes
        .iter()
        .map(|change| operations.update_user("alice", change, LastAdministrator::Stays));
    for changed in futures_util::future::join_all(racing).await {
        changed.unwrap();
    }
    let stored = world.stored(&alice).await;
    assert_eq!(stored.attributes.len(), RACERS);
    assert_eq!(
        world.events().await,
        vec![(Operation::UserUpdate, "alice".into()); RACERS]
    );
}

#[tokio::test]
async fn whoever_is_overtaken_all_the_time_hears_so_and_has_changed_nothing() {
    let world = World::new();
    let alice = world.add("alice").await;
    let changes: Vec<_> = (0..4 * RACERS).map(attribute).collect();
    let operations = world.operations();
    let racing = changes
        .iter()
        .map(|change| operations.update_user("alice", change, LastAdministrator::Stays));
    let outcomes = futures_util::future::join_all(racing).await;
    let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    for refused in outcomes.into_iter().filter_map(Result::err) {
        let OperationError::Contended(name) = refused else {
            panic!("{refused}")
        };
        assert_eq!(name, "alice");
    }
    assert_eq!(world.stored(&alice).await.attributes.len(), done);
    assert_eq!(world.events().await.len(), done);
}

#[tokio::test]
async fn a_secret_that_is_rotated_while_metadata_changes_survives_it() {
    let world = World::new();
    let id = ClientId::new("app");
    let secrets = secrets();
    let operations = world.operations();
    let app = json!({ "client_id": "app", "redirect_uris": ["https://app.example/callback"] });
    let app = Registration::parse(&app).unwrap();
    let app = operations.register_client(&secrets, app).await.unwrap();
    let names: Vec<_> = (0..4)
        .map(|n| json!({ "client_name": format!("{n}") }))
        .collect();
    let renamed = names
        .iter()
        .map(|change| operations.update_client(&secrets, &id, change_of(change)));
    let (renamed, rotated) = tokio::join!(
        futures_util::future::join_all(renamed),
        operations.rotate_client_secret(&secrets, &id, None)
    );
    for renamed in renamed {
        assert!(renamed.unwrap().secret.is_none(), "a name needs no secret");
    }
    let secret = rotated.unwrap().secret.unwrap();
    let stored = operations.client(&id).await.unwrap();
    assert_eq!(stored.secret, Some(secrets.digest("app", &secret)));
    assert_eq!(stored.version, app.client.version + 5);
}

#[tokio::test]
async fn a_change_of_what_was_seen_is_not_made_to_what_came_after() {
    let world = World::new();
    let seen = world.add("alice").await;
    let operations = world.operations();
    operations
        .update_user(&seen, &attribute(1), LastAdministrator::Stays)
        .await
        .unwrap();
    let refused = operations
        .update_user(&seen, &attribute(2), LastAdministrator::Stays)
        .await;
    assert!(matches!(refused, Err(OperationError::Contended(name)) if name == "alice"));
    let stored = world.stored(&seen).await;
    assert_eq!(stored.attributes.keys().collect::<Vec<_>>(), ["a1"]);
    assert_eq!(world.events().await.len(), 1);
}

#[tokio::test]
async fn sessions_of_who_was_seen_do_not_end_once_they_have_changed() {
    let world = World::new();
    let seen = world.add("alice").await;
    let operations = world.operations();
    let enabled = operations.enable_user(&seen.id).await.unwrap();
    world.events().await;
    let refused = operations.end_sessions(&seen).await;
    assert!(matches!(refused, Err(OperationError::Contended(name)) if name == "alice"));
    assert_eq!(world.events().await, []);
    operations.end_sessions(&enabled).await.unwrap();
    assert_eq!(
        world.events().await,
        [(Operation::UserEndSessions, "alice".into())]
    );
}
