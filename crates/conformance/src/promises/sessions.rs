//! How sessions end: by their name, by a sign-in, and when a user has too many.

use super::*;
use latchkey_protocol::{
    Digest, SessionId, UserId, bounds,
    device::Device,
    session::{Cause, EndedSession, SessionStart},
};

pub fn a_session_that_is_named_ends_once(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        store
            .issue_code(None, &authorization("online", "openid"))
            .await
            .unwrap();
        let end = async |user: Option<&str>, now| {
            let (sid, user) = (SessionId::new("s"), user.map(UserId::new));
            let ended = store.end_session_of(&sid, user.as_ref(), false, now);
            ended.await.unwrap().is_some()
        };
        assert!(!end(Some("v"), moment(7)).await, "another user's");
        assert!(!end(Some("u"), moment(1000)).await, "it has expired");
        let ended = winners(&store, |s, n| async move {
            let user = (n % 2 == 0).then(|| UserId::new("u"));
            let sid = SessionId::new("s");
            let ended = s.end_session_of(&sid, user.as_ref(), false, moment(7));
            ended.await.unwrap().is_some_and(|ended| ended.id == "s")
        });
        assert_eq!(ended.await, 1);
        assert!(
            store
                .sessions(Some(&UserId::new("u")))
                .await
                .unwrap()
                .is_empty()
        );
        let online = given(&store, "online").await;
        assert_eq!(online.authorization.revoked_at, Some(moment(7)));
    });
}

pub fn of_a_sign_out_and_a_sign_in_that_meet_nothing_goes_on_under_the_name_that_ended(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        seeded(&store).await;
        for round in 0..20 {
            let (old, new) = (format!("{round}-old"), format!("{round}-new"));
            store
                .sign_in(&session(&old, "u"), "hash", None, None)
                .await
                .unwrap();
            let (first, second) = (store.clone(), store.clone());
            let (ends, begins) = (SessionId::new(&old), old.clone());
            let out = tokio::spawn(async move {
                let user = UserId::new("u");
                let ended = first.end_session_of(&ends, Some(&user), false, moment(7));
                ended.await.unwrap()
            });
            let replaces = Digest::of(&begins);
            let into = tokio::spawn(async move {
                let again = session(&new, "u");
                let begun = second.sign_in(&again, "hash", Some(&replaces), None);
                begun.await.unwrap().unwrap().session_id
            });
            let (out, into) = (out.await.unwrap(), into.await.unwrap());
            assert!(out.is_some(), "{round}: the session lived until now");
            let named = store
                .session_of(&SessionId::new(&old), &UserId::new("u"), moment(7))
                .await
                .unwrap();
            assert!(named.is_none(), "{round}");
            // Either it was renewed, and then ended, or it ended, and another began.
            let begun = store
                .session_of(&into, &UserId::new("u"), moment(7))
                .await
                .unwrap();
            assert_eq!(begun.is_some(), into != *old, "{round}");
        }
    });
}

pub fn of_sign_ins_of_one_user_at_one_browser_that_meet_one_renews_the_session(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        seeded(&store).await;
        let renewed = winners(&store, |s, n| async move {
            let (new, old) = (session(&format!("n{n}"), "u"), Digest::of("s"));
            let begun = s.sign_in(&new, "hash", Some(&old), None).await.unwrap();
            begun.unwrap().session_id == "s"
        });
        assert_eq!(renewed.await, 1);
        assert_eq!(
            store.sessions(Some(&UserId::new("u"))).await.unwrap().len(),
            16
        );
    });
}

pub fn a_sign_in_says_which_session_it_ended_and_why(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        assert_eq!(
            store.create_user(&user("v")).await.unwrap(),
            WriteOutcome::Done
        );
        let began = |session_id: &str, ended| {
            Some(SessionStart {
                session_id: SessionId::new(session_id),
                ended,
            })
        };
        let ended = |id: &str, cause| EndedSession {
            id: SessionId::new(id),
            user_id: UserId::new("u"),
            cause,
        };
        let sign_in = async |new: Session, old: &str| {
            store
                .sign_in(&new, "hash", Some(&Digest::of(old)), None)
                .await
                .unwrap()
        };
        assert_eq!(sign_in(session("s2", "u"), "s").await, began("s", vec![]));
        assert_eq!(
            sign_in(session("s3", "v"), "s2").await,
            began("s3", vec![ended("s", Cause::AnotherUser)])
        );
        assert_eq!(
            sign_in(session("s4", "v"), "nothing").await,
            began("s4", vec![])
        );
        assert_eq!(
            store
                .sign_in(&session("s5", "v"), "old hash", None, None)
                .await
                .unwrap(),
            None
        );
    });
}

