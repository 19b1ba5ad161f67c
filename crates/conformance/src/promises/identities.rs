//! Sign-ins by identities: each condition, also while it changes.

use super::*;
use latchkey_protocol::{
    SessionId, UserId,
    store::{IdentitySignIn, IdentitySignInOutcome, UpstreamSessionEnd},
    upstream::{Identity, UpstreamName},
};

async fn found(store: &Shared, id: &str) -> User {
    store.user(&UserId::new(id)).await.unwrap().unwrap()
}

/// Signs in by `identity`, to a session of this name.
async fn sign_in(
    store: &Shared,
    named: &str,
    identity: &Identity,
    user: (&User, &User),
    upstream_version: i64,
) -> IdentitySignInOutcome {
    let session = session(named, &user.0.id);
    // One that is named by a letter has the same name there, and the others none.
    let sid = Some(named).filter(|named| matches!(*named, "a" | "b"));
    let asked = IdentitySignIn {
        session: &session,
        identity,
        upstream_version,
        sid,
        user,
        replaces: None,
        interaction: None,
    };
    store.sign_in_by_identity(asked).await.unwrap()
}

fn has_begun(outcome: &IdentitySignInOutcome) -> bool {
    matches!(outcome, IdentitySignInOutcome::SignedIn(_))
}

async fn sessions_of(store: &Shared, user: &str) -> usize {
    store
        .sessions(Some(&UserId::new(user)))
        .await
        .unwrap()
        .len()
}

pub fn of_first_sign_ins_of_one_identity_at_once_one_makes_a_user(stores: &impl Stores) {
    stores.each(async |store| {
        store.create_upstream(&upstream("kakao")).await.unwrap();
        let won = winners(&store, |s, n| async move {
            let id = format!("u{n}");
            let identity = identity("kakao", "same", &id);
            let made = s.create_user_of_identity(&user(&id), &identity, 0).await;
            match made.unwrap() {
                LinkOutcome::Linked => true,
                refused => {
                    assert_eq!(refused, LinkOutcome::IdentityTaken);
                    false
                }
            }
        });
        assert_eq!(won.await, 1);
        let (_, owner) = store
            .identity(&key("kakao", "same"))
            .await
            .unwrap()
            .unwrap();
        for n in 0..CALLERS {
            let id = UserId::new(format!("u{n}"));
            assert_eq!(store.user(&id).await.unwrap().is_some(), id == owner.id);
        }
    });
}

pub fn an_account_is_made_while_its_upstream_stands_and_its_name_is_free(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        store.create_upstream(&upstream("kakao")).await.unwrap();
        let make = async |id: &str, username: &str, version| {
            let new = User {
                username: username.into(),
                ..user(id)
            };
            store
                .create_user_of_identity(&new, &identity("kakao", id, id), version)
                .await
                .unwrap()
        };
        assert_eq!(make("a", "a", 1).await, LinkOutcome::Changed);
        let taken = LinkOutcome::Unwritten(WriteOutcome::NameTaken);
        assert_eq!(make("a", "name-u", 0).await, taken);
        assert!(store.identity(&key("kakao", "a")).await.unwrap().is_none());
        let kakao = UpstreamName::parse("kakao").unwrap();
        store
            .set_upstream_disabled(&kakao, None, true, moment(3))
            .await
            .unwrap();
        assert_eq!(make("a", "a", 1).await, LinkOutcome::Changed);
        store
            .set_upstream_disabled(&kakao, None, false, moment(3))
            .await
            .unwrap();
        assert_eq!(make("a", "a", 2).await, LinkOutcome::Linked);
        assert_eq!(found(&store, "a").await.username, "a");
    });
}

