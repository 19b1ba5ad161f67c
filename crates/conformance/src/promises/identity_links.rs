//! Identities that are linked to accounts that are there, and unlinked.

use super::*;
use latchkey_protocol::{
    UserId, bounds,
    store::{IdentitySignIn, IdentitySignInOutcome},
    upstream::{PendingLink, UpstreamName, UpstreamProfile},
};

pub fn of_links_of_one_identity_at_once_one_user_gets_it(stores: &impl Stores) {
    stores.each(async |store| {
        store.create_upstream(&upstream("kakao")).await.unwrap();
        for n in 0..CALLERS {
            store.create_user(&user(&format!("u{n}"))).await.unwrap();
        }
        let won = winners(&store, |s, n| async move {
            let identity = identity("kakao", "same", &format!("u{n}"));
            let linked = s.link_identity(&identity, 0, 0).await.unwrap();
            linked == LinkOutcome::Linked
        });
        assert_eq!(won.await, 1);
        let (identity, user) = store
            .identity(&key("kakao", "same"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(identity.user_id, user.id);
        assert_eq!(store.identities(&user.id).await.unwrap(), [identity]);
    });
}

pub fn an_identity_is_linked_to_a_user_who_is_enabled_and_as_they_were_read(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        store.create_upstream(&upstream("kakao")).await.unwrap();
        let link = async |user_version, upstream_version| {
            let own = identity("kakao", "u", "u");
            store
                .link_identity(&own, user_version, upstream_version)
                .await
                .unwrap()
        };
        assert_eq!(link(1, 0).await, LinkOutcome::Changed);
        assert_eq!(link(0, 1).await, LinkOutcome::Changed);
        let (id, last) = (UserId::new("u"), LastAdministrator::Stays);
        store
            .disable_user(&id, None, last, moment(3))
            .await
            .unwrap();
        assert_eq!(link(1, 0).await, LinkOutcome::Changed);
        store.enable_user(&id, None, moment(3)).await.unwrap();
        assert_eq!(link(2, 0).await, LinkOutcome::Linked);
        assert_eq!(link(2, 0).await, LinkOutcome::IdentityTaken);
        for n in 1..bounds::IDENTITIES {
            let more = identity("kakao", &n.to_string(), "u");
            let linked = store.link_identity(&more, 2, 0).await.unwrap();
            assert_eq!(linked, LinkOutcome::Linked);
        }
        let more = identity("kakao", "more", "u");
        let full = store.link_identity(&more, 2, 0).await.unwrap();
        assert_eq!(full, LinkOutcome::Full);
    });
}

pub fn of_a_link_and_a_user_who_is_locked_out_or_deleted_at_once_nothing_is_left(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        store.create_upstream(&upstream("kakao")).await.unwrap();
        for round in 0..CALLERS {
            let id = format!("u{round}");
            store.create_user(&user(&id)).await.unwrap();
            let linking = {
                let (store, own) = (store.clone(), identity("kakao", &id, &id));
                tokio::spawn(async move { store.link_identity(&own, 0, 0).await.unwrap() })
            };
            let (user, last) = (UserId::new(&id), LastAdministrator::Stays);
            assert!(
                store
                    .delete_user(&user, None, last)
                    .await
                    .unwrap()
                    .is_done()
            );
            let linked = linking.await.unwrap();
            assert!([LinkOutcome::Linked, LinkOutcome::Changed].contains(&linked));
            assert!(store.identity(&key("kakao", &id)).await.unwrap().is_none());
        }
    });
}

pub fn of_two_last_identities_that_are_unlinked_at_once_one_stays(stores: &impl Stores) {
    stores.each(async |store| {
        let bare = User {
            password_hash: None,
            ..user("u")
        };
        assert_eq!(store.create_user(&bare).await.unwrap(), WriteOutcome::Done);
        linked(&store, "kakao", "u").await;
        linked(&store, "naver", "u").await;
        let won = winners(&store, |s, n| async move {
            let key = key(["kakao", "naver"][n % 2], "u");
            let unlinked = s
                .unlink_identity(&UserId::new("u"), &key, false, moment(5))
                .await
                .unwrap();
            matches!(unlinked, UnlinkOutcome::Unlinked(0))
        });
        assert_eq!(won.await, 1);
        let left = store.identities(&bare.id).await.unwrap();
        let [left] = &left[..] else {
            panic!("{left:?}")
        };
        let unlink = async |may_go| {
            store
                .unlink_identity(&bare.id, &left.key, may_go, moment(5))
                .await
                .unwrap()
        };
        assert_eq!(unlink(false).await, UnlinkOutcome::LastWayIn);
        assert_eq!(unlink(true).await, UnlinkOutcome::Unlinked(0));
        assert_eq!(unlink(true).await, UnlinkOutcome::Unknown);
    });
}

