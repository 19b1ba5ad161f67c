//! Verbs of many callers that PostgreSQL is asked in one statement: each has its own condition and hears its own outcome.

use super::*;
use latchkey_protocol::AuthorizationId;
use latchkey_protocol::SessionId;

pub const SESSIONS: usize = 8;

/// As many sessions of one user, so that codes have room.
pub async fn with_sessions(store: &Shared) {
    seeded(store).await;
    for n in 0..SESSIONS {
        let one = session(&format!("s{n}"), "u");
        store.sign_in(&one, "hash", None, None).await.unwrap();
    }
}

/// One of so many codes, spread over the sessions.
pub fn nth(n: usize) -> latchkey_protocol::authorization::Authorization {
    let mut one = authorization(&format!("a{n}"), "openid offline_access");
    code_of(&mut one).session_id = SessionId::new(format!("s{}", n % SESSIONS));
    one
}

pub async fn issued(store: &Shared, many: usize) {
    for n in 0..many {
        assert!(store.issue_code(None, &nth(n)).await.unwrap());
    }
}

/// Runs a verb for each number at once, and gives what came of each.
pub async fn at_once<T: Send + 'static, F>(many: usize, verb: impl Fn(usize) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
{
    let all: Vec<_> = (0..many).map(|n| tokio::spawn(verb(n))).collect();
    let mut outcomes = Vec::with_capacity(many);
    for one in all {
        outcomes.push(one.await.unwrap());
    }
    outcomes
}

pub fn of_many_codes_that_are_issued_at_once_each_has_its_own_outcome(stores: &impl Stores) {
    stores.each(async |store| {
        with_sessions(&store).await;
        assert!(store.issue_code(None, &nth(1000)).await.unwrap());
        store
            .end_session(&SessionId::new("s7"), true, moment(5))
            .await
            .unwrap();
        let outcomes = at_once(48, |n| {
            let (store, mut one) = (store.clone(), nth(n));
            if n == 13 {
                code_of(&mut one).code = Digest::of("code-a1000");
            }
            async move { store.issue_code(None, &one).await }
        });
        for (n, outcome) in outcomes.await.into_iter().enumerate() {
            let there = store
                .authorization(&AuthorizationId::new(format!("a{n}")))
                .await
                .unwrap();
            match n {
                // A code that is there already: its caller hears of it, and nobody else.
                13 => assert!(outcome.is_err() && there.is_none(), "{outcome:?}"),
                n if n % SESSIONS == 7 => assert!(!outcome.unwrap() && there.is_none(), "{n}"),
                n => {
                    assert!(outcome.unwrap(), "{n}");
                    let kept = there.unwrap().authorization;
                    let asked = nth(n);
                    assert_eq!((kept.id, kept.handover), (asked.id, asked.handover));
                }
            }
        }
    });
}

pub fn of_many_codes_that_are_exchanged_at_once_each_goes_to_one_of_its_callers(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        with_sessions(&store).await;
        issued(&store, 24).await;
        store
            .revoke_authorization(&AuthorizationId::new("a5"), moment(7))
            .await
            .unwrap();
        // Three callers for each code, of whom each brings a family of its own; a26 there is not.
        let outcomes = at_once(27 * 3, |n| {
            let (store, id) = (store.clone(), format!("a{}", n % 27));
            let mut theirs = family(&format!("r{n}"), None);
            if n % 27 == 9 {
                // PostgreSQL takes no such text.
                theirs.kid = "k\0".into();
            }
            async move {
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
        });
        let outcomes = outcomes.await;
        for code in 0..27 {
            let of_code = [code, code + 27, code + 54];
            let won: Vec<_> = of_code
                .into_iter()
                .filter(|n| matches!(outcomes[*n], Ok(true)))
                .collect();
            let there = store
                .authorization(&AuthorizationId::new(format!("a{code}")))
                .await
                .unwrap();
            let kept = there.and_then(|context| context.authorization.refresh);
            match code {
                5 | 24.. => assert!(won.is_empty() && kept.is_none(), "{code}"),
                // Whoever cannot be served at all hears of it, and nothing of it stays.
                9 if won.is_empty() => {
                    assert!(of_code.iter().all(|n| outcomes[*n].is_err()));
                    assert!(kept.is_none());
                }
                _ => {
                    assert_eq!(won.len(), 1, "{code}");
                    let theirs = Digest::of(&format!("r{}", won[0]));
                    assert_eq!(kept.unwrap().current, theirs, "{code}");
                    let others = of_code.iter().filter(|n| **n != won[0]);
                    assert!(
                        others
                            .into_iter()
                            .all(|n| matches!(outcomes[*n], Ok(false)))
                    );
                }
            }
        }
    });
}

pub fn of_many_refresh_tokens_that_are_rotated_at_once_each_is_rotated_once(stores: &impl Stores) {
    stores.each(async |store| {
        with_sessions(&store).await;
        issued(&store, 16).await;
        for n in 0..16 {
            let first = family(&format!("first-{n}"), None);
            let id = AuthorizationId::new(format!("a{n}"));
            let exchanged =
                store.exchange_code(&id, moment(2), Some(&first), moment(900), &NO_ENTRIES);
            assert!(exchanged.await.unwrap());
        }
        store
            .revoke_authorization(&AuthorizationId::new("a3"), moment(7))
            .await
            .unwrap();
        let outcomes = at_once(16 * 4, |n| {
            let (store, of) = (store.clone(), n % 16);
            // One of them comes with a token that was never current.
            let expected = match n / 16 {
                0 => Digest::of("another"),
                _ => Digest::of(&format!("first-{of}")),
            };
            let mut next = family(&format!("next-{n}"), Some(&format!("first-{of}")));
            if of == 11 {
                next.kid = "k\0".into();
            }
            async move {
                let id = format!("a{of}");
                store
                    .rotate_refresh_token(&AuthorizationId::new(&id), &expected, &next, &NO_ENTRIES)
                    .await
            }
        });
        let outcomes = outcomes.await;
        for of in 0..16 {
            let won: Vec<_> = (0..4)
                .map(|turn| turn * 16 + of)
                .filter(|n| matches!(outcomes[*n], Ok(true)))
                .collect();
            let there = store
                .authorization(&AuthorizationId::new(format!("a{of}")))
                .await
                .unwrap();
            let kept = there.unwrap().authorization.refresh.unwrap();
            assert!(!won.contains(&of), "a wrong token rotates nothing");
            match won[..] {
                [n] => {
                    assert_eq!(kept.current, Digest::of(&format!("next-{n}")));
                    assert_eq!(kept.parent, Some(Digest::of(&format!("first-{of}"))));
                }
                [] if of == 3 || of == 11 => {
                    assert_eq!(kept.current, Digest::of(&format!("first-{of}")));
                }
                _ => panic!("{of}: {won:?}"),
            }
        }
    });
}