pub fn a_sign_in_by_an_identity_needs_user_identity_and_upstream_as_they_were_read(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        seeded(&store).await;
        store.create_user(&user("other")).await.unwrap();
        linked(&store, "kakao", "u").await;
        let (u, other) = (found(&store, "u").await, found(&store, "other").await);
        let own = identity("kakao", "u", "u");
        let changed = IdentitySignInOutcome::Changed;
        let foreign = Identity {
            user_id: UserId::new("other"),
            ..own.clone()
        };
        assert_eq!(
            sign_in(&store, "1", &foreign, (&other, &other), 0).await,
            changed
        );
        let elsewhere = Identity {
            upstream: UpstreamName::parse("naver").unwrap(),
            ..own.clone()
        };
        store.create_upstream(&upstream("naver")).await.unwrap();
        assert_eq!(sign_in(&store, "2", &elsewhere, (&u, &u), 0).await, changed);
        assert_eq!(sign_in(&store, "3", &own, (&u, &u), 1).await, changed);
        let stale = User {
            version: 7,
            ..u.clone()
        };
        assert_eq!(
            sign_in(&store, "4", &own, (&stale, &stale), 0).await,
            changed
        );
        assert!(has_begun(&sign_in(&store, "5", &own, (&u, &u), 0).await));
        let came = store
            .upstream_of_session(&SessionId::new("5"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (came.upstream, came.key),
            (own.upstream.clone(), own.key.clone())
        );
        let last = LastAdministrator::Stays;
        assert!(
            store
                .disable_user(&u.id, None, last, moment(5))
                .await
                .unwrap()
                .is_done()
        );
        let disabled = found(&store, "u").await;
        let outcome = sign_in(&store, "6", &own, (&disabled, &disabled), 0).await;
        assert_eq!(outcome, changed);
        assert_eq!(sessions_of(&store, "u").await, 0);
        assert_eq!(sessions_of(&store, "other").await, 0);
    });
}

pub fn what_a_provider_says_anew_is_written_with_the_sign_in_or_not_at_all(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        linked(&store, "kakao", "u").await;
        let before = found(&store, "u").await;
        let after = User {
            name: Some("New".into()),
            groups: vec!["g".into()],
            updated_at: moment(9),
            ..before.clone()
        };
        let mut said = identity("kakao", "u", "u");
        said.brought.groups = vec!["g".into()];
        said.profile.groups = vec!["g".into()];
        let refused = sign_in(&store, "1", &said, (&before, &after), 1).await;
        assert_eq!(refused, IdentitySignInOutcome::Changed);
        assert_eq!(found(&store, "u").await, before);
        assert!(has_begun(
            &sign_in(&store, "2", &said, (&before, &after), 0).await
        ));
        let now = found(&store, "u").await;
        assert_eq!(
            (now.version, &now.groups, &now.name),
            (1, &after.groups, &after.name)
        );
        let (kept, _) = store.identity(&said.key).await.unwrap().unwrap();
        assert_eq!(
            (kept.profile, kept.brought),
            (said.profile.clone(), said.brought.clone())
        );
        assert_eq!(kept.last_sign_in_at, Some(moment(1)));
        let late = sign_in(&store, "3", &said, (&before, &after), 0).await;
        assert_eq!(late, IdentitySignInOutcome::Changed);
        assert_eq!(store.last_sign_in(&now.id).await.unwrap(), Some(moment(1)));
    });
}

pub fn a_provider_takes_the_role_of_the_last_administrator_from_nobody(stores: &impl Stores) {
    stores.each(async |store| {
        let admin = User {
            roles: vec!["admin".into()],
            ..user("u")
        };
        assert_eq!(store.create_user(&admin).await.unwrap(), WriteOutcome::Done);
        linked(&store, "kakao", "u").await;
        let after = User {
            roles: Vec::new(),
            ..admin.clone()
        };
        let own = identity("kakao", "u", "u");
        let outcome = sign_in(&store, "1", &own, (&admin, &after), 0).await;
        assert_eq!(outcome, IdentitySignInOutcome::LastAdministrator);
        assert_eq!(sessions_of(&store, "u").await, 0);
        assert!(store.has_administrator().await.unwrap());
    });
}

