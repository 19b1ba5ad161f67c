//! The store fails between two verbs of an operation, or is done and its answer is lost: what is left is whole, and whoever
//! tries again comes to the end.

use latchkey_conformance::Failure;
use latchkey_operations::{
    OperationError, SignInOutcome,
    keys::{Takeover, new_key_for, open_ring},
};
use latchkey_protocol::{
    SigningAlgorithm,
    rotation::{NextKey, StoredKey, published_after},
};

use crate::{
    sign_in::{attempt, door, signed_in},
    support::*,
};

const NEW: &str = "another password";

/// Each place at which something can fail, until `at` says that nothing was asked there.
async fn at_each_verb(decides: &str, at: impl AsyncFn(usize, Failure) -> Option<&'static str>) {
    for failure in Failure::ALL {
        let mut failed = Vec::new();
        while let Some(verb) = at(failed.len(), failure).await {
            failed.push(verb);
        }
        assert!(failed.contains(&decides), "{failure:?}: {failed:?}");
    }
}

fn is_store_error<T>(outcome: Result<T, OperationError>) -> bool {
    matches!(outcome, Err(OperationError::Store(_)))
}

#[tokio::test]
async fn a_password_change_that_fails_at_any_verb_is_whole_or_has_not_begun() {
    at_each_verb("set_password", async |after, failure| {
        let world = World::new();
        world.add("alice").await;
        let door = door(&world);
        let enters = async |password| {
            let outcome = attempt(&door, "alice", password).await;
            matches!(outcome, SignInOutcome::SignedIn(_))
        };
        let old = signed_in(attempt(&door, "alice", "alice password").await);
        let change = async || {
            let operations = world.operations();
            operations.set_password(&key(), "alice", NEW).await
        };
        let stays = async || {
            let found = world.store.session(&old.secret.digest(), NOW).await;
            found.unwrap().is_some()
        };
        world.flaky.fail(after, failure);
        let changed = change().await;
        let failed = world.flaky.calm();
        let Some(verb) = failed else {
            assert!(changed.is_ok());
            return None;
        };
        assert!(is_store_error(changed), "{verb}");
        let is_done = verb == "set_password" && failure == Failure::After;
        let is_recorded = !world.events().await.is_empty();
        assert_eq!(is_recorded, is_done, "what is done, and nothing else");
        assert_eq!(
            stays().await,
            !is_done,
            "a session lives as long as the password"
        );
        assert_eq!(enters("alice password").await, !is_done, "{verb}");
        assert_eq!(enters(NEW).await, is_done, "{verb}");
        change().await.unwrap();
        assert!(!stays().await && !enters("alice password").await && enters(NEW).await);
        failed
    })
    .await;
}

/// The keys that no other supersedes.
async fn lasting(world: &World) -> Vec<StoredKey> {
    let mut keys = world.store.signing_keys().await.unwrap();
    open_ring(&master(), &keys, None).unwrap();
    keys.retain(|key| key.retires_at.is_none());
    keys
}

#[tokio::test]
async fn a_first_key_whose_making_fails_at_any_verb_is_made_once() {
    at_each_verb("add_first_key", async |after, failure| {
        let world = World::new();
        let make = async || {
            let operations = world.operations();
            operations
                .ensure_key(&master(), SigningAlgorithm::Es256)
                .await
        };
        world.flaky.fail(after, failure);
        let made = make().await;
        let failed = world.flaky.calm();
        assert_eq!(is_store_error(made), failed.is_some());
        make().await.unwrap();
        assert_eq!(lasting(&world).await.len(), 1, "{failed:?}");
        failed
    })
    .await;
}

#[tokio::test]
async fn a_rotation_that_fails_at_any_verb_leaves_one_key_that_goes_on_and_can_be_repeated() {
    at_each_verb("rotate_key", async |after, failure| {
        let world = World::new();
        let operations = world.operations();
        let algorithm = SigningAlgorithm::Es256;
        operations.ensure_key(&master(), algorithm).await.unwrap();
        let first = lasting(&world).await.remove(0);
        let rotate = async || {
            let takeover = Takeover::Announced(60);
            operations
                .rotate_key(&master(), algorithm, takeover, &LIFETIMES)
                .await
        };
        world.flaky.fail(after, failure);
        let rotated = rotate().await;
        let failed = world.flaky.calm();
        let Some(verb) = failed else {
            assert!(rotated.is_ok());
            return None;
        };
        assert!(is_store_error(rotated), "{verb}");
        let is_done = verb == "rotate_key" && failure == Failure::After;
        let left = lasting(&world).await;
        assert_eq!(left.len(), 1, "{verb}");
        assert_eq!(left[0].kid != first.kid, is_done, "{verb}");
        let next = rotate().await.unwrap();
        let left = lasting(&world).await;
        assert_eq!((left.len(), &left[0].kid), (1, &next.kid), "{verb}");
        let keys = world.store.signing_keys().await.unwrap();
        let old = keys.iter().find(|key| key.kid == first.kid).unwrap();
        let retires_at = NOW + 60 + published_after(&LIFETIMES);
        assert_eq!(
            old.retires_at,
            Some(retires_at),
            "{verb}: its tokens are verified"
        );
        failed
    })
    .await;
}

#[tokio::test]
async fn a_succession_that_fails_is_not_repeated_by_whoever_tries_again() {
    at_each_verb("succeed_key", async |after, failure| {
        let world = World::new();
        let operations = world.operations();
        let algorithm = SigningAlgorithm::Es256;
        operations.ensure_key(&master(), algorithm).await.unwrap();
        let first = lasting(&world).await.remove(0);
        let due = NextKey {
            predecessor: Some(&first.kid),
            activates_at: NOW + 60,
        };
        let succeed = async || {
            let key = new_key_for(algorithm, &master(), &OsEntropy, NOW, NOW + 60).unwrap();
            operations.announce_key(&key, due, &LIFETIMES).await
        };
        world.flaky.fail(after, failure);
        let succeeded = succeed().await;
        let failed = world.flaky.calm();
        assert_eq!(is_store_error(succeeded), failed.is_some());
        let added = succeed().await.unwrap();
        assert_eq!(added, failed.is_some() && failure == Failure::Before);
        let left = lasting(&world).await;
        assert!(left.len() == 1 && left[0].kid != first.kid, "{left:?}");
        failed
    })
    .await;
}