pub fn an_identity_at_a_disabled_upstream_is_no_way_in(stores: &impl Stores) {
    stores.each(async |store| {
        let bare = User {
            password_hash: None,
            ..user("u")
        };
        store.create_user(&bare).await.unwrap();
        linked(&store, "kakao", "u").await;
        linked(&store, "naver", "u").await;
        let naver = UpstreamName::parse("naver").unwrap();
        store
            .set_upstream_disabled(&naver, None, true, moment(3))
            .await
            .unwrap();
        let unlinked = store
            .unlink_identity(&bare.id, &key("kakao", "u"), false, moment(5))
            .await
            .unwrap();
        assert_eq!(unlinked, UnlinkOutcome::LastWayIn);
        let of_another = UserId::new("nobody");
        let unlinked = store
            .unlink_identity(&of_another, &key("kakao", "u"), true, moment(5))
            .await
            .unwrap();
        assert_eq!(unlinked, UnlinkOutcome::Unknown);
    });
}

fn pending(interaction: &str, user: Option<&str>) -> PendingLink {
    PendingLink {
        interaction: Digest::of(interaction),
        key: key("kakao", "theirs"),
        upstream: UpstreamName::parse("kakao").unwrap(),
        version: 0,
        user_id: user.map(UserId::new),
        profile: UpstreamProfile::default(),
        created_at: moment(5),
        expires_at: moment(605),
    }
}

/// The user signs in with a password in the interaction, at this moment.
async fn prove(store: &Shared, interaction: &str, who: &str, at: i64) {
    let proven = Session {
        auth_time: moment(at),
        ..session(&format!("{interaction}-{at}"), who)
    };
    let waiting = Digest::of(interaction);
    let begun = store.sign_in(&proven, "hash", None, Some(&waiting));
    assert!(begun.await.unwrap().is_some());
}

pub fn what_waits_to_be_linked_goes_once_to_whoever_proved_the_account_after_it_came(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        seeded(&store).await;
        store.create_upstream(&upstream("kakao")).await.unwrap();
        assert!(
            !store
                .keep_pending_link(&pending("gone", None))
                .await
                .unwrap()
        );
        begin(&store, "i").await;
        let finish = async |at| {
            let finished = store
                .finish_pending_link(&Digest::of("i"), moment(at))
                .await
                .unwrap();
            finished.map(|(outcome, identity)| (outcome, identity.user_id))
        };
        prove(&store, "i", "u", 4).await;
        assert!(store.keep_pending_link(&pending("i", None)).await.unwrap());
        assert_eq!(finish(6).await, None, "that sign-in was before");
        prove(&store, "i", "u", 5).await;
        assert_eq!(finish(605).await, None, "it has ended");
        assert!(
            store
                .pending_link(&Digest::of("i"), moment(604))
                .await
                .unwrap()
                .is_some()
        );
        let won = winners(&store, |s, _| async move {
            let finished = s
                .finish_pending_link(&Digest::of("i"), moment(6))
                .await
                .unwrap();
            finished.is_some_and(|(outcome, _)| outcome == LinkOutcome::Linked)
        });
        assert_eq!(won.await, 1);
        let (_, owner) = store
            .identity(&key("kakao", "theirs"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(owner.id, UserId::new("u"));
        assert!(
            store
                .pending_link(&Digest::of("i"), moment(6))
                .await
                .unwrap()
                .is_none()
        );
    });
}

