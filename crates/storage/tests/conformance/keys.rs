//! Signing keys of several algorithms: each has its own succession.

use super::*;

fn key(kid: &str, algorithm: SigningAlgorithm, activates_at: i64) -> StoredKey {
    StoredKey {
        algorithm,
        created_at: activates_at,
        ..stored(kid, activates_at, None)
    }
}

#[test]
fn of_nodes_that_add_the_first_key_of_an_algorithm_one_adds_it() {
    on_both(async |store| {
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

#[test]
fn a_rotation_leaves_the_keys_of_other_algorithms_alone() {
    use SigningAlgorithm::{Es256, Rs256};
    on_both(async |store| {
        assert!(store.add_first_key(&key("r", Rs256, 1)).await.unwrap());
        assert!(store.add_first_key(&key("e", Es256, 2)).await.unwrap());
        assert!(!store.retire_key("r", 5).await.unwrap(), "it signs RS256");
        assert!(!store.retire_key("e", 5).await.unwrap(), "it signs ES256");
        store.rotate_key(&key("r2", Rs256, 5), 100).await.unwrap();
        let next = key("e2", Es256, 6);
        let other = store.succeed_key(&next, 100, Some("r2")).await.unwrap();
        assert!(!other, "its predecessor is e");
        let retires = async |kid: &str| {
            let keys = store.signing_keys().await.unwrap();
            keys.into_iter().find(|k| k.kid == kid).unwrap().retires_at
        };
        assert_eq!(retires("e").await, None);
        assert!(store.succeed_key(&next, 200, Some("e")).await.unwrap());
        assert_eq!(
            [retires("r").await, retires("e").await, retires("r2").await],
            [Some(100), Some(200), None]
        );
        assert!(store.retire_key("e", 7).await.unwrap(), "e2 signs");
        assert!(!store.retire_key("r2", 7).await.unwrap());
    });
}

#[test]
fn keys_survive_the_upgrade_that_brings_algorithms() {
    on_both_at(async |options| {
        let kind = options.url.split(':').next().unwrap().to_owned();
        let store = Database::open(&options).unwrap();
        assert!(store.add_first_key(&stored("a", 1, None)).await.unwrap());
        drop(store);
        let down = format!("../../migrations/{kind}/00000000000010_algorithms/down.sql");
        options
            .script(&std::fs::read_to_string(down).unwrap())
            .unwrap();
        options
            .script("DELETE FROM __diesel_schema_migrations WHERE version = '00000000000010'")
            .unwrap();
        let store = Database::open(&options).unwrap();
        assert_eq!(
            store.signing_keys().await.unwrap(),
            [stored("a", 1, None)],
            "a key of before is for RS256"
        );
    });
}
