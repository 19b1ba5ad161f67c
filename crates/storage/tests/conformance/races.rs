//! Verbs that are one statement on PostgreSQL, from many callers at once.

use latchkey_protocol::{StoreError, bounds, store::BeginOutcome};

use crate::{
    CALLERS, Digest, authorization, family, interaction, moment, on_both, on_both_at, open, origin,
    seeded, session, user, winners,
};

/// As many connections as the conformance suite has to PostgreSQL.
const CONNECTIONS: i64 = 8;

#[test]
fn racing_codes_of_one_session_keep_to_the_bound() {
    on_both(async |store| {
        seeded(&store).await;
        for round in 0..4 {
            let issued = winners(&store, move |s, n| async move {
                s.issue_code(None, &authorization(&format!("{round}-{n}"), "openid"))
                    .await
                    .unwrap()
            });
            assert_eq!(issued.await, CALLERS, "each is given its code");
        }
        let there = async || {
            let mut there = 0;
            for n in 0..CALLERS * 4 {
                let id = format!("{}-{}", n / CALLERS, n % CALLERS);
                there += i64::from(store.authorization(&id).await.unwrap().is_some());
            }
            there
        };
        assert!(there().await <= bounds::CODES + CONNECTIONS);
        let last = authorization("last", "openid");
        assert!(store.issue_code(None, &last).await.unwrap());
        assert!(there().await < bounds::CODES, "the next makes room");
    });
}

#[test]
fn an_interaction_gives_one_code_where_surplus_makes_room_too() {
    on_both(async |store| {
        seeded(&store).await;
        for n in 0..bounds::CODES + 5 {
            let one = authorization(&format!("before-{n}"), "openid");
            assert!(store.issue_code(None, &one).await.unwrap());
        }
        store
            .begin_interaction(&interaction("i"), &origin("192.0.2.1"))
            .await
            .unwrap();
        let made = winners(&store, |s, n| async move {
            let digest = Digest::of("i");
            s.issue_code(Some(&digest), &authorization(&format!("a{n}"), "openid"))
                .await
                .unwrap()
        });
        assert_eq!(made.await, 1);
        assert!(store.interaction(&Digest::of("i")).await.unwrap().is_none());
    });
}

#[test]
fn no_code_is_issued_for_an_interaction_once_its_session_has_ended() {
    on_both(async |store| {
        seeded(&store).await;
        store
            .begin_interaction(&interaction("i"), &origin("192.0.2.1"))
            .await
            .unwrap();
        store.end_session("s", true, moment(5)).await.unwrap();
        let one = authorization("a", "openid");
        let digest = Digest::of("i");
        assert!(!store.issue_code(Some(&digest), &one).await.unwrap());
        assert!(store.authorization("a").await.unwrap().is_none());
    });
}

#[test]
fn an_access_token_is_revoked_by_many_at_once() {
    on_both(async |store| {
        for round in 0..10 {
            let revoked = winners(&store, move |s, n| async move {
                let expires_at = 100 + i64::try_from(n).unwrap();
                s.revoke_access_token(&format!("j{round}"), moment(expires_at))
                    .await
                    .is_ok()
            });
            assert_eq!(revoked.await, CALLERS, "nobody hears of another's");
            let jti = format!("j{round}");
            assert!(store.is_access_token_revoked(&jti).await.unwrap());
        }
    });
}

