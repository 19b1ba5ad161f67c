//! Signing keys of several algorithms: each has its own succession.

use super::*;
use latchkey_protocol::Timestamp;

pub fn key(kid: &str, algorithm: SigningAlgorithm, activates_at: i64) -> StoredKey {
    StoredKey {
        algorithm,
        created_at: moment(activates_at),
        ..stored(kid, activates_at, None)
    }
}

pub fn of_nodes_that_add_the_first_key_of_an_algorithm_one_adds_it(stores: &impl Stores) {
    stores.each(async |store| {
        assert!(store.add_first_key(&stored("rsa", 1, None)).await.unwrap());
        for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::EdDsa] {
            let made = winners(&store, move |s, n| async move {
                let kid = format!("{}{n}", algorithm.name());
                s.add_first_key(&key(&kid, algorithm, 1)).await.unwrap()
            });
            assert_eq!(made.await, 1);
        }
        let keys = store.signing_keys().await.unwrap();
        let mut algorithms: Vec<_> = keys.iter().map(|k| k.algorithm.name()).collect();
        algorithms.sort_unstable();
        assert_eq!(algorithms, ["ES256", "EdDSA", "RS256"]);
    });
}

pub fn a_rotation_leaves_the_keys_of_other_algorithms_alone(stores: &impl Stores) {
    use SigningAlgorithm::{Es256, Rs256};
    stores.each(async |store| {
        assert!(store.add_first_key(&key("r", Rs256, 1)).await.unwrap());
        assert!(store.add_first_key(&key("e", Es256, 2)).await.unwrap());
        assert!(
            !store.retire_key("r", moment(5)).await.unwrap(),
            "it signs RS256"
        );
        assert!(
            !store.retire_key("e", moment(5)).await.unwrap(),
            "it signs ES256"
        );
        store
            .rotate_key(&key("r2", Rs256, 5), moment(100), KeyBound::ALL)
            .await
            .unwrap();
        let next = key("e2", Es256, 6);
        let other = store
            .succeed_key(&next, moment(100), Some("r2"))
            .await
            .unwrap();
        assert!(!other, "its predecessor is e");
        let retires = async |kid: &str| {
            let keys = store.signing_keys().await.unwrap();
            keys.into_iter().find(|k| k.kid == kid).unwrap().retires_at
        };
        assert_eq!(retires("e").await, None);
        assert!(
            store
                .succeed_key(&next, moment(200), Some("e"))
                .await
                .unwrap()
        );
        assert_eq!(
            [retires("r").await, retires("e").await, retires("r2").await],
            [Some(moment(100)), Some(moment(200)), None]
        );
        assert!(store.retire_key("e", moment(7)).await.unwrap(), "e2 signs");
        assert!(!store.retire_key("r2", moment(7)).await.unwrap());
    });
}

pub fn the_first_key_is_made_once_and_rotation_retires_the_others(stores: &impl Stores) {
    stores.each(async |store| {
        let key = |kid: &str, at: i64| StoredKey {
            algorithm: SigningAlgorithm::Rs256,
            kid: kid.into(),
            sealed: Some("x".into()),
            created_at: moment(at),
            activates_at: moment(at),
            retires_at: None,
        };
        let made = winners(&store, move |s, n| async move {
            s.add_first_key(&key(&format!("k{n}"), 1)).await.unwrap()
        });
        assert_eq!(made.await, 1);
        store
            .rotate_key(&key("next", 5), moment(100), KeyBound::ALL)
            .await
            .unwrap();
        let keys = store.signing_keys().await.unwrap();
        assert_eq!(
            keys.iter().map(|k| k.retires_at).collect::<Vec<_>>(),
            [Some(moment(100)), None]
        );
        assert!(
            !store.retire_key("next", moment(7)).await.unwrap(),
            "it signs"
        );
        assert!(
            store.retire_key("next", moment(4)).await.unwrap(),
            "it does not sign yet"
        );
        assert!(!store.retire_key("unknown", moment(7)).await.unwrap());
    });
}

/// A key with its times, sealed.
pub fn stored(kid: &str, activates_at: i64, retires_at: Option<i64>) -> StoredKey {
    StoredKey {
        algorithm: SigningAlgorithm::Rs256,
        kid: kid.into(),
        sealed: Some("x".into()),
        created_at: moment(1),
        activates_at: moment(activates_at),
        retires_at: retires_at.map(Timestamp::from_seconds),
    }
}

pub fn of_nodes_that_rotate_at_once_one_makes_the_next_key(stores: &impl Stores) {
    stores.each(async |store| {
        assert!(store.add_first_key(&stored("a", 1, None)).await.unwrap());
        let succeed = |predecessor: Option<&'static str>, round: &'static str| {
            winners(&store, move |s, n| async move {
                s.succeed_key(
                    &stored(&format!("{round}{n}"), 5, None),
                    moment(100),
                    predecessor,
                )
                .await
                .unwrap()
            })
        };
        assert_eq!(succeed(Some("a"), "b").await, 1);
        assert_eq!(succeed(Some("a"), "c").await, 0, "it has a successor");
        assert_eq!(succeed(None, "c").await, 0, "one goes on signing");
        let keys = store.signing_keys().await.unwrap();
        assert_eq!(keys.len(), 2, "nothing comes of the others' keys");
        let next = keys
            .iter()
            .find(|k| k.retires_at.is_none())
            .unwrap()
            .kid
            .clone();
        assert!(store.retire_key(&next, moment(2)).await.unwrap());
        assert_eq!(succeed(None, "d").await, 1);
    });
}