pub fn of_a_users_sessions_beyond_the_bound_those_unused_longest_end_also_when_sign_ins_race(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        seeded(&store).await;
        assert_eq!(
            store.create_user(&user("v")).await.unwrap(),
            WriteOutcome::Done
        );
        let used = |id: String, user: &str, at: i64| {
            let mut session = session(&id, user);
            (session.last_used_at, session.expires_at) = (moment(at), moment(100_000));
            session
        };
        // Made in one order and used in the other: the last made is the one unused longest.
        let most = bounds::SESSIONS;
        for n in 0..most - 1 {
            let made = used(format!("old{n}"), "u", 2 * most - n);
            let begun = store.sign_in(&made, "hash", None, None).await.unwrap();
            assert_eq!(begun.unwrap().ended, []);
        }
        let of_v = used("v".into(), "v", 0);
        let begun = store.sign_in(&of_v, "hash", None, None).await.unwrap();
        assert_eq!(begun.unwrap().ended, []);
        let racing = winners(&store, move |s, n| async move {
            let mut new = session(&format!("new{n}"), "u");
            (new.last_used_at, new.expires_at) = (moment(5000), moment(100_000));
            let begun = s.sign_in(&new, "hash", None, None).await.unwrap();
            let ended = begun.unwrap().ended;
            ended.len() == 1
                && ended
                    .iter()
                    .all(|e| (e.cause, e.user_id.as_str()) == (Cause::TooMany, "u"))
        });
        assert_eq!(racing.await, CALLERS, "each makes room for itself");
        let kept: Vec<SessionId> = store
            .sessions(Some(&UserId::new("u")))
            .await
            .unwrap()
            .into_iter()
            .map(|s| s.id)
            .collect();
        assert_eq!(kept.len(), usize::try_from(most).unwrap());
        let newest = (0..CALLERS).all(|n| kept.contains(&SessionId::new(format!("new{n}"))));
        // `s`, used first of all, and the longest unused of the others are gone.
        let gone = usize::try_from(most).unwrap() - CALLERS;
        let others = (0..usize::try_from(most - 1).unwrap())
            .all(|n| kept.contains(&SessionId::new(format!("old{n}"))) == (n < gone));
        assert!(
            newest && others && !kept.contains(&SessionId::new("s")),
            "{kept:?}"
        );
        assert_eq!(
            store.sessions(Some(&UserId::new("v"))).await.unwrap().len(),
            1,
            "another user's do not count"
        );
    });
}

pub fn a_session_answers_while_it_lives_and_its_user_is_enabled(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let digest = Digest::of("s");
        let (session, user) = store.session(&digest, moment(999)).await.unwrap().unwrap();
        assert_eq!((session.id.as_str(), user.id.as_str()), ("s", "u"));
        assert!(
            store
                .session(&digest, moment(1000))
                .await
                .unwrap()
                .is_none(),
            "it ends at its end"
        );
        assert!(
            store
                .session(&Digest::of("other"), moment(2))
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!(
            store
                .disable_user(&UserId::new("u"), None, LastAdministrator::Stays, moment(3))
                .await
                .unwrap(),
            UserEnd::Ended(1)
        );
        assert!(store.session(&digest, moment(2)).await.unwrap().is_none());
    });
}

