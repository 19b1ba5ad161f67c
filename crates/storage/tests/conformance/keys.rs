//! Signing keys of several algorithms: each has its own succession.

use super::*;
use latchkey_conformance::promises::keys::*;

#[test]
fn keys_survive_the_upgrade_that_brings_algorithms() {
    on_both_at(async |options| {
        let store = open(&options);
        assert!(store.add_first_key(&stored("a", 1, None)).await.unwrap());
        drop(store);
        undo(&options, "00000000000010_algorithms");
        let store = open(&options);
        assert_eq!(
            store.signing_keys().await.unwrap(),
            [stored("a", 1, None)],
            "a key of before is for RS256"
        );
    });
}
