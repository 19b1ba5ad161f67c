//! Users: their sign-ins, how they are locked out, changed and deleted.

use super::*;
use latchkey_protocol::AuthorizationId;
use latchkey_protocol::ClientId;
use latchkey_protocol::SessionId;
use latchkey_protocol::UserId;

pub async fn add(store: &Shared, user: &User) {
    assert_eq!(store.create_user(user).await.unwrap(), WriteOutcome::Done);
}

pub fn with_email(id: &str, email: &str) -> User {
    User {
        email: Some(email.to_owned()),
        ..user(id)
    }
}

/// Sixteen callers; the first one locks out, the others sign in. Whoever came first, no session is left.
pub async fn locked_out<F: Future<Output = ()> + Send + 'static>(
    store: &Shared,
    rounds: &str,
    lock_out: impl Fn(Shared, String) -> F + Copy + Send + 'static,
) {
    let mut both = [0, 0];
    for round in 0..25 {
        let id = format!("{rounds}{round}");
        add(store, &user(&id)).await;
        let at = round % CALLERS;
        let known = id.clone();
        let signed_in = winners(store, move |s, n| {
            let id = known.clone();
            async move {
                if n == at {
                    lock_out(s, id).await;
                    return false;
                }
                s.sign_in(&session(&format!("{id}-{n}"), &id), "hash", None, None)
                    .await
                    .unwrap()
                    .is_some()
            }
        });
        let signed_in = signed_in.await;
        both[0] += signed_in;
        both[1] += CALLERS - 1 - signed_in;
        assert_eq!(
            store.sessions(Some(&UserId::new(&id))).await.unwrap(),
            [],
            "round {round} of {rounds}"
        );
        assert!(
            store
                .sign_in(&session("late", &id), "hash", None, None)
                .await
                .unwrap()
                .is_none()
        );
    }
    assert!(
        both[0] > 0 && both[1] > 0,
        "sign-ins came before and after: {both:?}"
    );
}

pub fn a_sign_in_under_way_does_not_survive_a_disable_and_enabling_brings_none_back(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        locked_out(&store, "u", |s, id| async move {
            assert!(
                s.disable_user(&UserId::new(&id), None, LastAdministrator::Stays, moment(5))
                    .await
                    .unwrap()
                    .is_done()
            )
        })
        .await;
        assert!(
            store
                .enable_user(&UserId::new("u0"), None, moment(6))
                .await
                .unwrap()
        );
        assert_eq!(store.sessions(Some(&UserId::new("u0"))).await.unwrap(), []);
        assert!(
            store
                .sign_in(&session("s", "u0"), "hash", None, None)
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(
            store
                .disable_user(
                    &UserId::new("nobody"),
                    None,
                    LastAdministrator::Stays,
                    moment(5)
                )
                .await
                .unwrap(),
            UserEnd::Unknown
        );
        assert!(
            !store
                .enable_user(&UserId::new("nobody"), None, moment(5))
                .await
                .unwrap()
        );
    });
}

pub fn a_sign_in_under_way_does_not_survive_a_change_of_password(stores: &impl Stores) {
    stores.each(async |store| {
        locked_out(&store, "u", |s, id| async move {
            assert!(
                s.set_password(&UserId::new(&id), None, "new", moment(5))
                    .await
                    .unwrap()
                    .is_some()
            )
        })
        .await;
        assert!(
            store
                .sign_in(&session("s", "u0"), "new", None, None)
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(
            store
                .set_password(&UserId::new("u0"), None, "newer", moment(6))
                .await
                .unwrap(),
            Some(1)
        );
        assert_eq!(
            store
                .set_password(&UserId::new("nobody"), None, "new", moment(6))
                .await
                .unwrap(),
            None
        );
    });
}

pub fn a_sign_in_under_way_does_not_survive_a_delete(stores: &impl Stores) {
    stores.each(async |store| {
        locked_out(&store, "u", |s, id| async move {
            assert!(
                s.delete_user(&UserId::new(&id), None, LastAdministrator::Stays)
                    .await
                    .unwrap()
                    .is_done()
            )
        })
        .await;
    });
}

pub fn locking_out_ends_what_was_allowed_as_well(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        for (id, lock_out) in [("a", "disable"), ("b", "password")] {
            store
                .enable_user(&UserId::new("u"), None, moment(2))
                .await
                .unwrap();
            store
                .end_session(&SessionId::new("s"), false, moment(2))
                .await
                .unwrap();
            store
                .sign_in(&session("s", "u"), "hash", None, None)
                .await
                .unwrap();
            issued(&store, id, "openid offline_access").await;
            match lock_out {
                "disable" => store
                    .disable_user(&UserId::new("u"), None, LastAdministrator::Stays, moment(9))
                    .await
                    .map(drop),
                _ => store
                    .set_password(&UserId::new("u"), None, "new", moment(9))
                    .await
                    .map(drop),
            }
            .unwrap();
            let context = store
                .authorization(&AuthorizationId::new(id))
                .await
                .unwrap()
                .unwrap();
            assert_eq!(
                context.authorization.revoked_at,
                Some(moment(9)),
                "{lock_out}"
            );
        }
    });
}

