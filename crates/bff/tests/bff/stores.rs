//! What any store must keep, with racing callers.

use std::sync::Arc;

use futures_util::future::join_all;
use latchkey_bff::store::{Begun, Key, Name, NamedEnd, NamedEnded, NewRow, SessionStore};
use latchkey_protocol::Timestamp;

use crate::support::on_each_store;

/// Later than any clock: Redis forgets by its own.
pub const NOW: Timestamp = Timestamp::from_seconds(4_000_000_000);

pub fn key(cookie: &str) -> Key {
    Key::of_cookie(cookie)
}

pub fn row(sub: &str, sid: &str) -> NewRow {
    NewRow {
        sealed: format!("sealed {sub}"),
        subject: Name::of_subject("issuer", sub),
        sid: Some(Name::of_session("issuer", sid)),
        issued_at: NOW,
        expires_at: NOW + 100,
    }
}

fn end_of(name: Name, jti: &str) -> NamedEnd {
    NamedEnd {
        name,
        at: NOW,
        jti: Name::of_logout_token("issuer", jti),
        jti_until: NOW + 120,
    }
}

pub fn end_of_session(sid: &str, jti: &str) -> NamedEnd {
    end_of(Name::of_session("issuer", sid), jti)
}

pub async fn begin(store: &dyn SessionStore, cookie: &str, sub: &str, sid: &str) -> Begun {
    store
        .begin(&key(cookie), &row(sub, sid), 50, NOW)
        .await
        .unwrap()
}

pub async fn is_there(store: &dyn SessionStore, cookie: &str) -> bool {
    store.find(&key(cookie), NOW).await.unwrap().is_some()
}

#[test]
fn a_session_is_found_until_it_expires_or_ends() {
    on_each_store(async |store| {
        assert_eq!(begin(&*store, "a", "alice", "s1").await, Begun::Done);
        let found = store.find(&key("a"), NOW + 99).await.unwrap().unwrap();
        assert_eq!((&*found.sealed, found.version), ("sealed alice", 1));
        assert_eq!(found.expires_at, NOW + 100);
        assert_eq!(store.find(&key("a"), NOW + 100).await.unwrap(), None);
        assert_eq!(store.find(&key("b"), NOW).await.unwrap(), None);
        store.extend(&key("a"), NOW + 50, NOW).await.unwrap();
        assert!(store.find(&key("a"), NOW + 99).await.unwrap().is_some());
        store.extend(&key("a"), NOW + 200, NOW).await.unwrap();
        assert!(store.find(&key("a"), NOW + 199).await.unwrap().is_some());
        assert_eq!(
            store.end(&key("a")).await.unwrap().as_deref(),
            Some("sealed alice")
        );
        assert!(!is_there(&*store, "a").await);
        assert_eq!(store.end(&key("a")).await.unwrap(), None);
        store.extend(&key("a"), NOW + 500, NOW).await.unwrap();
        assert!(!is_there(&*store, "a").await);
        store.ready().await.unwrap();
    });
}

#[test]
fn a_session_is_replaced_at_the_version_that_was_read_alone() {
    on_each_store(async |store| {
        begin(&*store, "a", "alice", "s1").await;
        let k = key("a");
        assert!(
            store
                .replace(&k, 1, "second", NOW + 300, NOW)
                .await
                .unwrap()
        );
        assert!(!store.replace(&k, 1, "late", NOW + 900, NOW).await.unwrap());
        let found = store.find(&k, NOW + 299).await.unwrap().unwrap();
        assert_eq!((&*found.sealed, found.version), ("second", 2));
        assert_eq!(store.find(&k, NOW + 300).await.unwrap(), None);
        // Of many one writes.
        let writes = (0..20).map(|i| {
            let store = store.clone();
            async move {
                store
                    .replace(&k, 2, &format!("by {i}"), NOW + 300, NOW)
                    .await
                    .unwrap()
            }
        });
        let written = join_all(writes)
            .await
            .into_iter()
            .filter(|done| *done)
            .count();
        assert_eq!(written, 1);
        store.end(&k).await.unwrap();
        assert!(!store.replace(&k, 3, "risen", NOW + 900, NOW).await.unwrap());
        assert!(!is_there(&*store, "a").await);
    });
}