pub fn of_sign_ins_and_an_upstream_that_is_disabled_at_once_none_begins_afterwards(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        seeded(&store).await;
        linked(&store, "kakao", "u").await;
        let kakao = UpstreamName::parse("kakao").unwrap();
        let u = found(&store, "u").await;
        let begun = winners(&store, move |s, n| {
            let (u, kakao) = (u.clone(), kakao.clone());
            async move {
                if n == CALLERS / 2 {
                    s.set_upstream_disabled(&kakao, None, true, moment(5))
                        .await
                        .unwrap();
                    let own = identity("kakao", "u", "u");
                    let after = sign_in(&s, "after", &own, (&u, &u), 0).await;
                    assert_eq!(after, IdentitySignInOutcome::Changed);
                    return false;
                }
                let own = identity("kakao", "u", "u");
                has_begun(&sign_in(&s, &format!("n{n}"), &own, (&u, &u), 0).await)
            }
        });
        let begun = begun.await;
        // The one that was there before, too.
        assert_eq!(sessions_of(&store, "u").await, begun + 1);
    });
}

pub fn of_sign_ins_and_an_unlink_at_once_no_session_is_left(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        linked(&store, "kakao", "u").await;
        let u = found(&store, "u").await;
        let all = winners(&store, move |s, n| {
            let u = u.clone();
            async move {
                if n == CALLERS / 2 {
                    let done = s
                        .unlink_identity(&u.id, &key("kakao", "u"), false, moment(5))
                        .await
                        .unwrap();
                    assert!(matches!(done, UnlinkOutcome::Unlinked(_)));
                    return true;
                }
                let own = identity("kakao", "u", "u");
                has_begun(&sign_in(&s, &format!("n{n}"), &own, (&u, &u), 0).await)
            }
        });
        assert!(all.await >= 1);
        assert_eq!(sessions_of(&store, "u").await, 1, "that of the password");
    });
}

pub fn a_session_that_ended_at_its_provider_ends_once_and_no_other_does(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        linked(&store, "kakao", "u").await;
        let u = found(&store, "u").await;
        let own = identity("kakao", "u", "u");
        for named in ["a", "b", "without", "another"] {
            assert!(has_begun(&sign_in(&store, named, &own, (&u, &u), 0).await));
        }
        let all = sessions_of(&store, "u").await;
        let (kakao, naver) = (
            UpstreamName::parse("kakao").unwrap(),
            UpstreamName::parse("naver").unwrap(),
        );
        let of_a = UpstreamSessionEnd {
            upstream: &kakao,
            issuer: &own.key.issuer,
            subject: Some("u"),
            sid: Some("a"),
            until: moment(0),
        };
        let end = async |end| store.end_upstream_sessions(end, moment(5)).await.unwrap();
        let others = [
            UpstreamSessionEnd {
                upstream: &naver,
                ..of_a
            },
            UpstreamSessionEnd {
                issuer: "https://naver.example",
                ..of_a
            },
            UpstreamSessionEnd {
                subject: Some("v"),
                ..of_a
            },
            UpstreamSessionEnd {
                sid: Some("c"),
                ..of_a
            },
            UpstreamSessionEnd { sid: None, ..of_a },
            UpstreamSessionEnd {
                sid: None,
                subject: None,
                until: moment(9),
                ..of_a
            },
        ];
        for other in others {
            assert_eq!(end(other).await, 0, "{other:?}");
        }
        let ended = winners(&store, |s, n| async move {
            let kakao = UpstreamName::parse("kakao").unwrap();
            let subject = (n % 2 == 0).then_some("u");
            let of_a = UpstreamSessionEnd {
                upstream: &kakao,
                issuer: "https://kakao.example",
                subject,
                sid: Some("a"),
                until: moment(0),
            };
            s.end_upstream_sessions(of_a, moment(5)).await.unwrap() == 1
        });
        assert_eq!(ended.await, 1);
        assert_eq!(sessions_of(&store, "u").await, all - 1);
        // In the session of the password the user comes from there after the message.
        let late = Session {
            created_at: moment(50),
            ..session("late", "u")
        };
        let asked = IdentitySignIn {
            session: &late,
            identity: &own,
            upstream_version: 0,
            sid: None,
            user: (&u, &u),
            replaces: Some(&Digest::of("s")),
            interaction: None,
        };
        assert!(has_begun(&store.sign_in_by_identity(asked).await.unwrap()));
        let of_user = UpstreamSessionEnd {
            sid: None,
            until: moment(9),
            ..of_a
        };
        assert_eq!(end(of_user).await, 3);
        assert_eq!(sessions_of(&store, "u").await, 1, "the newest");
    });
}
