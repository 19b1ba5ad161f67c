//! Verbs of many callers that PostgreSQL is asked in one statement: each has its own condition and hears its own outcome.

use super::*;
use latchkey_conformance::promises::groups::{issued, *};
use latchkey_protocol::AuthorizationId;
use latchkey_protocol::ClientId;
use latchkey_protocol::SessionId;
use latchkey_protocol::StoreError;
use latchkey_protocol::UserId;
use latchkey_storage::Options;
use std::time::{Duration, Instant};

/// Groups of two nodes and whatever ends many sessions lock the same rows in other orders.
#[test]
fn groups_and_what_ends_sessions_do_not_wait_for_one_another() {
    on_both_at(async |options| {
        let (one, other) = (open(&options), open(&options));
        with_sessions(&one).await;
        for round in 0..6 {
            let id = |n: usize| format!("{round}-{n}");
            for n in 0..64 {
                let mut code = nth(n);
                code.id = AuthorizationId::new(id(n));
                code_of(&mut code).code = Digest::of(&id(n));
                assert!(one.issue_code(None, &code).await.unwrap());
            }
            let outcomes = at_once(2 * 64 + 4, |n| {
                let store = [&one, &other][n % 2].clone();
                async move {
                    match n {
                        // The nodes are asked in opposite orders.
                        n if n < 128 => {
                            let of = if n % 2 == 0 { n / 2 } else { 63 - n / 2 };
                            let theirs = family(&format!("r{n}"), None);
                            let id = format!("{round}-{of}");
                            store
                                .exchange_code(
                                    &AuthorizationId::new(&id),
                                    moment(2),
                                    Some(&theirs),
                                    moment(900),
                                    &NO_ENTRIES,
                                )
                                .await
                        }
                        130 => store
                            .end_user(&UserId::new("u"), moment(5))
                            .await
                            .map(|ended| ended > 0),
                        n => {
                            let sid = SessionId::new(format!("s{}", n % SESSIONS));
                            store.end_session(&sid, true, moment(5)).await
                        }
                    }
                }
            });
            for outcome in outcomes.await {
                outcome.unwrap();
            }
            for n in 0..SESSIONS {
                let again = session(&format!("s{n}"), "u");
                one.sign_in(&again, "hash", None, None).await.unwrap();
            }
        }
    });
}

/// Holds what a statement locks for a second, and says when it has it.
fn held(options: &Options, lock: &str) -> std::thread::JoinHandle<()> {
    let (options, lock) = (options.clone(), lock.to_owned());
    let holds = std::thread::spawn(move || {
        let holding = format!("BEGIN; {lock}; SELECT pg_sleep(1); COMMIT");
        options.script(&holding).unwrap();
    });
    std::thread::sleep(Duration::from_millis(300));
    holds
}

fn is_postgres(options: &Options) -> bool {
    options.url.starts_with("postgres")
}

#[test]
fn whoever_asks_for_a_row_that_is_held_keeps_nobody_else_waiting() {
    on_both_at(async |options| {
        if !is_postgres(&options) {
            return;
        }
        let store = open(&options);
        with_sessions(&store).await;
        issued(&store, 16).await;
        let locks = [
            "SELECT 1 FROM authorizations WHERE id = 'a3' FOR UPDATE",
            "SELECT 1 FROM sessions WHERE id = 's3' FOR UPDATE",
        ];
        for (turn, lock) in locks.into_iter().enumerate() {
            let holds = held(&options, lock);
            let started = Instant::now();
            let waited = at_once(8, |n| {
                let store = store.clone();
                async move {
                    let done = match turn {
                        0 => {
                            let theirs = family("r", None);
                            let id = format!("a{n}");
                            store
                                .exchange_code(
                                    &AuthorizationId::new(&id),
                                    moment(2),
                                    Some(&theirs),
                                    moment(900),
                                    &NO_ENTRIES,
                                )
                                .await
                        }
                        _ => store.issue_code(None, &nth(96 + n)).await,
                    };
                    assert!(done.unwrap(), "{n}");
                    started.elapsed()
                }
            });
            for (n, waited) in waited.await.into_iter().enumerate() {
                let has_waited = waited > Duration::from_millis(550);
                assert_eq!(has_waited, n == 3, "{lock}, {n}: {waited:?}");
            }
            holds.join().unwrap();
        }
    });
}

