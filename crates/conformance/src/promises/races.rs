//! Verbs that are one statement on PostgreSQL, from many callers at once.

use super::*;
use latchkey_protocol::{AuthorizationId, SessionId, bounds};

/// As many connections as the conformance suite has to PostgreSQL.
pub const CONNECTIONS: i64 = 8;

pub fn racing_codes_of_one_session_keep_to_the_bound(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        for round in 0..4 {
            let issued = winners(&store, move |s, n| async move {
                s.issue_code(None, &authorization(&format!("{round}-{n}"), "openid"))
                    .await
                    .unwrap()
            });
            assert_eq!(issued.await, CALLERS, "each is given its code");
        }
        let there = async || {
            let mut there = 0;
            for n in 0..CALLERS * 4 {
                let id = format!("{}-{}", n / CALLERS, n % CALLERS);
                there += i64::from(
                    store
                        .authorization(&AuthorizationId::new(&id))
                        .await
                        .unwrap()
                        .is_some(),
                );
            }
            there
        };
        assert!(there().await <= bounds::CODES + CONNECTIONS);
        let last = authorization("last", "openid");
        assert!(store.issue_code(None, &last).await.unwrap());
        assert!(there().await < bounds::CODES, "the next makes room");
    });
}

pub fn an_interaction_gives_one_code_where_surplus_makes_room_too(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        for n in 0..bounds::CODES + 5 {
            let one = authorization(&format!("before-{n}"), "openid");
            assert!(store.issue_code(None, &one).await.unwrap());
        }
        begin(&store, "i").await;
        let made = winners(&store, |s, n| async move {
            let digest = Digest::of("i");
            s.issue_code(Some(&digest), &authorization(&format!("a{n}"), "openid"))
                .await
                .unwrap()
        });
        assert_eq!(made.await, 1);
        assert!(store.interaction(&Digest::of("i")).await.unwrap().is_none());
    });
}

pub fn no_code_is_issued_for_an_interaction_once_its_session_has_ended(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        begin(&store, "i").await;
        store
            .end_session(&SessionId::new("s"), true, moment(5))
            .await
            .unwrap();
        let one = authorization("a", "openid");
        let digest = Digest::of("i");
        assert!(!store.issue_code(Some(&digest), &one).await.unwrap());
        assert!(
            store
                .authorization(&AuthorizationId::new("a"))
                .await
                .unwrap()
                .is_none()
        );
    });
}

pub fn an_access_token_is_revoked_by_many_at_once(stores: &impl Stores) {
    stores.each(async |store| {
        for round in 0..10 {
            let revoked = winners(&store, move |s, n| async move {
                let expires_at = 100 + i64::try_from(n).unwrap();
                s.revoke_access_token(&format!("j{round}"), moment(expires_at), None)
                    .await
                    .is_ok()
            });
            assert_eq!(revoked.await, CALLERS, "nobody hears of another's");
            let jti = format!("j{round}");
            assert!(store.is_access_token_revoked(&jti).await.unwrap());
        }
    });
}

pub fn whoever_asks_after_a_revocation_hears_of_it_also_among_many(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let one = authorization("a", "openid");
        assert!(store.issue_code(None, &one).await.unwrap());
        let heard = winners(&store, |s, n| async move {
            for round in 0..20 {
                let jti = format!("j{n}-{round}");
                assert!(
                    s.support(&AuthorizationId::new("a"), &jti)
                        .await
                        .unwrap()
                        .is_some()
                );
                s.revoke_access_token(&jti, moment(900), None)
                    .await
                    .unwrap();
                if s.support(&AuthorizationId::new("a"), &jti)
                    .await
                    .unwrap()
                    .is_some()
                {
                    return false;
                }
            }
            true
        });
        assert_eq!(heard.await, CALLERS);
    });
}

pub fn a_sign_in_and_a_code_for_one_interaction_that_meet_do_not_wait_for_one_another(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        seeded(&store).await;
        let mut secret = "s".to_owned();
        for round in 0..30 {
            let (waiting, next) = (format!("i{round}"), format!("n{round}"));
            begin(&store, &waiting).await;
            let (first, second) = (store.clone(), store.clone());
            let (old, new) = (Digest::of(&secret), session(&next, "u"));
            let (stamped, answered) = (Digest::of(&waiting), Digest::of(&waiting));
            let approved = authorization(&format!("a{round}"), "openid");
            let signs_in = tokio::spawn(async move {
                let begun = first.sign_in(&new, "hash", Some(&old), Some(&stamped));
                begun.await.unwrap().unwrap().session_id
            });
            let gets_code = tokio::spawn(async move {
                let issued = second.issue_code(Some(&answered), &approved);
                issued.await.unwrap()
            });
            assert_eq!(signs_in.await.unwrap(), "s", "{round}");
            gets_code.await.unwrap();
            secret = next;
        }
    });
}