pub fn what_waits_for_one_account_goes_to_no_other(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        store.create_user(&user("other")).await.unwrap();
        store.create_upstream(&upstream("kakao")).await.unwrap();
        begin(&store, "i").await;
        store
            .keep_pending_link(&pending("i", Some("u")))
            .await
            .unwrap();
        prove(&store, "i", "other", 6).await;
        let digest = Digest::of("i");
        assert!(
            store
                .finish_pending_link(&digest, moment(7))
                .await
                .unwrap()
                .is_none()
        );
        prove(&store, "i", "u", 8).await;
        let kakao = UpstreamName::parse("kakao").unwrap();
        store
            .set_upstream_disabled(&kakao, None, true, moment(8))
            .await
            .unwrap();
        let (outcome, _) = store
            .finish_pending_link(&digest, moment(9))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(outcome, LinkOutcome::Changed, "the upstream is disabled");
        assert!(
            store
                .identity(&key("kakao", "theirs"))
                .await
                .unwrap()
                .is_none()
        );
        begin(&store, "j").await;
        store.keep_pending_link(&pending("j", None)).await.unwrap();
        store.forget_pending_link(&Digest::of("j")).await.unwrap();
        assert!(
            store
                .pending_link(&Digest::of("j"), moment(6))
                .await
                .unwrap()
                .is_none()
        );
    });
}

pub fn a_sign_in_at_another_provider_proves_no_account(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        linked(&store, "naver", "u").await;
        store.create_upstream(&upstream("kakao")).await.unwrap();
        begin(&store, "i").await;
        let digest = Digest::of("i");
        assert!(store.keep_pending_link(&pending("i", None)).await.unwrap());
        let before = store.user(&UserId::new("u")).await.unwrap().unwrap();
        let elsewhere = Session {
            auth_time: moment(6),
            ..session("elsewhere", "u")
        };
        let asked = IdentitySignIn {
            session: &elsewhere,
            identity: &identity("naver", "u", "u"),
            upstream_version: 0,
            sid: None,
            user: (&before, &before),
            replaces: None,
            interaction: Some(&digest),
        };
        let begun = store.sign_in_by_identity(asked).await.unwrap();
        assert!(matches!(begun, IdentitySignInOutcome::SignedIn(_)));
        let finished = store.finish_pending_link(&digest, moment(7)).await.unwrap();
        assert!(finished.is_none(), "{finished:?}");
        // The same session goes on by a password: that is proof, and where it came from is forgotten.
        let proven = Session {
            auth_time: moment(8),
            ..session("proven", "u")
        };
        let old = elsewhere.digest.clone();
        let renewed = store
            .sign_in(&proven, "hash", Some(&old), Some(&digest))
            .await;
        let id = renewed.unwrap().unwrap().session_id;
        assert_eq!(id, elsewhere.id);
        assert!(store.upstream_of_session(&id).await.unwrap().is_none());
        let finished = store.finish_pending_link(&digest, moment(9)).await.unwrap();
        assert!(
            matches!(finished, Some((LinkOutcome::Linked, _))),
            "{finished:?}"
        );
    });
}

pub fn what_an_identity_brought_goes_with_it(stores: &impl Stores) {
    stores.each(async |store| {
        let member = User {
            groups: vec!["here".into(), "there".into()],
            roles: vec!["lent".into(), "own".into()],
            ..user("u")
        };
        assert_eq!(
            store.create_user(&member).await.unwrap(),
            WriteOutcome::Done
        );
        store.create_upstream(&upstream("kakao")).await.unwrap();
        let mut own = identity("kakao", "u", "u");
        own.brought.groups = vec!["there".into()];
        own.brought.roles = vec!["lent".into()];
        let linked = store.link_identity(&own, 0, 0).await.unwrap();
        assert_eq!(linked, LinkOutcome::Linked);
        let unlinked = store
            .unlink_identity(&member.id, &own.key, false, moment(5))
            .await;
        assert_eq!(unlinked.unwrap(), UnlinkOutcome::Unlinked(0));
        let after = store.user(&member.id).await.unwrap().unwrap();
        assert_eq!(
            (after.groups, after.roles),
            (vec!["here".to_owned()], vec!["own".to_owned()])
        );
        assert_eq!(after.version, 1);
    });
}