#[test]
fn one_of_many_gets_the_lease_and_another_one_when_it_is_over() {
    on_each_store(async |store| {
        begin(&*store, "a", "alice", "s1").await;
        let k = key("a");
        let leases = (0..20).map(|i| {
            let store = store.clone();
            async move {
                store
                    .lease(&k, 1, &format!("owner {i}"), NOW, NOW + 10)
                    .await
                    .unwrap()
            }
        });
        let leased: Vec<_> = join_all(leases).await;
        assert_eq!(leased.iter().filter(|done| **done).count(), 1);
        let winner = leased.iter().position(|done| *done).unwrap();
        let take = |version, at| {
            let store = store.clone();
            async move { store.lease(&k, version, "next", at, at + 10).await.unwrap() }
        };
        assert!(!take(1, NOW + 9).await);
        // Nobody gives back what is another's.
        store.release(&k, "somebody").await.unwrap();
        assert!(!take(1, NOW + 9).await);
        store.release(&k, &format!("owner {winner}")).await.unwrap();
        assert!(take(1, NOW + 9).await);
        assert!(!take(1, NOW + 18).await);
        assert!(take(1, NOW + 19).await);
        // The lease is that of a version.
        assert!(!take(2, NOW + 100).await);
        assert!(
            store
                .replace(&k, 1, "second", NOW + 300, NOW)
                .await
                .unwrap()
        );
        assert!(take(2, NOW + 19).await);
        store.end(&k).await.unwrap();
        assert!(!take(2, NOW + 100).await);
    });
}

#[test]
fn a_session_is_ended_once() {
    on_each_store(async |store| {
        begin(&*store, "a", "alice", "s1").await;
        let ends = (0..20).map(|_| {
            let store = store.clone();
            async move { store.end(&key("a")).await.unwrap() }
        });
        let ended = join_all(ends).await.into_iter().flatten().count();
        assert_eq!(ended, 1);
    });
}

#[test]
fn a_logout_token_ends_the_sessions_of_its_name_once() {
    on_each_store(async |store| {
        begin(&*store, "a", "alice", "s1").await;
        begin(&*store, "b", "alice", "s2").await;
        begin(&*store, "c", "bob", "s3").await;
        let ended = store.end_named(&end_of_session("s1", "one")).await.unwrap();
        assert_eq!(ended, NamedEnded::Sessions(1));
        let there = [
            is_there(&*store, "a").await,
            is_there(&*store, "b").await,
            is_there(&*store, "c").await,
        ];
        assert_eq!(there, [false, true, true]);
        let again = store.end_named(&end_of_session("s2", "one")).await.unwrap();
        assert_eq!(again, NamedEnded::Again);
        assert!(is_there(&*store, "b").await);
        let all = end_of(Name::of_subject("issuer", "alice"), "two");
        begin(&*store, "d", "alice", "s4").await;
        assert_eq!(
            store.end_named(&all).await.unwrap(),
            NamedEnded::Sessions(2)
        );
        assert!(is_there(&*store, "c").await);
        // One that finds nobody is remembered too.
        let nobody = end_of_session("s9", "three");
        assert_eq!(
            store.end_named(&nobody).await.unwrap(),
            NamedEnded::Sessions(0)
        );
        assert_eq!(store.end_named(&nobody).await.unwrap(), NamedEnded::Again);
    });
}

#[test]
fn a_sign_in_that_was_under_way_does_not_outlive_the_end_of_its_session() {
    on_each_store(async |store| {
        store.end_named(&end_of_session("s1", "one")).await.unwrap();
        assert_eq!(begin(&*store, "a", "alice", "s1").await, Begun::HasEnded);
        assert!(!is_there(&*store, "a").await);
        assert_eq!(begin(&*store, "b", "alice", "s2").await, Begun::Done);
        // All of a user: what was issued until then, and not what they sign in to afterwards.
        let all = end_of(Name::of_subject("issuer", "alice"), "two");
        store.end_named(&all).await.unwrap();
        assert_eq!(begin(&*store, "c", "alice", "s3").await, Begun::HasEnded);
        let later = NewRow {
            issued_at: NOW + 1,
            ..row("alice", "s4")
        };
        assert_eq!(
            store.begin(&key("d"), &later, 50, NOW + 1).await.unwrap(),
            Begun::Done
        );
        assert_eq!(begin(&*store, "e", "bob", "s5").await, Begun::Done);
    });
}

