//! Signing keys and custom claims.

use latchkey_jose::{Algorithm, KeyRing, KeyState};
use latchkey_operations::{
    Operation, OperationError,
    keys::{Takeover, is_ring_of, jose_algorithm, open_ring},
};
use latchkey_protocol::{
    IdTokenAlgorithm, SigningAlgorithm,
    claims::{Mapping, Place, Source},
    rotation::{MOST_IN_A_DAY, MOST_PUBLISHED, published_after},
};

use crate::support::*;

async fn ring(world: &World) -> KeyRing {
    let stored = world.store.signing_keys().await.unwrap();
    open_ring(&master(), &stored, None).unwrap()
}

async fn states(world: &World) -> Vec<KeyState> {
    let operations = world.operations();
    let keys = operations.signing_keys(&ring(world).await).await.unwrap();
    keys.into_iter().map(|listed| listed.state).collect()
}

#[tokio::test]
async fn a_key_is_announced_signs_and_is_retired_but_never_while_it_signs() {
    let mut world = World::new();
    let lifetimes = LIFETIMES;
    let first = world.operations().first_key(&master()).await.unwrap();
    assert_eq!(first.len(), 1);
    let again = world.operations().first_key(&master()).await.unwrap();
    assert_eq!(again, first, "there is one first key");
    let next = world
        .operations()
        .rotate_key(
            &master(),
            SigningAlgorithm::Rs256,
            Takeover::Announced(60),
            &lifetimes,
        )
        .await
        .unwrap();
    assert_eq!(next.activates_at, NOW + 60);
    assert_eq!(
        states(&world).await,
        [KeyState::Active, KeyState::Announced]
    );
    let stored = world.store.signing_keys().await.unwrap();
    let retires_at = NOW + 60 + published_after(&lifetimes);
    assert_eq!(stored[0].retires_at, Some(retires_at));

    let (old, kid) = (&first[0].kid, &next.kid);
    let held = ring(&world).await;
    let refused = world.operations().retire_key(&held, old).await;
    assert!(matches!(refused, Err(OperationError::KeySigns(kid)) if &kid == old));
    let refused = world.operations().retire_key(&held, "other").await;
    assert!(matches!(refused, Err(OperationError::KeyUnknown(_))));

    world.now += 60;
    assert_eq!(states(&world).await, [KeyState::Retiring, KeyState::Active]);
    world.operations().retire_key(&held, old).await.unwrap();
    assert_eq!(states(&world).await, [KeyState::Retired, KeyState::Active]);
    let stored = world.store.signing_keys().await.unwrap();
    assert!(!is_ring_of(&held, &stored) && is_ring_of(&ring(&world).await, &stored));
    assert_eq!(stored[0].sealed, None, "nobody can sign with it again");
    assert_eq!(
        world.events().await,
        [
            (Operation::KeyCreate, old.clone()),
            (Operation::KeyRotate, kid.clone()),
            (Operation::KeyRetire, old.clone())
        ]
    );
}

#[tokio::test]
async fn keys_sealed_under_another_master_key_are_named() {
    let world = World::new();
    let first = world.operations().first_key(&master()).await.unwrap();
    let other = latchkey_jose::MasterKey::from_bytes([8; 32]);
    let refused = open_ring(&other, &first, None).unwrap_err();
    assert_eq!(refused.to_string(), format!("signing key {}", first[0].kid));
    assert!(std::error::Error::source(&refused).is_some());
}

