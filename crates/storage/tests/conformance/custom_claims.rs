//! What every store promises of custom claims.

use super::*;
use latchkey_protocol::{StoreError, UserId, store::WriteOutcome};

#[test]
fn a_custom_claim_that_cannot_be_read_is_named() {
    on_both_at(async |options| {
        let store = open(&options);
        options
            .script("INSERT INTO custom_claims VALUES ('odd', '{}')")
            .unwrap();
        let corrupt = store.custom_claims().await.unwrap_err();
        assert!(
            matches!(corrupt, StoreError::Corrupt { table: "custom_claims", row, .. } if row == "odd")
        );
    });
}

#[test]
fn users_survive_the_upgrade_that_brings_attributes() {
    on_both_at(async |options| {
        let store = open(&options);
        assert_eq!(
            store.create_user(&user("u")).await.unwrap(),
            WriteOutcome::Done
        );
        drop(store);
        undo(&options, "00000000000006_claims");
        let store = open(&options);
        assert!(store.user(&UserId::new("u")).await.unwrap().unwrap() == user("u"));
        assert!(store.custom_claims().await.unwrap().is_empty());
    });
}
