//! Consents that are taken back while codes rest on them.

use super::{consents::consent, *};
use latchkey_protocol::AuthorizationId;
use latchkey_protocol::ClientId;
use latchkey_protocol::SessionId;
use latchkey_protocol::UserId;

/// Signs `u` in, and lets them allow the client what it asks for in `waiting`, an interaction that goes on.
async fn allowed(store: &Shared, waiting: &str) {
    begin(store, waiting).await;
    let (given, s) = (consent("u", "openid"), SessionId::new("s"));
    let i = Digest::of(waiting);
    let recorded = store.record_consent(&i, &s, &given);
    assert!(recorded.await.unwrap());
}

fn on_consent(id: &str) -> Authorization {
    Authorization {
        rests_on_consent: true,
        ..authorization(id, "openid offline_access")
    }
}

pub fn a_consent_that_was_taken_back_gives_no_more_codes(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        allowed(&store, "i").await;
        let before = store.issue_code(None, &on_consent("before")).await;
        assert!(before.unwrap());
        let ended = store
            .revoke_consent(&UserId::new("u"), &ClientId::new("c"), moment(5))
            .await
            .unwrap();
        assert_eq!(ended.authorizations, 1);

        let i = Digest::of("i");
        for (kept, id) in [(None, "at once"), (Some(&i), "kept")] {
            let issued = store.issue_code(kept, &on_consent(id)).await.unwrap();
            assert!(!issued, "{id}");
            assert!(
                store
                    .authorization(&AuthorizationId::new(id))
                    .await
                    .unwrap()
                    .is_none(),
                "{id}"
            );
        }
        let trusted = authorization("trusted", "openid");
        assert!(store.issue_code(None, &trusted).await.unwrap());

        allowed(&store, "j").await;
        let again = store.issue_code(None, &on_consent("again")).await;
        assert!(again.unwrap());
        let (j, of_j) = (Digest::of("j"), on_consent("of j"));
        let kept = store.issue_code(Some(&j), &of_j);
        assert!(kept.await.unwrap());
    });
}

pub fn of_codes_and_a_consent_that_is_taken_back_at_once_none_stays(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        for round in 0..20 {
            let of = |n: usize| format!("{round}-{n}");
            for n in 0..6 {
                allowed(&store, &of(n)).await;
            }
            // Codes for interactions and codes at once, and in their midst the end of the consent.
            let racing: Vec<_> = (0..13)
                .map(|n| {
                    let (store, one, kept) = (store.clone(), on_consent(&of(n)), of(n));
                    tokio::spawn(async move {
                        match n {
                            6 => {
                                let ended = store
                                    .revoke_consent(
                                        &UserId::new("u"),
                                        &ClientId::new("c"),
                                        moment(5),
                                    )
                                    .await;
                                ended.unwrap().consented
                            }
                            0..6 => {
                                let kept = Digest::of(&kept);
                                store.issue_code(Some(&kept), &one).await.unwrap()
                            }
                            _ => store.issue_code(None, &one).await.unwrap(),
                        }
                    })
                })
                .collect();
            let mut outcomes = Vec::new();
            for one in racing {
                outcomes.push(one.await.unwrap());
            }
            for (n, done) in outcomes.into_iter().enumerate() {
                assert!(done || n != 6, "the consent was there");
                let there = store
                    .authorization(&AuthorizationId::new(of(n)))
                    .await
                    .unwrap();
                // Of those that were issued some have made room for others.
                if let Some(context) = there {
                    assert!(done, "{round}, {n}");
                    let revoked_at = context.authorization.revoked_at;
                    assert_eq!(revoked_at, Some(moment(5)), "{round}, {n}");
                }
            }
            for n in 0..6 {
                store.end_interaction(&Digest::of(&of(n))).await.unwrap();
            }
        }
    });
}
