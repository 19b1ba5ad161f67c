//! Names and addresses of users: each is one user's, and finds that user.

use super::{users::*, *};
use latchkey_protocol::ClientId;
use latchkey_protocol::UserId;
use latchkey_protocol::names::Login;

pub fn one_user_for_an_address_and_no_name_that_is_anothers(stores: &impl Stores) {
    stores.each(async |store| {
        let made = winners(&store, |s, n| async move {
            let spelled = ["A@Example.org", "a@example.ORG", "\u{ff41}@example.org"][n % 3];
            s.create_user(&with_email(&format!("u{n}"), spelled))
                .await
                .unwrap()
                == WriteOutcome::Done
        });
        assert_eq!(made.await, 1);
        let named = |id: &str, name: &str| User {
            username: name.to_owned(),
            ..user(id)
        };
        let refused = store
            .create_user(&named("x", "a@example.org"))
            .await
            .unwrap();
        assert_eq!(refused, WriteOutcome::NameIsAddress);
        add(&store, &named("y", "y@example.org")).await;
        assert_eq!(
            store
                .create_user(&with_email("z", "Y@example.org"))
                .await
                .unwrap(),
            WriteOutcome::AddressIsName
        );
        let y = store.user(&UserId::new("y")).await.unwrap().unwrap();
        let own = User {
            email: Some("y@example.org".into()),
            ..y.clone()
        };
        assert_eq!(
            store
                .update_user_profile(&y, &own, LastAdministrator::Stays)
                .await
                .unwrap(),
            WriteOutcome::Done,
            "one's own is no other's"
        );
        let y = store.user(&UserId::new("y")).await.unwrap().unwrap();
        let taken = User {
            email: Some("a@EXAMPLE.org".into()),
            ..y.clone()
        };
        assert_eq!(
            store
                .update_user_profile(&y, &taken, LastAdministrator::Stays)
                .await
                .unwrap(),
            WriteOutcome::AddressTaken
        );
        let raced = winners(&store, |s, n| async move {
            let new = if n % 2 == 0 {
                with_email(&format!("r{n}"), "r@example.org")
            } else {
                User {
                    username: "r@example.org".into(),
                    ..user(&format!("r{n}"))
                }
            };
            s.create_user(&new).await.unwrap() == WriteOutcome::Done
        });
        assert_eq!(raced.await, 1, "a name and an address that are the same");
    });
}

pub fn users_are_found_by_name_and_by_address_and_a_name_goes_first(stores: &impl Stores) {
    stores.each(async |store| {
        add(
            &store,
            &User {
                username: "alice".into(),
                ..with_email("a", "Alice@Example.org")
            },
        )
        .await;
        let find = async |typed: &str| {
            store
                .user_by_login(&Login::new(typed))
                .await
                .unwrap()
                .map(|u| u.id)
        };
        for typed in [
            " Alice ",
            "ALICE",
            "\u{ff21}lice",
            "alice@example.org",
            "ALICE@EXAMPLE.ORG",
        ] {
            assert_eq!(find(typed).await.as_deref(), Some("a"), "{typed}");
        }
        for typed in [
            "",
            "alic",
            "alice@",
            "@example.org",
            "alice@example.org.evil",
        ] {
            assert_eq!(find(typed).await, None, "{typed}");
        }
        // Names from before there was one form.
        add(
            &store,
            &User {
                username: "\u{ff41}lice".into(),
                ..user("b")
            },
        )
        .await;
        add(
            &store,
            &User {
                username: "odd \u{2603}".into(),
                ..user("c")
            },
        )
        .await;
        assert_eq!(
            find("\u{ff41}lice").await.as_deref(),
            Some("b"),
            "exactly as it is stored"
        );
        assert_eq!(find("\u{ff21}LICE").await.as_deref(), Some("b"));
        assert_eq!(find("alice").await.as_deref(), Some("a"));
        assert_eq!(find("Odd \u{2603}").await.as_deref(), Some("c"));
    });
}

pub fn names_are_taken_once(stores: &impl Stores) {
    stores.each(async |store| {
        assert_eq!(
            winners(&store, |s, _| async move {
                s.create_client(&client()).await.unwrap()
            })
            .await,
            1
        );
        let made = winners(&store, |s, n| async move {
            let mut user = user(&format!("u{n}"));
            user.username = "same".into();
            s.create_user(&user).await.unwrap() == WriteOutcome::Done
        });
        assert_eq!(made.await, 1);
        let read = store.user_by_name("same").await.unwrap().unwrap();
        assert_eq!(read.name, user("x").name);
        assert_eq!(
            store.client(&ClientId::new("c")).await.unwrap().as_deref(),
            Some(&client())
        );
        assert!(
            store
                .client(&ClientId::new("other"))
                .await
                .unwrap()
                .is_none()
        );
    });
}