/// Ends all connections of the database but its own, over and over.
fn while_connections_end(options: &Options) -> impl Drop + use<> {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };
    struct Until(Arc<AtomicBool>, Option<std::thread::JoinHandle<()>>);
    impl Drop for Until {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
            self.1.take().unwrap().join().unwrap();
        }
    }
    let (over, options) = (Arc::new(AtomicBool::new(false)), options.clone());
    let until = over.clone();
    let ends = std::thread::spawn(move || {
        let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        while !until.load(Ordering::Relaxed) {
            options.script(all).unwrap();
            std::thread::sleep(Duration::from_millis(15));
        }
    });
    Until(over, Some(ends))
}

/// Whoever owns a refresh token and a code alone is never told that somebody else was quicker: for that would be taken
/// for theft. Where it is not known what was done, that is the answer.
#[test]
fn a_write_whose_connection_ends_in_the_middle_is_never_met_a_second_time() {
    on_both_at(async |options| {
        if !is_postgres(&options) {
            return;
        }
        let store = open(&options);
        with_sessions(&store).await;
        let ends = while_connections_end(&options);
        let outcomes = at_once(12, |n| {
            let store = store.clone();
            async move {
                let (mut done, mut unknown) = (0, 0);
                for round in 0..12 {
                    let mut code = nth(n);
                    code.id = AuthorizationId::new(format!("{n}-{round}"));
                    let digest = Digest::of(&code.id);
                    code_of(&mut code).code = digest;
                    match written(store.issue_code(None, &code).await) {
                        true => done += 1,
                        false if read(&store, &code.id).await.is_some() => unknown += 1,
                        false => continue,
                    }
                    let first = family(&format!("first-{}", code.id), None);
                    let exchanged = store.exchange_code(
                        &code.id,
                        moment(2),
                        Some(&first),
                        moment(900),
                        &NO_ENTRIES,
                    );
                    match written(exchanged.await) {
                        true => done += 1,
                        false if read(&store, &code.id).await == Some(true) => unknown += 1,
                        false => continue,
                    }
                    let next = family("next", None);
                    let rotated =
                        store.rotate_refresh_token(&code.id, &first.current, &next, &NO_ENTRIES);
                    done += i32::from(written(rotated.await));
                }
                (done, unknown)
            }
        });
        let outcomes = outcomes.await;
        drop(ends);
        let done: i32 = outcomes.iter().map(|(done, _)| done).sum();
        assert!(done > 12 * 12, "most are done: {outcomes:?}");
        assert!(
            store
                .support(&AuthorizationId::new("0-0"), "j")
                .await
                .is_ok(),
            "and all goes on"
        );
    });
}