pub fn a_profile_is_changed_as_it_was_read_and_nothing_else_is(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let before = store.user(&UserId::new("u")).await.unwrap().unwrap();
        let known = before.clone();
        let won = winners(&store, move |s, n| {
            let (before, mut after) = (known.clone(), known.clone());
            after.roles = vec![format!("role {n}")];
            async move {
                s.update_user_profile(&before, &after, LastAdministrator::Stays)
                    .await
                    .unwrap()
                    == WriteOutcome::Done
            }
        });
        assert_eq!(won.await, 1, "the others read again");
        let mut read = store.user(&UserId::new("u")).await.unwrap().unwrap();
        assert!(read.roles != before.roles && read.version == before.version + 1);

        // What was read before a disable or a new password undoes neither: whoever read it is told.
        store
            .disable_user(&UserId::new("u"), None, LastAdministrator::Stays, moment(5))
            .await
            .unwrap();
        store
            .set_password(&UserId::new("u"), None, "new", moment(5))
            .await
            .unwrap();
        let late = store.update_user_profile(&read, &read, LastAdministrator::Stays);
        assert_eq!(late.await.unwrap(), WriteOutcome::Changed);
        read.version += 2;
        let before = read.clone();
        read.name = Some("M".into());
        read.password_hash = Some("hash".into());
        read.disabled_at = None;
        assert_eq!(
            store
                .update_user_profile(&before, &read, LastAdministrator::Stays)
                .await
                .unwrap(),
            WriteOutcome::Done
        );
        let now = store.user(&UserId::new("u")).await.unwrap().unwrap();
        assert_eq!(
            (now.password_hash.as_deref(), now.disabled_at),
            (Some("new"), Some(moment(5)))
        );
        assert_eq!(now.name.as_deref(), Some("M"));
        store
            .delete_user(&UserId::new("u"), None, LastAdministrator::Stays)
            .await
            .unwrap();
        assert_eq!(
            store
                .update_user_profile(&now, &now, LastAdministrator::Stays)
                .await
                .unwrap(),
            WriteOutcome::Changed
        );
    });
}

/// A user is changed in each of the ways, all by who has read the same version, at the same moment.
pub fn of_callers_who_have_read_the_same_user_one_changes_them(stores: &impl Stores) {
    stores.each(async |store| {
        let last = LastAdministrator::Stays;
        for round in 0..10 {
            let id = UserId::new(format!("u{round}"));
            add(&store, &user(&id)).await;
            let before = store.user(&id).await.unwrap().unwrap();
            let won = winners(&store, {
                let before = before.clone();
                move |s, n| {
                    let before = before.clone();
                    async move {
                        let (id, at, now) = (&before.id, Some(before.version), moment(5));
                        match (n + round) % 5 {
                            0 => s.disable_user(id, at, last, now).await.unwrap().is_done(),
                            1 => s.enable_user(id, at, now).await.unwrap(),
                            2 => {
                                let set = s.set_password(id, at, "new", now);
                                set.await.unwrap().is_some()
                            }
                            3 => s.delete_user(id, at, last).await.unwrap().is_done(),
                            _ => {
                                let written = s.update_user_profile(&before, &before, last);
                                written.await.unwrap() == WriteOutcome::Done
                            }
                        }
                    }
                }
            });
            assert_eq!(won.await, 1, "round {round}");
            if let Some(now) = store.user(&id).await.unwrap() {
                assert_eq!(now.version, before.version + 1);
            }
        }
        // A sign-in and a rehash are no changes of the record.
        add(&store, &user("u")).await;
        let before = store.user(&UserId::new("u")).await.unwrap().unwrap();
        let hash = before.password_hash.clone().unwrap();
        let rehashed = store.rehash_password(&before.id, &hash, "the same again");
        assert!(rehashed.await.unwrap());
        let after = store.user(&before.id).await.unwrap().unwrap();
        assert_eq!(after.version, before.version);
    });
}

pub fn deleting_takes_everything_along(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        issued(&store, "a", "openid").await;
        assert_eq!(
            store
                .delete_user(&UserId::new("u"), None, LastAdministrator::Stays)
                .await
                .unwrap(),
            UserEnd::Ended(1)
        );
        assert_eq!(
            store
                .delete_user(&UserId::new("u"), None, LastAdministrator::Stays)
                .await
                .unwrap(),
            UserEnd::Unknown
        );
        assert!(
            store
                .authorization(&AuthorizationId::new("a"))
                .await
                .unwrap()
                .is_none()
        );
        assert!(store.sessions(None).await.unwrap().is_empty());
        assert!(
            store
                .delete_client(&ClientId::new("c"), None)
                .await
                .unwrap()
        );
        assert!(store.client(&ClientId::new("c")).await.unwrap().is_none());
    });
}

pub fn a_rehash_never_undoes_a_new_password(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        assert!(
            !store
                .rehash_password(&UserId::new("u"), "other", "new")
                .await
                .unwrap()
        );
        assert!(
            store
                .rehash_password(&UserId::new("u"), "hash", "new")
                .await
                .unwrap()
        );
        assert_eq!(
            store
                .user(&UserId::new("u"))
                .await
                .unwrap()
                .unwrap()
                .password_hash
                .as_deref(),
            Some("new")
        );
    });
}