#[test]
fn each_of_many_who_ask_at_once_hears_its_own_answer() {
    on_both_at(async |options| {
        let store = open(&options);
        seeded(&store).await;
        for n in 0..10 {
            let one = authorization(&format!("a{n}"), "openid offline_access");
            assert!(store.issue_code(None, &one).await.unwrap());
        }
        store.create_user(&user("broken")).await.unwrap();
        let mut theirs = authorization("broken", "openid");
        theirs.user_id = "broken".into();
        assert!(store.issue_code(None, &theirs).await.unwrap());
        options
            .script("UPDATE users SET roles = 'no list' WHERE id = 'broken'")
            .unwrap();
        store.revoke_authorization("a3", moment(7)).await.unwrap();
        store.revoke_access_token("j4", moment(900)).await.unwrap();

        let asked = (0..240).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let (of, jti) = (n % 12, format!("j{}", n % 12));
                let id = match of {
                    10 => "broken".to_owned(),
                    of => format!("a{of}"),
                };
                (of, store.support(&id, &jti).await)
            })
        });
        for one in asked.collect::<Vec<_>>() {
            let (of, support) = one.await.unwrap();
            match of {
                // Its row cannot be read; that is nobody else's trouble.
                10 => assert!(matches!(support, Err(StoreError::Corrupt { .. }))),
                // A revoked token, and an authorization that is not there.
                4 | 11 => assert!(support.unwrap().is_none(), "{of}"),
                of => {
                    let support = support.unwrap().unwrap();
                    assert_eq!(support.revoked_at, (of == 3).then_some(moment(7)), "{of}");
                }
            }
        }
    });
}

#[test]
fn whoever_asks_after_a_revocation_hears_of_it_also_among_many() {
    on_both(async |store| {
        seeded(&store).await;
        let one = authorization("a", "openid");
        assert!(store.issue_code(None, &one).await.unwrap());
        let heard = winners(&store, |s, n| async move {
            for round in 0..20 {
                let jti = format!("j{n}-{round}");
                assert!(s.support("a", &jti).await.unwrap().is_some());
                s.revoke_access_token(&jti, moment(900)).await.unwrap();
                if s.support("a", &jti).await.unwrap().is_some() {
                    return false;
                }
            }
            true
        });
        assert_eq!(heard.await, CALLERS);
    });
}

/// A write that meets a broken connection may not be repeated; so a look-up that found one out warns it.
#[test]
fn what_a_look_up_finds_broken_no_write_meets() {
    on_both_at(async |options| {
        let Some(name) = options.url.strip_prefix("postgres://") else {
            return;
        };
        let name = name.rsplit_once('/').unwrap().1;
        let store = open(&options);
        seeded(&store).await;
        let one = authorization("a", "openid offline_access");
        assert!(store.issue_code(None, &one).await.unwrap());
        let mut current = family("r0", None);
        let exchanged = store
            .exchange_code("a", moment(2), Some(&current), moment(900))
            .await;
        assert!(exchanged.unwrap());
        let ended = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        );
        for round in 1..6 {
            options.script(&ended).unwrap();
            assert!(store.support("a", "j").await.unwrap().is_some());
            options.script(&ended).unwrap();
            assert!(store.authorization("a").await.unwrap().is_some());
            let next = family(&format!("r{round}"), None);
            let rotated = store.rotate_refresh_token("a", &current.current, &next);
            assert!(rotated.await.unwrap(), "{round}");
            current = next;
        }
    });
}

#[test]
fn a_sign_in_and_a_code_for_one_interaction_that_meet_do_not_wait_for_one_another() {
    on_both(async |store| {
        seeded(&store).await;
        let mut secret = "s".to_owned();
        for round in 0..30 {
            let (waiting, next) = (format!("i{round}"), format!("n{round}"));
            let (one, from) = (interaction(&waiting), origin("192.0.2.1"));
            let begun = store.begin_interaction(&one, &from).await.unwrap();
            assert_eq!(begun, BeginOutcome::Begun);
            let (first, second) = (store.clone(), store.clone());
            let (old, new) = (Digest::of(&secret), session(&next, "u"));
            let (stamped, answered) = (Digest::of(&waiting), Digest::of(&waiting));
            let approved = authorization(&format!("a{round}"), "openid");
            let signs_in = tokio::spawn(async move {
                let begun = first.sign_in(&new, "hash", Some(&old), Some(&stamped));
                begun.await.unwrap().unwrap().session_id
            });
            let gets_code = tokio::spawn(async move {
                let issued = second.issue_code(Some(&answered), &approved);
                issued.await.unwrap()
            });
            assert_eq!(signs_in.await.unwrap(), "s", "{round}");
            gets_code.await.unwrap();
            secret = next;
        }
    });
}