pub fn a_key_that_was_announced_for_later_never_signs_after_a_rotation_at_once(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        store.add_first_key(&stored("a", 1, None)).await.unwrap();
        store
            .rotate_key(
                &StoredKey {
                    created_at: moment(10),
                    ..stored("later", 3600, None)
                },
                moment(5000),
                KeyBound::ALL,
            )
            .await
            .unwrap();
        store
            .rotate_key(
                &StoredKey {
                    created_at: moment(20),
                    ..stored("now", 20, None)
                },
                moment(1000),
                KeyBound::ALL,
            )
            .await
            .unwrap();
        let mut keys = store.signing_keys().await.unwrap();
        keys.sort_by(|a, b| a.kid.cmp(&b.kid));
        let retire = keys
            .iter()
            .map(|k| (k.kid.as_str(), k.retires_at))
            .collect::<Vec<_>>();
        assert_eq!(
            retire,
            [
                ("a", Some(moment(5000))),
                ("later", Some(moment(20))),
                ("now", None)
            ]
        );
    });
}

pub fn of_racing_rotations_no_more_keys_are_published_or_made_than_may_be(stores: &impl Stores) {
    stores.each(async |store| {
        store.add_first_key(&stored("a", 1, None)).await.unwrap();
        let won = winners(&store, |store, n| async move {
            let key = StoredKey {
                created_at: moment(10),
                ..stored(&format!("b{n}"), 100, None)
            };
            store
                .rotate_key(&key, moment(5000), KeyBound::ALL)
                .await
                .unwrap()
                == RotationOutcome::Done
        });
        assert_eq!(won.await, MOST_PUBLISHED - 1);
        let published = async || {
            let keys = store.signing_keys().await.unwrap();
            keys.iter()
                .filter(|key| key.retires_at.is_none_or(|at| at > moment(20)))
                .count()
        };
        assert_eq!(published().await, MOST_PUBLISHED);
        let rotate = async |kid: &str, at| {
            let key = StoredKey {
                created_at: moment(at),
                ..stored(kid, at + 100, None)
            };
            store
                .rotate_key(&key, moment(5000), KeyBound::ALL)
                .await
                .unwrap()
                == RotationOutcome::Done
        };
        assert!(!rotate("c", 20).await);
        // Whoever retires one makes room, and yet not for ever.
        let mut made = MOST_PUBLISHED;
        while made < MOST_IN_A_DAY {
            let kid = format!("d{made}");
            let last = store.signing_keys().await.unwrap();
            let last = last.iter().rfind(|key| key.sealed.is_some()).unwrap();
            assert!(store.retire_key(&last.kid, moment(20)).await.unwrap());
            assert!(rotate(&kid, 20).await, "{made}");
            made += 1;
        }
        let keys = store.signing_keys().await.unwrap();
        let last = keys.iter().rfind(|key| key.sealed.is_some()).unwrap();
        assert!(store.retire_key(&last.kid, moment(20)).await.unwrap());
        assert!(!rotate("e", 21).await, "too many within a day");
        let key = StoredKey {
            created_at: moment(21),
            ..stored("stolen", 21, None)
        };
        let hit = store.rotate_key(&key, moment(5000), KeyBound::ALL).await;
        assert_eq!(hit.unwrap(), RotationOutcome::Full(KeyBound::MadeInADay));
        let hit = store
            .rotate_key(&key, moment(5000), KeyBound::EMERGENCY)
            .await;
        assert_eq!(
            hit.unwrap(),
            RotationOutcome::Done,
            "a stolen key is replaced all the same"
        );
        assert!(rotate("e", 90_000).await);
    });
}

pub fn the_private_half_of_a_retired_key_is_forgotten(stores: &impl Stores) {
    stores.each(async |store| {
        store.add_first_key(&stored("a", 1, None)).await.unwrap();
        store
            .rotate_key(&stored("b", 10, None), moment(100), KeyBound::ALL)
            .await
            .unwrap();
        store
            .rotate_key(&stored("c", 20, None), moment(200), KeyBound::ALL)
            .await
            .unwrap();
        let sealed = async || {
            let mut keys = store.signing_keys().await.unwrap();
            keys.sort_by(|a, b| a.kid.cmp(&b.kid));
            keys.iter()
                .map(|k| (k.kid.clone(), k.sealed.is_some(), k.retires_at))
                .collect::<Vec<_>>()
        };
        let key = |kid: &str, sealed, retires_at| (kid.to_owned(), sealed, retires_at);
        store.sweep(moment(99), 5).await.unwrap();
        assert_eq!(
            sealed().await,
            [
                key("a", true, Some(moment(100))),
                key("b", true, Some(moment(200))),
                key("c", true, None)
            ]
        );
        store.sweep(moment(100), 5).await.unwrap();
        assert_eq!(
            sealed().await,
            [
                key("a", false, Some(moment(100))),
                key("b", true, Some(moment(200))),
                key("c", true, None)
            ]
        );
        assert!(store.retire_key("b", moment(101)).await.unwrap());
        assert_eq!(
            sealed().await[1..],
            [key("b", false, Some(moment(101))), key("c", true, None)],
            "with the command at once"
        );
        store.sweep(moment(1 << 40), 5).await.unwrap();
        assert_eq!(sealed().await[2], key("c", true, None), "what signs stays");
    });
}
