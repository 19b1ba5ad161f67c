//! How sessions end: by their name, by a sign-in, and when a user has too many.

use latchkey_protocol::{
    Digest, Store, bounds,
    session::{Cause, EndedSession, SessionStart},
};

use super::*;

#[test]
fn a_session_that_is_named_ends_once() {
    on_both(async |store| {
        seeded(&store).await;
        store
            .issue_code(None, &authorization("online", "openid"))
            .await
            .unwrap();
        let end = async |user: Option<&str>, now| {
            let ended = store.end_session_of("s", user, false, now);
            ended.await.unwrap().is_some()
        };
        assert!(!end(Some("v"), 7).await, "another user's");
        assert!(!end(Some("u"), 1000).await, "it has expired");
        let ended = winners(&store, |s, n| async move {
            let user = (n % 2 == 0).then_some("u");
            let ended = s.end_session_of("s", user, false, 7);
            ended.await.unwrap().is_some_and(|ended| ended.id == "s")
        });
        assert_eq!(ended.await, 1);
        assert!(store.sessions(Some("u")).await.unwrap().is_empty());
        let online = store.authorization("online").await.unwrap().unwrap();
        assert_eq!(online.authorization.revoked_at, Some(7));
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
                let ended = first.end_session_of(&ends, Some("u"), false, 7);
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
            let named = store.session_of(&old, "u", 7).await.unwrap();
            assert!(named.is_none(), "{round}");
            // Either it was renewed, and then ended, or it ended, and another began.
            let begun = store.session_of(&into, "u", 7).await.unwrap();
            assert_eq!(begun.is_some(), into != old, "{round}");
        }
    });
}

#[test]
fn of_sign_ins_of_one_user_at_one_browser_that_meet_one_renews_the_session() {
    on_both(async |store| {
        seeded(&store).await;
        let renewed = winners(&store, |s, n| async move {
            let (new, old) = (session(&format!("n{n}"), "u"), Digest::of("s"));
            let begun = s.sign_in(&new, "hash", Some(&old), None).await.unwrap();
            begun.unwrap().session_id == "s"
        });
        assert_eq!(renewed.await, 1);
        assert_eq!(store.sessions(Some("u")).await.unwrap().len(), 16);
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
        let began = |session_id: &str, ended| {
            Some(SessionStart {
                session_id: session_id.into(),
                ended,
            })
        };
        let ended = |id: &str, cause| EndedSession {
            id: id.into(),
            user_id: "u".into(),
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
            let begun = store.sign_in(&made, "hash", None, None).await.unwrap();
            assert_eq!(begun.unwrap().ended, []);
        }
        let of_v = used("v".into(), "v", 0);
        let begun = store.sign_in(&of_v, "hash", None, None).await.unwrap();
        assert_eq!(begun.unwrap().ended, []);
        let racing = winners(&store, move |s, n| async move {
            let mut new = session(&format!("new{n}"), "u");
            (new.last_used_at, new.expires_at) = (5000, 100_000);
            let begun = s.sign_in(&new, "hash", None, None).await.unwrap();
            let ended = begun.unwrap().ended;
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