/// Whichever comes first: after both nothing is there.
#[test]
fn a_sign_in_and_the_end_of_its_session_at_the_same_time_leave_nothing() {
    on_each_store(async |store: Arc<dyn SessionStore>| {
        for round in 0..40 {
            let (sid, cookie) = (format!("s{round}"), format!("c{round}"));
            let end = end_of_session(&sid, &format!("j{round}"));
            let (one, other) = (store.clone(), store.clone());
            let beginning = tokio::spawn({
                let cookie = cookie.clone();
                async move { begin(&*one, &cookie, "alice", &sid).await }
            });
            let ending = tokio::spawn(async move { other.end_named(&end).await.unwrap() });
            beginning.await.unwrap();
            ending.await.unwrap();
            assert!(!is_there(&*store, &cookie).await, "round {round}");
        }
    });
}

#[test]
fn a_session_is_ended_at_the_version_that_was_judged_alone() {
    on_each_store(async |store| {
        begin(&*store, "a", "alice", "s1").await;
        let k = key("a");
        assert!(
            store
                .replace(&k, 1, "second", NOW + 300, NOW)
                .await
                .unwrap()
        );
        assert!(!store.end_version(&k, 1).await.unwrap());
        assert!(is_there(&*store, "a").await);
        let ends = (0..20).map(|_| {
            let store = store.clone();
            async move { store.end_version(&k, 2).await.unwrap() }
        });
        let ended = join_all(ends).await.into_iter().filter(|done| *done);
        assert_eq!(ended.count(), 1);
        assert!(!is_there(&*store, "a").await);
        assert!(!store.end_version(&k, 2).await.unwrap());
    });
}

/// The one that was used longest ago ends; nobody else's.
#[test]
fn a_user_has_so_many_sessions_and_no_more() {
    on_each_store(async |store| {
        begin(&*store, "other", "bob", "s9").await;
        let begin_at = async |cookie: &str, at: i64| {
            let (row, now) = (row("alice", cookie), NOW + at);
            store.begin(&key(cookie), &row, 3, now).await.unwrap()
        };
        for (at, cookie) in ["a", "b", "c"].into_iter().enumerate() {
            begin_at(cookie, at as i64).await;
        }
        store.extend(&key("a"), NOW + 100, NOW + 10).await.unwrap();
        assert!(
            store
                .replace(&key("b"), 1, "new", NOW + 100, NOW + 11)
                .await
                .unwrap()
        );
        begin_at("d", 12).await;
        let there = async |cookie| is_there(&*store, cookie).await;
        let all = async || {
            [
                there("a").await,
                there("b").await,
                there("c").await,
                there("d").await,
            ]
        };
        assert_eq!(all().await, [true, true, false, true]);
        begin_at("e", 13).await;
        assert_eq!(all().await, [false, true, false, true]);
        assert!(there("other").await && there("e").await);
        // What has ended makes room.
        store.end(&key("d")).await.unwrap();
        begin_at("f", 14).await;
        assert_eq!(all().await, [false, true, false, false]);
    });
}

#[test]
fn however_many_sessions_of_a_user_begin_at_once_there_are_no_more() {
    on_each_store(async |store| {
        let begins = (0..30).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let row = row("alice", &format!("s{n}"));
                store
                    .begin(&key(&format!("c{n}")), &row, 5, NOW)
                    .await
                    .unwrap()
            })
        });
        for begun in join_all(begins).await {
            begun.unwrap();
        }
        let mut there = 0;
        for n in 0..30 {
            there += usize::from(is_there(&*store, &format!("c{n}")).await);
        }
        assert!((1..=5).contains(&there), "{there}");
    });
}

#[test]
fn a_sign_in_is_finished_once() {
    on_each_store(async |store| {
        let sign_in = Name::of_sign_in("issuer", "state");
        assert!(!store.is_spent(&sign_in).await.unwrap());
        for _ in 0..2 {
            let spends = (0..20).map(|_| {
                let store = store.clone();
                async move { store.spend(&sign_in, NOW + 600).await.unwrap() }
            });
            let spent = join_all(spends).await.into_iter().filter(|done| *done);
            assert_eq!(spent.count(), 1);
            assert!(store.is_spent(&sign_in).await.unwrap());
            let other = Name::of_sign_in("issuer", "other");
            assert!(!store.is_spent(&other).await.unwrap());
            store.unspend(&sign_in).await.unwrap();
            assert!(!store.is_spent(&sign_in).await.unwrap());
        }
    });
}
