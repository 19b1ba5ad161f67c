//! Verbs that are one statement on PostgreSQL, from many callers at once.

use super::*;
use latchkey_protocol::AuthorizationId;
use latchkey_protocol::StoreError;
use latchkey_protocol::UserId;

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
        theirs.user_id = UserId::new("broken");
        assert!(store.issue_code(None, &theirs).await.unwrap());
        options
            .script("UPDATE users SET roles = 'no list' WHERE id = 'broken'")
            .unwrap();
        store
            .revoke_authorization(&AuthorizationId::new("a3"), moment(7))
            .await
            .unwrap();
        store
            .revoke_access_token("j4", moment(900), None)
            .await
            .unwrap();

        let asked = (0..240).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let (of, jti) = (n % 12, format!("j{}", n % 12));
                let id = match of {
                    10 => "broken".to_owned(),
                    of => format!("a{of}"),
                };
                (of, store.support(&AuthorizationId::new(&id), &jti).await)
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
            .exchange_code(
                &AuthorizationId::new("a"),
                moment(2),
                Some(&current),
                moment(900),
                &NO_ENTRIES,
            )
            .await;
        assert!(exchanged.unwrap());
        let ended = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        );
        let a = AuthorizationId::new("a");
        for round in 1..6 {
            options.script(&ended).unwrap();
            assert!(store.support(&a, "j").await.unwrap().is_some());
            options.script(&ended).unwrap();
            assert!(store.authorization(&a).await.unwrap().is_some());
            let next = family(&format!("r{round}"), None);
            let rotated = store.rotate_refresh_token(&a, &current.current, &next, &NO_ENTRIES);
            assert!(rotated.await.unwrap(), "{round}");
            current = next;
        }
    });
}
