//! Consents, and what pages decide about sign-ins under way.

use super::*;
use latchkey_protocol::AuthorizationId;
use latchkey_protocol::ClientId;
use latchkey_protocol::SessionId;
use latchkey_protocol::UserId;

pub fn consent_adds_up(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        begin(&store, "i").await;
        for scope in ["openid email", "openid phone"] {
            let consent = Consent {
                user_id: UserId::new("u"),
                client_id: ClientId::new("c"),
                scope: ScopeSet::from(scope.to_owned()),
                claims: [format!("claim with {scope}")].into(),
                granted_at: moment(3),
            };
            assert!(
                store
                    .record_consent(&Digest::of("i"), &SessionId::new("s"), &consent)
                    .await
                    .unwrap()
            );
        }
        let known = store
            .consent(&UserId::new("u"), &ClientId::new("c"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(known.scope.to_string(), "openid email phone");
        assert_eq!(
            known.claims.len(),
            2,
            "claims add up as well: {:?}",
            known.claims
        );
        let stamped = store.interaction(&Digest::of("i")).await.unwrap().unwrap();
        let (user, scope) = stamped.consented.unwrap();
        assert_eq!(
            (user.as_str(), scope.to_string().as_str()),
            ("u", "openid phone")
        );
        assert!(
            store
                .decline(&Digest::of("i"), &SessionId::new("s"))
                .await
                .unwrap()
        );
        assert!(
            store
                .interaction(&Digest::of("i"))
                .await
                .unwrap()
                .unwrap()
                .declined
        );
    });
}

pub fn consent(user: &str, scope: &str) -> Consent {
    let scope = ScopeSet::from(scope.to_owned());
    Consent {
        user_id: UserId::new(user),
        client_id: ClientId::new("c"),
        scope,
        claims: Default::default(),
        granted_at: moment(3),
    }
}

pub fn what_a_page_decides_is_written_only_for_the_session_it_was_shown_to(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let i = Digest::of("i");
        begin(&store, "i").await;
        assert!(
            !store
                .record_consent(&i, &SessionId::new("s"), &consent("v", "openid"))
                .await
                .unwrap(),
            "another user's session"
        );
        assert!(
            !store
                .record_consent(&i, &SessionId::new("s9"), &consent("u", "openid"))
                .await
                .unwrap(),
            "no session"
        );
        assert!(
            !store
                .record_consent(
                    &Digest::of("j"),
                    &SessionId::new("s"),
                    &consent("u", "openid")
                )
                .await
                .unwrap(),
            "no interaction"
        );
        assert!(
            !store
                .select_account(&i, &SessionId::new("s9"))
                .await
                .unwrap()
                && !store.decline(&i, &SessionId::new("s9")).await.unwrap()
        );
        let untouched = store.interaction(&i).await.unwrap().unwrap();
        assert!(
            untouched.consented.is_none()
                && untouched.selected_session.is_none()
                && !untouched.declined
        );
        assert!(
            store
                .consent(&UserId::new("u"), &ClientId::new("c"))
                .await
                .unwrap()
                .is_none()
                && store
                    .consent(&UserId::new("v"), &ClientId::new("c"))
                    .await
                    .unwrap()
                    .is_none()
        );
        assert!(
            store
                .select_account(&i, &SessionId::new("s"))
                .await
                .unwrap()
        );
        store
            .end_session(&SessionId::new("s"), false, moment(5))
            .await
            .unwrap();
        assert!(
            !store
                .record_consent(&i, &SessionId::new("s"), &consent("u", "openid"))
                .await
                .unwrap()
        );
        assert!(
            !store
                .select_account(&i, &SessionId::new("s"))
                .await
                .unwrap()
                && !store.decline(&i, &SessionId::new("s")).await.unwrap()
        );
    });
}

pub fn consents_given_at_once_add_up(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        for n in 0..CALLERS {
            begin(&store, &format!("i{n}")).await;
        }
        let given = winners(&store, |s, n| async move {
            s.record_consent(
                &Digest::of(&format!("i{n}")),
                &SessionId::new("s"),
                &consent("u", &format!("scope{n}")),
            )
            .await
            .unwrap()
        });
        assert_eq!(given.await, CALLERS);
        assert_eq!(
            store
                .consent(&UserId::new("u"), &ClientId::new("c"))
                .await
                .unwrap()
                .unwrap()
                .scope
                .iter()
                .count(),
            CALLERS
        );
    });
}

pub fn a_browsers_sign_ins_under_way_move_to_its_new_secret_together_and_once(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        for id in ["i", "j"] {
            begin(&store, id).await;
        }
        let mut elsewhere = interaction("k");
        elsewhere.browser = Digest::of("another");
        store
            .begin_interaction(&elsewhere, &origin("192.0.2.1"))
            .await
            .unwrap();
        let renewed = winners(&store, |s, n| async move {
            s.renew_browser(
                &Digest::of("browser"),
                &Digest::of(&format!("new{n}")),
                moment(7),
            )
            .await
            .unwrap()
        });
        assert_eq!(renewed.await, 1);
        let read = async |id: &str| store.interaction(&Digest::of(id)).await.unwrap().unwrap();
        let (i, j, k) = (read("i").await, read("j").await, read("k").await);
        assert_eq!(
            (i.browser.clone(), i.former_browser.clone()),
            (j.browser, j.former_browser)
        );
        assert_eq!(i.former_browser, Some((Digest::of("browser"), moment(7))));
        assert_eq!((k.browser, k.former_browser), (Digest::of("another"), None));
    });
}