pub fn a_session_keeps_its_name_when_its_user_signs_in_again(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        begin(&store, "i").await;
        issued(&store, "a", "openid").await;
        let again = Session {
            auth_time: moment(5),
            remember: true,
            created_at: moment(5),
            expires_at: moment(2000),
            ends_at: moment(3000),
            last_used_at: moment(5),
            device: Device::of("Safari/605.1 on an iPhone"),
            address: Some(std::net::Ipv6Addr::LOCALHOST.into()),
            ..session("s2", "u")
        };
        let (old, stamped) = (Digest::of("s"), Digest::of("i"));
        let signed_in = store.sign_in(&again, "hash", Some(&old), Some(&stamped));
        let kept = SessionStart {
            session_id: SessionId::new("s"),
            ended: vec![],
        };
        assert_eq!(signed_in.await.unwrap(), Some(kept));
        assert!(
            store.session(&old, moment(2)).await.unwrap().is_none(),
            "the old secret is no use"
        );
        let (now, _) = store
            .session(&Digest::of("s2"), moment(1500))
            .await
            .unwrap()
            .unwrap();
        let renewed = Session {
            id: SessionId::new("s"),
            created_at: moment(1),
            ..again
        };
        assert_eq!(now, renewed);
        let stamped = store.interaction(&stamped).await.unwrap().unwrap();
        assert_eq!(stamped.login_session.as_deref(), Some("s"));
        let context = given(&store, "a").await;
        assert!(
            context.session_lives(moment(6)),
            "the same user's tokens go on"
        );
        assert_eq!(
            store.sessions(Some(&UserId::new("u"))).await.unwrap().len(),
            1
        );
        assert_eq!(
            store.create_user(&user("v")).await.unwrap(),
            WriteOutcome::Done
        );
        store
            .sign_in(&session("s3", "v"), "hash", Some(&Digest::of("s2")), None)
            .await
            .unwrap();
        let context = given(&store, "a").await;
        assert!(!context.session_lives(moment(6)), "another user's do not");
    });
}

pub fn a_session_that_has_ended_is_not_renewed(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        issued(&store, "a", "openid").await;
        let late = Session {
            auth_time: moment(1000),
            created_at: moment(1000),
            expires_at: moment(2000),
            ends_at: moment(2000),
            ..session("s2", "u")
        };
        let old = Digest::of("s");
        let signed_in = store
            .sign_in(&late, "hash", Some(&old), None)
            .await
            .unwrap();
        assert_eq!(signed_in.unwrap().session_id, "s2");
        let context = given(&store, "a").await;
        assert!(!context.session_lives(moment(1001)));
    });
}

pub fn a_use_of_a_session_is_noted_once_and_never_brings_it_back(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let used = Use {
            auth_time: moment(1),
            noted_before: moment(60),
            at: moment(120),
            expires_at: moment(700),
        };
        let noted = winners(&store, move |s, _| async move {
            s.use_session(&SessionId::new("s"), used).await.unwrap()
        });
        assert_eq!(noted.await, 1);
        let read = async || store.sessions(Some(&UserId::new("u"))).await.unwrap()[0].clone();
        assert_eq!(
            (
                read().await.last_used_at,
                read().await.expires_at,
                read().await.ends_at
            ),
            (moment(120), moment(700), moment(1000))
        );
        let late = Use {
            auth_time: moment(1),
            noted_before: moment(640),
            at: moment(700),
            expires_at: moment(900),
        };
        assert!(
            !store.use_session(&SessionId::new("s"), late).await.unwrap(),
            "it has ended"
        );
        let before = Use {
            auth_time: moment(0),
            noted_before: moment(200),
            at: moment(260),
            expires_at: moment(900),
        };
        let noted = store
            .use_session(&SessionId::new("s"), before)
            .await
            .unwrap();
        assert!(!noted, "it was read before the user signed in again");
        assert_eq!(read().await.expires_at, moment(700));
    });
}

pub fn a_session_is_found_by_its_name_and_its_own_user_alone(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let found = async |sid: &str, user: &str, now: i64| {
            store
                .session_of(&SessionId::new(sid), &UserId::new(user), moment(now))
                .await
                .unwrap()
                .map(|session| session.id)
        };
        assert_eq!(found("s", "u", 2).await.as_deref(), Some("s"));
        assert_eq!(found("s", "v", 2).await, None, "another user");
        assert_eq!(found("s", "u", 1000).await, None, "expired");
        assert_eq!(found("%", "u", 2).await, None, "no pattern");
        assert_eq!(
            store.create_user(&user("v")).await.unwrap(),
            WriteOutcome::Done
        );
        store
            .sign_in(&session("s2", "v"), "hash", Some(&Digest::of("s")), None)
            .await
            .unwrap();
        assert_eq!(
            (found("s", "u", 2).await, found("s", "v", 2).await),
            (None, None),
            "another user's sign-in ended it"
        );
    });
}
