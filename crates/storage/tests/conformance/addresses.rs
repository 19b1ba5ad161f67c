//! Addresses beyond ASCII: one key for each, and no name that is another's address.

use super::*;
use latchkey_conformance::promises::addresses::*;
use latchkey_conformance::promises::users::with_email;
use latchkey_protocol::names::Login;
use latchkey_protocol::page::Page;
use latchkey_protocol::{UserId, client_list::ClientList};

async fn find(store: &Shared, typed: &str) -> Option<String> {
    store
        .user_by_login(&Login::new(typed))
        .await
        .unwrap()
        .map(|u| u.id)
        .map(UserId::into_string)
}

#[test]
fn the_upgrade_makes_the_programs_keys_of_addresses_beyond_ascii() {
    on_both_at(async |options| {
        drop(open(&options));
        undo(&options, "00000000000015_audit_chain");
        undo(&options, "00000000000011_jobs_audit");
        undo(&options, "00000000000003_users");
        forget(&options, "00000000000008");
        let emails = [
            "J\u{d6}RG@example.com",
            "a@m\u{fc}nchen.de",
            "j\u{f6}rg@example.com",
            "a@xn--mnchen-3ya.de",
            "b@EXAMPLE.de",
        ];
        let insert = |id: &str, email: &str, at: usize| {
            format!(
                "INSERT INTO users (id, username, email, roles, groups, claims, created_at, updated_at)
                 VALUES ('{id}', 'name {id}', '{email}', '[]', '[]', '{{}}', {at}, {at});"
            )
        };
        // More than one batch, and the one who was made first does not come first by id.
        let mut all: String = emails
            .iter()
            .enumerate()
            .map(|(n, email)| insert(&format!("{}", 9 - n), email, n))
            .collect();
        (0..1200).for_each(|n| {
            all += &insert(
                &format!("many{n}"),
                &format!("\u{c4}{n}@example.com"),
                50 + n / 700,
            )
        });
        options.script(&all).unwrap();
        for _ in 0..2 {
            let store = open(&options);
            for typed in ["J\u{d6}RG@example.com", "j\u{f6}rg@example.com"] {
                assert_eq!(find(&store, typed).await.as_deref(), Some("9"), "{typed}");
            }
            assert_eq!(
                find(&store, "a@m\u{fc}nchen.de").await.as_deref(),
                Some("8")
            );
            assert_eq!(
                find(&store, "a@xn--mnchen-3ya.de").await.as_deref(),
                Some("8")
            );
            assert_eq!(find(&store, "b@example.DE").await.as_deref(), Some("5"));
            assert_eq!(
                find(&store, "\u{e4}1199@example.com").await.as_deref(),
                Some("many1199")
            );
            let thief = with("thief", "thief", Some("j\u{f6}rg@example.com"));
            assert_eq!(
                store.create_user(&thief).await.unwrap(),
                WriteOutcome::AddressTaken
            );
            drop(store);
            // Cut off before it was noted: once more.
            forget(&options, "00000000000008");
        }
    });
}

#[test]
fn the_upgrade_makes_the_programs_keys_of_names_beyond_ascii() {
    on_both_at(async |options| {
        drop(open(&options));
        forget(&options, "00000000000026");
        let before = r#"INSERT INTO clients (id, metadata, created_at, name_key)
            VALUES ('a', '{"client_name":"\u00c4RGER \"1\""}', 1, 'a'), ('B', '{}', 1, 'B'), ('c', '{"client_name":"ok"}', 1, 'ok')"#;
        options.script(before).unwrap();
        for _ in 0..2 {
            let store = open(&options);
            for (asked, found) in [("\u{e4}rger \"1", "a"), ("b", "B"), ("OK", "c")] {
                let asked = ClientList {
                    begins: Some(asked.into()),
                    ..ClientList::default()
                };
                let list = store.client_list(&asked, &Page::first(10)).await.unwrap();
                let ids: Vec<&str> = list.iter().map(|client| client.id.as_str()).collect();
                assert_eq!(ids, [found], "{asked:?}");
            }
            drop(store);
            forget(&options, "00000000000026");
        }
    });
}

#[test]
fn a_profile_that_is_changed_gets_the_key_of_its_address() {
    on_both_at(async |options| {
        let store = open(&options);
        assert_eq!(
            store
                .create_user(&with("a", "a", Some("\u{e4}@example.com")))
                .await
                .unwrap(),
            WriteOutcome::Done
        );
        options
            .script("UPDATE users SET email_key = '\u{c4}@example.com'")
            .unwrap();
        assert_eq!(find(&store, "\u{e4}@example.com").await, None);
        let before = store.user(&UserId::new("a")).await.unwrap().unwrap();
        let renamed = User {
            name: Some("N".into()),
            ..before.clone()
        };
        assert_eq!(
            store
                .update_user_profile(&before, &renamed, LastAdministrator::Stays)
                .await
                .unwrap(),
            WriteOutcome::Done
        );
        assert_eq!(
            find(&store, "\u{c4}@example.com").await.as_deref(),
            Some("a")
        );
    });
}

/// An installation from before: addresses that two users share, in several spellings.
#[test]
fn the_migration_keeps_users_who_share_an_address() {
    on_both_at(async |options| {
        drop(open(&options));
        undo(&options, "00000000000015_audit_chain");
        undo(&options, "00000000000011_jobs_audit");
        undo(&options, "00000000000003_users");
        for (n, email) in [
            "'A@example.org'",
            "' a@Example.org'",
            "NULL",
            "''",
            "'b@example.org'",
        ]
        .iter()
        .enumerate()
        {
            let insert = format!(
                "INSERT INTO users (id, username, email, roles, groups, claims, created_at, updated_at)
                 VALUES ('u{n}', 'name{n}', {email}, '[]', '[]', '{{}}', {n}, {n})"
            );
            options.script(&insert).unwrap();
        }
        let store = open(&options);
        assert_eq!(store.users(&Page::first(100)).await.unwrap().len(), 5);
        assert_eq!(
            find(&store, "a@example.org").await.as_deref(),
            Some("u0"),
            "the first one's"
        );
        assert_eq!(find(&store, "b@example.org").await.as_deref(), Some("u4"));
        assert_eq!(find(&store, "").await, None);
        let second = store.user(&UserId::new("u1")).await.unwrap().unwrap();
        let renamed = User {
            name: Some("N".into()),
            ..second.clone()
        };
        assert_eq!(
            store
                .update_user_profile(&second, &renamed, LastAdministrator::Stays)
                .await
                .unwrap(),
            WriteOutcome::Done
        );
        assert_eq!(
            store
                .create_user(&with_email("new", "a@example.org"))
                .await
                .unwrap(),
            WriteOutcome::AddressTaken
        );
    });
}
