//! How sessions end: under every name they carry on, by a sign-in, and when a user has too many.

use latchkey_protocol::{
    Digest, Store, bounds,
    session::{Cause, EndedSession},
};

use super::*;

#[test]
fn a_session_ends_under_every_name_it_carries_on_and_once() {
    on_both(async |store| {
        seeded(&store).await;
        store
            .issue_code(None, &authorization("online", "openid"))
            .await
            .unwrap();
        store
            .sign_in(&session("s2", "u"), "hash", Some(&Digest::of("s")), None)
            .await
            .unwrap();
        assert!(
            store
                .end_session_of("s", Some("v"), false, 7)
                .await
                .unwrap()
                .is_none(),
            "another user's"
        );
        assert!(
            store
                .end_session_of("s", Some("u"), false, 1000)
                .await
                .unwrap()
                .is_none(),
            "it has expired"
        );
        let ended = winners(&store, |s, n| async move {
            let user = (n % 2 == 0).then_some("u");
            s.end_session_of("s", user, false, 7)
                .await
                .unwrap()
                .is_some_and(|ended| ended.id == "s2")
        });
        assert_eq!(ended.await, 1);
        assert!(store.sessions(Some("u")).await.unwrap().is_empty());
        let online = store
            .authorization("online")
            .await
            .unwrap()
            .unwrap()
            .authorization;
        assert_eq!(online.revoked_at, Some(7));
    });
}

#[test]
fn of_a_sign_out_and_a_sign_in_that_meet_nothing_goes_on_under_the_name_that_ended() {
    on_both(async |store| {
        seeded(&store).await;
        for round in 0..20 {
            let (old, new) = (format!("{round}-old"), format!("{round}-new"));
            store
                .sign_in(&session(&old, "u"), "hash", None, None)
                .await
                .unwrap();
            let (first, second) = (store.clone(), store.clone());
            let (ends, begins) = (old.clone(), old.clone());
            let out = tokio::spawn(async move {
                first
                    .end_session_of(&ends, Some("u"), false, 7)
                    .await
                    .unwrap()
            });
            let replaces = Digest::of(&begins);
            let into = tokio::spawn(async move {
                second
                    .sign_in(&session(&new, "u"), "hash", Some(&replaces), None)
                    .await
                    .unwrap();
            });
            let (out, _) = (out.await.unwrap(), into.await.unwrap());
            assert!(
                out.is_some(),
                "{round}: the session lives, under one name or the other"
            );
            assert!(
                store.session_of(&old, "u", 7).await.unwrap().is_none(),
                "{round}"
            );
        }
    });
}

#[test]
fn a_sign_in_says_which_session_it_ended_and_why() {
    on_both(async |store| {
        seeded(&store).await;
        assert_eq!(
            store.create_user(&user("v")).await.unwrap(),
            WriteOutcome::Done
        );
        let ended = |id: &str, cause| {
            Some(vec![EndedSession {
                id: id.into(),
                user_id: "u".into(),
                cause,
            }])
        };
        let sign_in = async |new: Session, old: &str| {
            store
                .sign_in(&new, "hash", Some(&Digest::of(old)), None)
                .await
                .unwrap()
        };
        assert_eq!(
            sign_in(session("s2", "u"), "s").await,
            ended("s", Cause::SignedInAgain)
        );
        assert_eq!(
            sign_in(session("s3", "v"), "s2").await,
            ended("s2", Cause::AnotherUser)
        );
        assert_eq!(sign_in(session("s4", "v"), "nothing").await, Some(vec![]));
        assert_eq!(
            store
                .sign_in(&session("s5", "v"), "old hash", None, None)
                .await
                .unwrap(),
            None
        );
    });
}

#[test]
fn of_a_users_sessions_beyond_the_bound_those_unused_longest_end_also_when_sign_ins_race() {
    on_both(async |store| {
        seeded(&store).await;
        assert_eq!(
            store.create_user(&user("v")).await.unwrap(),
            WriteOutcome::Done
        );
        let used = |id: String, user: &str, at: i64| {
            let mut session = session(&id, user);
            (session.last_used_at, session.expires_at) = (at, 100_000);
            session
        };
        // Made in one order and used in the other: the last made is the one unused longest.
        let most = bounds::SESSIONS;
        for n in 0..most - 1 {
            let made = used(format!("old{n}"), "u", 2 * most - n);
            assert_eq!(
                store.sign_in(&made, "hash", None, None).await.unwrap(),
                Some(vec![])
            );
        }
        assert_eq!(
            store
                .sign_in(&used("v".into(), "v", 0), "hash", None, None)
                .await
                .unwrap(),
            Some(vec![])
        );
        let racing = winners(&store, move |s, n| async move {
            let mut new = session(&format!("new{n}"), "u");
            (new.last_used_at, new.expires_at) = (5000, 100_000);
            let ended = s.sign_in(&new, "hash", None, None).await.unwrap().unwrap();
            ended.len() == 1
                && ended
                    .iter()
                    .all(|e| (e.cause, e.user_id.as_str()) == (Cause::TooMany, "u"))
        });
        assert_eq!(racing.await, CALLERS, "each makes room for itself");
        let kept: Vec<String> = store
            .sessions(Some("u"))
            .await
            .unwrap()
            .into_iter()
            .map(|s| s.id)
            .collect();
        assert_eq!(kept.len(), usize::try_from(most).unwrap());
        let newest = (0..CALLERS).all(|n| kept.contains(&format!("new{n}")));
        // `s`, used first of all, and the longest unused of the others are gone.
        let gone = usize::try_from(most).unwrap() - CALLERS;
        let others = (0..usize::try_from(most - 1).unwrap())
            .all(|n| kept.contains(&format!("old{n}")) == (n < gone));
        assert!(
            newest && others && !kept.contains(&"s".to_owned()),
            "{kept:?}"
        );
        assert_eq!(
            store.sessions(Some("v")).await.unwrap().len(),
            1,
            "another user's do not count"
        );
    });
}
