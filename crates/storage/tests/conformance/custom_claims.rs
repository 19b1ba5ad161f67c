//! What every store promises of custom claims.

use latchkey_protocol::{
    StoreError,
    claims::{MOST_MAPPINGS, Mapping, Place, Source},
    store::WriteOutcome,
};
use serde_json::json;

use super::*;

fn mapping(value: usize) -> Mapping {
    Mapping {
        source: Source::Value(json!({ "v": value })),
        places: vec![Place::AccessToken],
        scope: "openid".into(),
    }
}

#[test]
fn of_racing_callers_none_gets_past_the_number_of_custom_claims_and_known_names_are_replaced() {
    on_both(async |store| {
        for n in 0..MOST_MAPPINGS - 3 {
            assert!(
                store
                    .set_custom_claim(&format!("c{n}"), &mapping(n))
                    .await
                    .unwrap()
            );
        }
        let won = winners(&store, |store, n| async move {
            store
                .set_custom_claim(&format!("race{n}"), &mapping(n))
                .await
                .unwrap()
        })
        .await;
        assert_eq!(won, 3);
        assert_eq!(store.custom_claims().await.unwrap().0.len(), MOST_MAPPINGS);
        assert!(store.set_custom_claim("c0", &mapping(1000)).await.unwrap());
        assert_eq!(store.custom_claims().await.unwrap().0["c0"], mapping(1000));
        let gone = winners(&store, |store, _| async move {
            store.remove_custom_claim("c0").await.unwrap()
        })
        .await;
        assert_eq!(gone, 1);
        assert!(
            store
                .set_custom_claim("another", &mapping(1))
                .await
                .unwrap()
        );
    });
}

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
fn attributes_come_back_as_they_were_and_change_with_the_profile() {
    on_both(async |store| {
        let mut before = user("u");
        before
            .attributes
            .insert("a".into(), json!({ "deep": [1, "\u{1f511}", null] }));
        assert_eq!(
            store.create_user(&before).await.unwrap(),
            WriteOutcome::Done
        );
        assert_eq!(
            store.user("u").await.unwrap().unwrap().attributes,
            before.attributes
        );
        let mut after = before.clone();
        after.attributes.insert("b".into(), json!(true));
        assert_eq!(
            store.update_user_profile(&before, &after).await.unwrap(),
            WriteOutcome::Done
        );
        assert_eq!(
            store.user("u").await.unwrap().unwrap().attributes,
            after.attributes
        );
        assert_eq!(
            store.update_user_profile(&before, &before).await.unwrap(),
            WriteOutcome::Changed
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
        assert!(store.user("u").await.unwrap().unwrap() == user("u"));
        assert!(store.custom_claims().await.unwrap().is_empty());
    });
}
