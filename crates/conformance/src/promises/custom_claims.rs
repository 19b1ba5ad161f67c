//! What every store promises of custom claims.

use super::*;
use latchkey_protocol::{
    UserId,
    claims::{MOST_MAPPINGS, Mapping, Place, Source},
    store::WriteOutcome,
};
use serde_json::json;

pub fn mapping(value: usize) -> Mapping {
    Mapping {
        source: Source::Value(json!({ "v": value })),
        places: vec![Place::AccessToken],
        scope: "openid".into(),
    }
}

async fn set(store: &Shared, name: &str, n: usize, seen: Option<usize>) -> ClaimOutcome {
    let (new, seen) = (mapping(n), seen.map(mapping));
    let set = store.set_custom_claim(name, &new, seen.as_ref());
    set.await.unwrap()
}

pub fn of_racing_callers_none_gets_past_the_number_of_custom_claims_and_known_names_are_replaced(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        for n in 0..MOST_MAPPINGS - 3 {
            let name = format!("c{n}");
            assert_eq!(set(&store, &name, n, None).await, ClaimOutcome::Set);
        }
        let won = winners(&store, |store, n| async move {
            let name = format!("race{n}");
            set(&store, &name, n, None).await == ClaimOutcome::Set
        })
        .await;
        assert_eq!(won, 3);
        assert_eq!(store.custom_claims().await.unwrap().0.len(), MOST_MAPPINGS);
        assert_eq!(set(&store, "c0", 1000, None).await, ClaimOutcome::Set);
        assert_eq!(store.custom_claims().await.unwrap().0["c0"], mapping(1000));
        let gone = winners(&store, |store, _| async move {
            store.remove_custom_claim("c0", None).await.unwrap()
        })
        .await;
        assert_eq!(gone, 1);
        assert_eq!(set(&store, "another", 1, None).await, ClaimOutcome::Set);
    });
}

pub fn a_custom_claim_is_replaced_and_removed_as_it_was_seen(stores: &impl Stores) {
    stores.each(async |store| {
        let nothing = set(&store, "c", 1, Some(1)).await;
        assert_eq!(nothing, ClaimOutcome::Changed, "it is not there");
        assert_eq!(set(&store, "c", 1, None).await, ClaimOutcome::Set);
        let won = winners(&store, |store, n| async move {
            set(&store, "c", 100 + n, Some(1)).await == ClaimOutcome::Set
        });
        assert_eq!(won.await, 1);
        let seen = mapping(1);
        let late = store.remove_custom_claim("c", Some(&seen));
        assert!(!late.await.unwrap());
        let now = store.custom_claims().await.unwrap().0["c"].clone();
        let removed = store.remove_custom_claim("c", Some(&now));
        assert!(removed.await.unwrap());
    });
}

pub fn attributes_come_back_as_they_were_and_change_with_the_profile(stores: &impl Stores) {
    stores.each(async |store| {
        let mut before = user("u");
        before
            .attributes
            .insert("a".into(), json!({ "deep": [1, "\u{1f511}", null] }));
        assert_eq!(
            store.create_user(&before).await.unwrap(),
            WriteOutcome::Done
        );
        assert_eq!(
            store
                .user(&UserId::new("u"))
                .await
                .unwrap()
                .unwrap()
                .attributes,
            before.attributes
        );
        let mut after = before.clone();
        after.attributes.insert("b".into(), json!(true));
        assert_eq!(
            store
                .update_user_profile(&before, &after, LastAdministrator::Stays)
                .await
                .unwrap(),
            WriteOutcome::Done
        );
        assert_eq!(
            store
                .user(&UserId::new("u"))
                .await
                .unwrap()
                .unwrap()
                .attributes,
            after.attributes
        );
        assert_eq!(
            store
                .update_user_profile(&before, &before, LastAdministrator::Stays)
                .await
                .unwrap(),
            WriteOutcome::Changed
        );
    });
}
