//! Clients that are limited to some users: a code is issued to whom was judged, as they were judged.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use latchkey_protocol::{AuthorizationId, UserId, access::JudgedVersions};

use super::*;

fn judged(id: &str, user: i64, client: i64) -> Authorization {
    Authorization {
        access_judged_at: Some(JudgedVersions { user, client }),
        ..authorization(id, "openid")
    }
}

/// Takes the user's groups away; says at which version they are then.
async fn lose_groups(store: &Shared) -> i64 {
    let before = store.user(&UserId::new("u")).await.unwrap().unwrap();
    let mut after = before.clone();
    after.groups.clear();
    let written = store
        .update_user_profile(&before, &after, LastAdministrator::Stays)
        .await
        .unwrap();
    assert_eq!(written, WriteOutcome::Done);
    before.version + 1
}

pub fn a_code_of_a_limited_client_is_issued_to_whom_was_judged(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let i = Digest::of("i");
        begin(&store, "i").await;
        let issued = async |kept, id: &str, user, client| {
            let issued = store.issue_code(kept, &judged(id, user, client)).await;
            let there = store
                .authorization(&AuthorizationId::new(id))
                .await
                .unwrap()
                .is_some();
            assert_eq!(there, *issued.as_ref().unwrap(), "{id}");
            there
        };
        assert!(issued(None, "at once", 0, 0).await);
        let version = lose_groups(&store).await;
        assert!(!issued(None, "the user changed", 0, 0).await);
        assert!(!issued(Some(&i), "the user changed, kept", 0, 0).await);
        assert!(
            store.interaction(&i).await.unwrap().is_some(),
            "it is decided again"
        );
        assert!(issued(None, "judged again", version, 0).await);
        let mut limited = client();
        limited.metadata.client_name = Some("New".into());
        assert!(store.update_client_metadata(&limited).await.unwrap());
        assert!(!issued(None, "the client changed", version, 0).await);
        assert!(issued(Some(&i), "both as judged", version, 1).await);
        assert!(store.interaction(&i).await.unwrap().is_none());
        assert!(!issued(Some(&i), "once", version, 1).await);
    });
}

/// Whoever has lost a group gets no code that is asked for from then on.
pub fn of_codes_and_a_lost_group_at_once_none_is_issued_afterwards(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        for round in 0..10 {
            let version = store
                .user(&UserId::new("u"))
                .await
                .unwrap()
                .unwrap()
                .version;
            let lost = Arc::new(AtomicBool::new(false));
            let racing: Vec<_> = (0..8)
                .map(|n| {
                    let (store, lost) = (store.clone(), lost.clone());
                    tokio::spawn(async move {
                        if n == 4 {
                            tokio::task::yield_now().await;
                            lose_groups(&store).await;
                            lost.store(true, Ordering::SeqCst);
                            return;
                        }
                        for at in 0..20 {
                            let after = lost.load(Ordering::SeqCst);
                            let one = judged(&format!("{round}-{n}-{at}"), version, 0);
                            let issued = store.issue_code(None, &one).await.unwrap();
                            assert!(!(issued && after), "round {round}: after the loss");
                        }
                    })
                })
                .collect();
            for one in racing {
                one.await.unwrap();
            }
            let late = judged(&format!("{round}"), version, 0);
            assert!(!store.issue_code(None, &late).await.unwrap());
        }
    });
}