pub fn a_consent_that_is_taken_back_takes_with_it_what_came_of_it(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let i = Digest::of("i");
        begin(&store, "i").await;
        let given = consent("u", "openid email");
        assert!(
            store
                .record_consent(&i, &SessionId::new("s"), &given)
                .await
                .unwrap()
        );
        for (id, scope) in [("online", "openid"), ("offline", "openid offline_access")] {
            let issued = store.issue_code(None, &authorization(id, scope)).await;
            assert!(issued.unwrap());
        }
        let nothing = ConsentEnd::default();
        for (user, client) in [("u", "d"), ("v", "c"), ("v", "d")] {
            let ended = store
                .revoke_consent(
                    &UserId::new(user),
                    &ClientId::new(client),
                    Timestamp::from_seconds(5),
                )
                .await
                .unwrap();
            assert_eq!(ended, nothing, "{user} {client}");
        }
        assert!(
            store
                .consent(&UserId::new("u"), &ClientId::new("c"))
                .await
                .unwrap()
                .is_some()
        );

        let ended = store
            .revoke_consent(
                &UserId::new("u"),
                &ClientId::new("c"),
                Timestamp::from_seconds(5),
            )
            .await
            .unwrap();
        let all = ConsentEnd {
            consented: true,
            authorizations: 2,
        };
        assert_eq!(ended, all);
        assert_eq!(
            store
                .consent(&UserId::new("u"), &ClientId::new("c"))
                .await
                .unwrap(),
            None
        );
        for id in ["online", "offline"] {
            let context = store
                .authorization(&AuthorizationId::new(id))
                .await
                .unwrap()
                .unwrap();
            assert_eq!(context.authorization.revoked_at, Some(moment(5)), "{id}");
        }
        let under_way = store.interaction(&i).await.unwrap().unwrap();
        assert_eq!(under_way.consented, None, "it is asked again");
        assert_eq!(
            store
                .revoke_consent(
                    &UserId::new("u"),
                    &ClientId::new("c"),
                    Timestamp::from_seconds(6)
                )
                .await
                .unwrap(),
            nothing
        );
        let context = store
            .authorization(&AuthorizationId::new("online"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(context.authorization.revoked_at, Some(moment(5)), "once");
    });
}

pub fn consents_are_listed_page_by_page_from_either_side(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let i = Digest::of("i");
        for n in 0..5 {
            let mut other = client();
            other.id = ClientId::new(format!("c{n}"));
            store.create_client(&other).await.unwrap();
            begin(&store, "i").await;
            let mut given = consent("u", "openid");
            given.client_id = other.id;
            assert!(
                store
                    .record_consent(&i, &SessionId::new("s"), &given)
                    .await
                    .unwrap()
            );
            store.end_interaction(&i).await.unwrap();
        }
        let page = async |of, after| {
            let page = store.consents(of, after, 2).await.unwrap();
            let ids = page.into_iter().map(|c| (c.user_id, c.client_id));
            ids.collect::<Vec<_>>()
        };
        let of = |n: usize| (UserId::new("u"), ClientId::new(format!("c{n}")));
        let (user, another) = (UserId::new("u"), UserId::new("v"));
        let client = ClientId::new("c2");
        let theirs = ConsentsOf::User(&user);
        assert_eq!(page(theirs, None).await, [of(0), of(1)]);
        assert_eq!(page(theirs, Some("c1")).await, [of(2), of(3)]);
        assert_eq!(page(theirs, Some("c3")).await, [of(4)]);
        assert_eq!(page(theirs, Some("c4")).await, []);
        assert_eq!(page(ConsentsOf::Client(&client), None).await, [of(2)]);
        assert_eq!(page(ConsentsOf::Client(&client), Some("u")).await, []);
        assert_eq!(page(ConsentsOf::User(&another), None).await, []);
    });
}

pub fn consents_to_a_client_come_with_the_names_of_their_users(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        for (user_id, session_id) in [("v", "s1"), ("w", "s2")] {
            store.create_user(&user(user_id)).await.unwrap();
            let theirs = session(session_id, user_id);
            store.sign_in(&theirs, "hash", None, None).await.unwrap();
        }
        for (user_id, session_id) in [("u", "s"), ("v", "s1"), ("w", "s2")] {
            begin(&store, "i").await;
            let (i, given) = (Digest::of("i"), consent(user_id, "openid"));
            let session_id = SessionId::new(session_id);
            assert!(store.record_consent(&i, &session_id, &given).await.unwrap());
            store.end_interaction(&i).await.unwrap();
        }
        let page = async |after| {
            let page = store.named_consents(&ClientId::new("c"), after, 2).await;
            let named = page.unwrap().into_iter().map(|(consent, name)| {
                assert_eq!(name, format!("name-{}", consent.user_id));
                name
            });
            named.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(page(None).await, "name-u name-v");
        assert_eq!(page(Some("v")).await, "name-w");
        assert_eq!(page(Some("w")).await, "");
    });
}
