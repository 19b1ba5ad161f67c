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

pub fn of_racing_callers_none_gets_past_the_number_of_custom_claims_and_known_names_are_replaced(
    stores: &impl Stores,
) {
    stores.each(async |store| {
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
