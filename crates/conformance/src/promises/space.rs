//! What is kept is bounded, and SQLite gives space back.

use super::{limits::*, *};
use latchkey_protocol::{AuthorizationId, bounds, observe::KeptRefusal};

pub fn a_session_holds_so_many_codes_and_authorizations_of_a_client(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let issue = async |id: String, at: i64, exchanged: bool| {
            let mut a = authorization(&id, "openid");
            (a.created_at, a.expires_at) = (NOW + at, NOW + 86_400);
            assert!(store.issue_code(None, &a).await.unwrap());
            if exchanged {
                let family = RefreshFamily {
                    issued_at: NOW + at,
                    ..family(&id, None)
                };
                assert!(
                    store
                        .exchange_code(
                            &AuthorizationId::new(&id),
                            NOW + at,
                            Some(&family),
                            NOW + 86_400,
                            &NO_ENTRIES
                        )
                        .await
                        .unwrap()
                );
            }
        };
        for n in 0..50 {
            issue(format!("code{n}"), n, false).await;
        }
        let there = async |id: String| {
            store
                .authorization(&AuthorizationId::new(&id))
                .await
                .unwrap()
                .is_some()
        };
        assert!(
            there("code49".into()).await
                && there("code30".into()).await
                && !there("code29".into()).await
        );
        for n in 0..bounds::AUTHORIZATIONS + 10 {
            issue(format!("used{n}"), 100 + n, true).await;
            if n == 0 {
                continue;
            }
            // The first device goes on refreshing.
            let (old, new) = (
                Digest::of(&format!("r{}", n - 1)),
                Digest::of(&format!("r{n}")),
            );
            let expected = if n == 1 { Digest::of("used0") } else { old };
            let next = RefreshFamily {
                current: new,
                issued_at: NOW + 100 + n,
                ..family("x", None)
            };
            assert!(
                store
                    .rotate_refresh_token(
                        &AuthorizationId::new("used0"),
                        &expected,
                        &next,
                        &NO_ENTRIES
                    )
                    .await
                    .unwrap(),
                "{n}"
            );
        }
        issue("last".into(), 1000, false).await;
        assert!(there("used0".into()).await, "what is used stays");
        assert!(
            !there("used1".into()).await,
            "what was used longest ago goes"
        );
        assert!(there(format!("used{}", bounds::AUTHORIZATIONS + 9)).await);
    });
}

pub fn expired_rows_are_swept_in_small_batches_and_live_ones_stay(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        for n in 0..7 {
            begin(&store, &format!("i{n}")).await;
        }
        store
            .revoke_access_token("j", moment(1000), None)
            .await
            .unwrap();
        store
            .revoke_access_token("j", moment(1000), None)
            .await
            .unwrap();
        let refusal = KeptRefusal {
            reference: "R".into(),
            at: moment(1),
            reason: "X".into(),
            endpoint: "/".into(),
            client_id: None,
            request_id: "r".into(),
            expected: String::new(),
            received: String::new(),
            share: String::new(),
            neighbourhood: Some(origin("192.0.2.1").neighbourhood),
        };
        store.keep_refusal(&refusal).await.unwrap();
        assert_eq!(store.refusal("R").await.unwrap(), Some(refusal));
        assert_eq!(store.sweep(moment(999), 5).await.unwrap(), 0);
        assert_eq!(store.sweep(moment(1000), 5).await.unwrap(), 5 + 1 + 1);
        assert!(!store.is_access_token_revoked("j").await.unwrap());
        assert_eq!(store.sweep(moment(1_000_000), 5).await.unwrap(), 2 + 1);
    });
}
