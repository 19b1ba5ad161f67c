//! Codes, refresh families and their end.

use super::*;
use latchkey_protocol::AuthorizationId;
use latchkey_protocol::SessionId;
use latchkey_protocol::Timestamp;
use latchkey_protocol::UserId;

pub fn a_code_is_issued_once_per_interaction_and_exchanged_once(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        begin(&store, "i").await;
        let made = winners(&store, |s, n| async move {
            s.issue_code(
                Some(&Digest::of("i")),
                &authorization(&format!("a{n}"), "openid"),
            )
            .await
            .unwrap()
        });
        assert_eq!(made.await, 1);
        issued(&store, "a", "openid").await;
        let spent = winners(&store, |s, n| async move {
            s.exchange_code(
                &AuthorizationId::new("a"),
                moment(2),
                Some(&family(&format!("r{n}"), None)),
                moment(900),
                &NO_ENTRIES,
            )
            .await
            .unwrap()
        });
        assert_eq!(spent.await, 1);
        let context = store
            .authorization_by_code(&Digest::of("code-a"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (
                exchanged_at(&context.authorization),
                context.authorization.expires_at
            ),
            (Some(moment(2)), moment(900))
        );
        assert_eq!(
            (context.user.unwrap().id, context.session.unwrap().id),
            (UserId::new("u"), SessionId::new("s"))
        );
    });
}

pub fn an_ended_session_gives_no_code(stores: &impl Stores) {
    stores.each(async |store| {
        for round in 0..20 {
            if round == 0 {
                seeded(&store).await;
            } else {
                store
                    .sign_in(&session("s", "u"), "hash", None, None)
                    .await
                    .unwrap();
            }
            let raced = winners(&store, move |s, n| async move {
                if n == 0 {
                    s.end_user(&UserId::new("u"), moment(5)).await.unwrap();
                    return false;
                }
                s.issue_code(
                    None,
                    &authorization(&format!("{round}-{n}"), "openid offline_access"),
                )
                .await
                .unwrap()
            });
            raced.await;
            assert!(
                !store
                    .issue_code(None, &authorization("late", "openid"))
                    .await
                    .unwrap()
            );
            for n in 1..CALLERS {
                let context = store
                    .authorization(&AuthorizationId::new(format!("{round}-{n}")))
                    .await
                    .unwrap();
                assert!(
                    context.is_none_or(|c| c.authorization.revoked_at.is_some()),
                    "{round}-{n} outlives the end"
                );
            }
        }
    });
}

pub fn a_refresh_token_is_rotated_once_and_never_after_revocation(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        issued(&store, "a", "openid offline_access").await;
        store
            .exchange_code(
                &AuthorizationId::new("a"),
                moment(2),
                Some(&family("r0", None)),
                moment(900),
                &NO_ENTRIES,
            )
            .await
            .unwrap();
        let next = |n: usize| family(&format!("r1-{n}"), Some("r0"));
        let won = winners(&store, move |s, n| async move {
            s.rotate_refresh_token(
                &AuthorizationId::new("a"),
                &Digest::of("r0"),
                &next(n),
                &NO_ENTRIES,
            )
            .await
            .unwrap()
        });
        assert_eq!(won.await, 1);
        let kept = store
            .authorization(&AuthorizationId::new("a"))
            .await
            .unwrap()
            .unwrap()
            .authorization
            .refresh
            .unwrap();
        assert_eq!(kept.parent, Some(Digest::of("r0")));
        store
            .revoke_authorization(&AuthorizationId::new("a"), moment(7))
            .await
            .unwrap();
        store
            .revoke_authorization(&AuthorizationId::new("a"), moment(8))
            .await
            .unwrap();
        assert!(
            !store
                .rotate_refresh_token(
                    &AuthorizationId::new("a"),
                    &kept.current,
                    &family("r2", None),
                    &NO_ENTRIES
                )
                .await
                .unwrap()
        );
        assert_eq!(
            store
                .authorization(&AuthorizationId::new("a"))
                .await
                .unwrap()
                .unwrap()
                .authorization
                .revoked_at,
            Some(moment(7))
        );
        issued(&store, "b", "openid").await;
        store
            .revoke_authorization(&AuthorizationId::new("b"), moment(7))
            .await
            .unwrap();
        assert!(
            !store
                .exchange_code(
                    &AuthorizationId::new("b"),
                    moment(8),
                    None,
                    moment(900),
                    &NO_ENTRIES
                )
                .await
                .unwrap()
        );
    });
}

pub fn ending_a_session_ends_what_hangs_on_it_and_offline_access_only_when_asked(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        seeded(&store).await;
        issued(&store, "online", "openid").await;
        issued(&store, "offline", "openid offline_access").await;
        let revoked = async |id: &str| {
            store
                .authorization(&AuthorizationId::new(id))
                .await
                .unwrap()
                .unwrap()
                .authorization
                .revoked_at
        };
        assert!(
            store
                .end_session(&SessionId::new("s"), false, moment(9))
                .await
                .unwrap()
        );
        assert!(
            !store
                .end_session(&SessionId::new("s"), false, moment(10))
                .await
                .unwrap()
        );
        assert_eq!(
            (revoked("online").await, revoked("offline").await),
            (Some(moment(9)), None)
        );
        store
            .end_session(&SessionId::new("s"), true, moment(11))
            .await
            .unwrap();
        assert_eq!(revoked("offline").await, Some(moment(11)));
        store
            .sign_in(&session("s2", "u"), "hash", None, None)
            .await
            .unwrap();
        assert_eq!(
            store.end_user(&UserId::new("u"), moment(12)).await.unwrap(),
            1
        );
        assert!(
            store
                .session(&Digest::of("s2"), moment(2))
                .await
                .unwrap()
                .is_none()
        );
    });
}

pub fn exchanged_at(authorization: &Authorization) -> Option<Timestamp> {
    let Handover::Code(code) = &authorization.handover;
    code.exchanged_at
}