/// Whether it is known to be written. What was done to the caller's own row cannot have been done by another.
fn written(outcome: Result<bool, StoreError>) -> bool {
    match outcome {
        Ok(done) => {
            assert!(done, "it was met a second time");
            true
        }
        Err(StoreError::Unavailable(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

/// Whether the authorization is there, and has a family.
async fn read(store: &Shared, id: &str) -> Option<bool> {
    loop {
        if let Ok(found) = store.authorization(&AuthorizationId::new(id)).await {
            return found.map(|context| context.authorization.refresh.is_some());
        }
    }
}

/// How many connections the store has.
fn connections(options: &Options) -> usize {
    let query = "SELECT count(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let said = std::process::Command::new("psql")
        .args([&options.url, "-Atc", query])
        .output()
        .unwrap();
    String::from_utf8(said.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

#[test]
fn a_small_pool_does_all_that_is_asked_with_so_many_connections() {
    on_both_at(async |options| {
        if !is_postgres(&options) {
            return;
        }
        let prepared = open(&options);
        with_sessions(&prepared).await;
        issued(&prepared, 2).await;
        drop(prepared);
        for pool in [1, 2, 3, 4, 8, 16] {
            // Those of the store before end in their own time.
            while connections(&options) > 0 {
                std::thread::sleep(Duration::from_millis(20));
            }
            let store = open(&Options {
                pool,
                ..options.clone()
            });
            assert!(store.ready().await.unwrap());
            let served = winners(&store, move |s, n| async move {
                for round in 0..8 {
                    let id = format!("{pool}-{n}-{round}");
                    let mut code = nth(n);
                    code.id = AuthorizationId::new(id.clone());
                    code_of(&mut code).code = Digest::of(&id);
                    assert!(s.issue_code(None, &code).await.unwrap());
                    let (first, next) = (family(&id, None), family("next", None));
                    let exchanged = s.exchange_code(
                        &code.id,
                        moment(2),
                        Some(&first),
                        moment(900),
                        &NO_ENTRIES,
                    );
                    assert!(exchanged.await.unwrap());
                    let rotated =
                        s.rotate_refresh_token(&code.id, &first.current, &next, &NO_ENTRIES);
                    assert!(rotated.await.unwrap());
                    assert!(s.support(&code.id, "j").await.unwrap().is_some());
                    assert!(
                        s.consent(&UserId::new("u"), &ClientId::new("c"))
                            .await
                            .unwrap()
                            .is_none()
                    );
                    let alone = session(&format!("{id}-alone"), "u");
                    let begun = s.sign_in(&alone, "hash", None, None).await.unwrap();
                    assert!(begun.is_some());
                    assert!(s.end_session(&alone.id, true, moment(9)).await.unwrap());
                }
                true
            });
            assert_eq!(served.await, crate::CALLERS, "{pool}");
            assert!(connections(&options) <= pool, "{pool}");
        }
    });
}

#[test]
fn callers_who_wait_for_a_row_hold_up_no_look_up_and_no_commit_of_a_token() {
    on_both_at(async |options| {
        if !is_postgres(&options) {
            return;
        }
        for pool in [2, 4] {
            let store = open(&Options {
                pool,
                ..options.clone()
            });
            if pool == 2 {
                with_sessions(&store).await;
                issued(&store, 2).await;
                store.create_user(&user("other")).await.unwrap();
            }
            let holds = held(
                &options,
                "SELECT 1 FROM users WHERE id = 'other' FOR UPDATE",
            );
            let waiting: Vec<_> = (0..8)
                .map(|n| {
                    let (store, one) = (store.clone(), session(&format!("{pool}-{n}"), "other"));
                    tokio::spawn(async move { store.sign_in(&one, "hash", None, None).await })
                })
                .collect();
            tokio::time::sleep(Duration::from_millis(50)).await;
            let started = Instant::now();
            assert!(
                store
                    .support(&AuthorizationId::new("a0"), "j")
                    .await
                    .unwrap()
                    .is_some()
            );
            let mut code = nth(0);
            code.id = AuthorizationId::new(format!("new-{pool}"));
            code_of(&mut code).code = Digest::of(&format!("new-{pool}"));
            assert!(store.issue_code(None, &code).await.unwrap());
            let exchanged =
                store.exchange_code(&code.id, moment(2), None, moment(900), &NO_ENTRIES);
            assert!(exchanged.await.unwrap());
            let waited = started.elapsed();
            assert!(waited < Duration::from_millis(400), "{pool}: {waited:?}");
            for one in waiting {
                assert!(one.await.unwrap().unwrap().is_some());
            }
            holds.join().unwrap();
        }
    });
}