#[tokio::test]
async fn the_key_of_an_algorithm_is_made_once_and_rotates_alone() {
    let world = World::new();
    let rsa = world.operations().first_key(&master()).await.unwrap();
    let (master, lifetimes) = (master(), LIFETIMES);
    let operations = world.operations();
    let (one, other) = tokio::join!(
        operations.ensure_key(&master, SigningAlgorithm::Es256),
        operations.ensure_key(&master, SigningAlgorithm::Es256),
    );
    one.and(other).unwrap();
    operations
        .ensure_key(&master, SigningAlgorithm::Rs256)
        .await
        .unwrap();
    let listed = operations.signing_keys(&ring(&world).await).await.unwrap();
    let states: Vec<_> = listed
        .iter()
        .map(|listed| (listed.key.algorithm.name(), listed.state))
        .collect();
    assert_eq!(states.len(), 2);
    assert!(states.contains(&("RS256", KeyState::Active)));
    assert!(states.contains(&("ES256", KeyState::Active)));

    // The first key of an algorithm has nothing to wait for.
    let later = Takeover::Announced(60);
    let rotated = operations.rotate_key(&master, SigningAlgorithm::EdDsa, later, &lifetimes);
    assert_eq!(rotated.await.unwrap().activates_at, NOW);
    let rotated = operations.rotate_key(&master, SigningAlgorithm::Es256, later, &lifetimes);
    assert_eq!(rotated.await.unwrap().activates_at, NOW + 60);
    let stored = world.store.signing_keys().await.unwrap();
    let of_rsa = stored.iter().find(|key| key.kid == rsa[0].kid).unwrap();
    assert_eq!(of_rsa.retires_at, None, "the others go on");
}

/// Whoever took over a client of the API could otherwise keep the operator from it for a day.
#[tokio::test]
async fn a_command_replaces_a_stolen_key_however_many_were_made_that_day() {
    let world = World::new();
    let (master, lifetimes, es256) = (master(), LIFETIMES, SigningAlgorithm::Es256);
    let operations = world.operations();
    operations.ensure_key(&master, es256).await.unwrap();
    let held = ring(&world).await;
    let rotate =
        async |takeover| (operations.rotate_key(&master, es256, takeover, &lifetimes)).await;
    for _ in 1..MOST_IN_A_DAY {
        let announced = rotate(Takeover::Announced(60)).await.unwrap();
        operations.retire_key(&held, &announced.kid).await.unwrap();
    }
    let refused = rotate(Takeover::Announced(60)).await.unwrap_err();
    let said = refused.to_string();
    assert!(said.starts_with("24 keys of ES256 were made within a day"));
    for _ in 1..MOST_PUBLISHED {
        rotate(Takeover::Now).await.unwrap();
    }
    // Those that are published have a bound all the same, which retiring one gets below.
    let full = rotate(Takeover::Now).await.unwrap_err();
    let said = full.to_string();
    assert!(said.starts_with("there are too many keys of ES256: 8 can be published"));
    let old = operations.signing_keys(&held).await.unwrap();
    let old = old.iter().find(|old| old.key.sealed.is_some()).unwrap();
    let held = ring(&world).await;
    operations.retire_key(&held, &old.key.kid).await.unwrap();
    rotate(Takeover::Now).await.unwrap();
}

#[tokio::test]
async fn a_custom_claim_is_set_and_removed_once() {
    let world = World::new();
    let mapping = Mapping {
        source: Source::Attribute("department".into()),
        places: vec![Place::IdToken],
        scope: "openid".into(),
    };
    let operations = world.operations();
    let refused = operations.set_custom_claim("sub", &mapping, None).await;
    assert!(matches!(refused, Err(OperationError::Invalid(_))));
    let name = "department";
    operations
        .set_custom_claim(name, &mapping, None)
        .await
        .unwrap();
    let all = operations.custom_claims().await.unwrap();
    assert_eq!(all.0.get(name), Some(&mapping));
    operations.remove_custom_claim(name, None).await.unwrap();
    let refused = operations
        .remove_custom_claim(name, None)
        .await
        .unwrap_err();
    assert_eq!(refused.to_string(), "there is no custom claim department");
    assert_eq!(
        world.events().await,
        [
            (Operation::ClaimSet, name.into()),
            (Operation::ClaimRemove, name.into())
        ]
    );
}

#[test]
fn what_clients_register_and_what_keys_sign_with_is_the_same_list() {
    let signed_with = SigningAlgorithm::ALL.map(jose_algorithm);
    assert_eq!(signed_with, Algorithm::ALL);
    let names = SigningAlgorithm::ALL.map(SigningAlgorithm::name);
    assert_eq!(names, Algorithm::ALL.map(Algorithm::name));
    // A shared secret is in neither: a key of the ring never signs with one.
    assert_eq!(Algorithm::from_name("HS256"), None);
    let of_id_tokens = IdTokenAlgorithm::ALL.map(IdTokenAlgorithm::name);
    assert_eq!(of_id_tokens[..], [&names[..], &["HS256"]].concat());
}
