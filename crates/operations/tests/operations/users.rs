//! Users.

use latchkey_operations::{Hasher, NewUser, Operation, OperationError, Waiter};
use latchkey_protocol::{
    page::Page,
    profile::ProfileChange,
    store::LastAdministrator,
    user_list::{UserQuery, UserSort},
};
use serde_json::json;

use crate::support::*;

fn named(username: &str) -> NewUser {
    NewUser {
        username: username.into(),
        ..NewUser::default()
    }
}

#[tokio::test]
async fn a_new_user_comes_back_as_stored_and_is_recorded_with_who_added_them() {
    let world = World::new();
    let new = NewUser {
        email: Some("alice@example.org".into()),
        roles: vec!["editor".into()],
        claims: json!({ "locale": "ko-KR" }).as_object().cloned().unwrap(),
        password: Some("a good password".into()),
        ..named("Alice")
    };
    let user = world.operations().create_user(&key(), new).await.unwrap();
    assert_eq!(user, world.stored(&user).await);
    assert_eq!(user.username, "alice", "in the one form of a name");
    assert_eq!(user.claims["email_verified"], true);
    assert!(user.password_hash.unwrap().starts_with("$argon2id$"));
    assert_eq!(
        world.events().await,
        [(Operation::UserCreate, "alice".into())]
    );
}

#[tokio::test]
async fn a_name_or_an_address_that_is_anothers_is_refused_in_a_sentence_and_leaves_nothing() {
    let world = World::new();
    world.add("alice").await;
    let with_email = |name: &str, email: &str| NewUser {
        email: Some(email.into()),
        ..named(name)
    };
    for (new, sentence) in [
        (named("Alice"), "there is already somebody called alice"),
        (
            with_email("bob", "Alice@example.org"),
            "there is already somebody with the email address Alice@example.org",
        ),
        (
            named("alice@example.org"),
            "alice@example.org is the email address of another user, who signs in with it",
        ),
    ] {
        let refused = world.operations().create_user(&key(), new).await;
        assert_eq!(refused.unwrap_err().to_string(), sentence);
    }
    let weak = NewUser {
        password: Some("short".into()),
        ..named("bob")
    };
    let refused = world.operations().create_user(&key(), weak).await;
    assert!(matches!(refused, Err(OperationError::Invalid(_))));
    assert_eq!(world.events().await, []);
    assert_eq!(
        world
            .operations()
            .users(&UserQuery::All(UserSort::Name), &Page::first(100))
            .await
            .unwrap()
            .users
            .len(),
        1
    );
}

#[tokio::test]
async fn every_fault_of_a_new_user_is_named_at_its_field() {
    let world = World::new();
    world.add("alice").await;
    let of = async |new: NewUser| {
        let refused = world.operations().create_user(&key(), new).await;
        let errors = refused.unwrap_err().field_errors();
        errors
            .into_iter()
            .map(|error| error.field)
            .collect::<Vec<_>>()
    };
    let wrong = NewUser {
        email: Some("nowhere".into()),
        claims: json!({ "locale": 7 }).as_object().cloned().unwrap(),
        password: Some("short".into()),
        ..named("a b")
    };
    assert_eq!(
        of(wrong).await,
        ["username", "email", "claims.locale", "password"]
    );
    assert_eq!(of(named("alice")).await, ["username"], "it is taken");
    let address = NewUser {
        email: Some("alice@example.org".into()),
        ..named("bob")
    };
    assert_eq!(of(address).await, ["email"]);
    let unknown = world
        .operations()
        .delete_user("nobody", LastAdministrator::Stays)
        .await
        .unwrap_err();
    assert_eq!(unknown.field_errors(), [], "about no input");
}

#[tokio::test]
async fn a_change_comes_back_as_stored() {
    let world = World::new();
    let alice = world.add("alice").await;
    let change = ProfileChange {
        name: Some("Alice Kim".into()),
        ..ProfileChange::default()
    };
    let login = "alice@example.org";
    let changed = world
        .operations()
        .update_user(login, &change, LastAdministrator::Stays)
        .await;
    assert_eq!(changed.unwrap(), world.stored(&alice).await);
    assert_eq!(
        world.events().await,
        [(Operation::UserUpdate, login.into())]
    );
}

#[tokio::test]
async fn who_is_disabled_enabled_or_given_a_password_comes_back_as_stored() {
    let mut world = World::new();
    let alice = world.add("alice").await;
    world.now += 60;
    let ended = world
        .operations()
        .disable_user("alice", LastAdministrator::Stays)
        .await
        .unwrap();
    assert_eq!(
        (ended.sessions, ended.user.disabled_at),
        (0, Some(NOW + 60))
    );
    assert_eq!(ended.user, world.stored(&alice).await);
    let enabled = world.operations().enable_user("alice").await.unwrap();
    assert_eq!(enabled, world.stored(&alice).await);
    let operations = world.operations();
    let key = key();
    let given = operations.set_password(&key, "alice", "another password");
    let given = given.await.unwrap().user;
    assert_ne!(given.password_hash, alice.password_hash);
    assert_eq!(given, world.stored(&alice).await);
    let ended = world.operations().end_sessions("alice").await.unwrap();
    assert_eq!(ended.user, given);
    let deleted = world
        .operations()
        .delete_user("alice", LastAdministrator::Stays)
        .await
        .unwrap();
    assert_eq!(deleted, given);
    assert_eq!(world.store.user(&alice.id).await.unwrap(), None);
    let operations: Vec<_> = world
        .events()
        .await
        .into_iter()
        .map(|(done, _)| done)
        .collect();
    assert_eq!(
        operations,
        [
            Operation::UserDisable,
            Operation::UserEnable,
            Operation::UserSetPassword,
            Operation::UserEndSessions,
            Operation::UserDelete
        ]
    );
}

#[tokio::test]
async fn nobody_is_nobody_for_every_operation() {
    let world = World::new();
    let operations = world.operations();
    let refused = [
        operations.user("bob").await.map(drop),
        operations
            .disable_user("bob", LastAdministrator::Stays)
            .await
            .map(drop),
        operations.enable_user("bob").await.map(drop),
        operations
            .delete_user("bob", LastAdministrator::Stays)
            .await
            .map(drop),
        operations.end_sessions("bob").await.map(drop),
        operations
            .set_password(&key(), "bob", "a good password")
            .await
            .map(drop),
        operations
            .update_user("bob", &ProfileChange::default(), LastAdministrator::Stays)
            .await
            .map(drop),
        operations
            .sessions(Some("bob"), &Page::first(100))
            .await
            .map(drop),
    ];
    for refused in refused {
        let sentence = refused.unwrap_err().to_string();
        assert_eq!(sentence, "there is nobody called bob");
    }
    assert_eq!(world.events().await, []);
}

/// A name may be somebody else's by then.
#[tokio::test]
async fn who_is_named_by_id_is_that_user_and_nobody_who_has_the_name_now() {
    let world = World::new();
    let (operations, last) = (world.operations(), LastAdministrator::Stays);
    let old = world.add("alice").await;
    operations.delete_user(&old.id, last).await.unwrap();
    let new = world.add("alice").await;
    world.events().await;
    let refused = [
        operations.disable_user(&old.id, last).await.map(drop),
        operations.enable_user(&old.id).await.map(drop),
        operations.end_sessions(&old.id).await.map(drop),
        operations
            .set_password(&key(), &old.id, "another password")
            .await
            .map(drop),
        operations
            .update_user(&old.id, &ProfileChange::default(), last)
            .await
            .map(drop),
        operations.delete_user(&old.id, last).await.map(drop),
    ];
    for refused in refused {
        assert!(matches!(refused, Err(OperationError::UserUnknown(_))));
    }
    assert_eq!(world.stored(&new).await, new);
    assert_eq!(world.events().await, []);
    operations.disable_user(&new.id, last).await.unwrap();
    let recorded = world.events().await;
    assert_eq!(recorded, [(Operation::UserDisable, "alice".into())]);
}

#[tokio::test]
async fn the_last_administrator_stays_unless_they_may_go_and_that_is_recorded() {
    let world = World::new();
    let operations = world.operations();
    let admin = NewUser {
        roles: vec!["admin".into()],
        password: Some("a password of many words".into()),
        ..named("ada")
    };
    operations.create_user(&key(), admin).await.unwrap();
    let stays = LastAdministrator::Stays;
    let none = ProfileChange {
        roles: Some(Vec::new()),
        ..ProfileChange::default()
    };
    let seen = operations.user("ada").await.unwrap();
    world.entries().await;
    let refused = [
        operations.disable_user("ada", stays).await.map(drop),
        operations.delete_user("ada", stays).await.map(drop),
        operations.update_user("ada", &none, stays).await.map(drop),
        operations.update_user(&seen, &none, stays).await.map(drop),
    ];
    for refused in refused {
        let refused = refused.unwrap_err();
        let said = "ada is the last enabled user with the role admin";
        assert_eq!(refused.to_string(), said);
        let named = refused.field_errors().remove(0);
        assert_eq!(named.field, "roles");
        assert!(named.fix.unwrap().contains("another enabled user"));
    }
    assert_eq!(world.entries().await, [], "nothing was done");
    let may_go = LastAdministrator::MayGo;
    operations.update_user("ada", &none, may_go).await.unwrap();
    let entry = world.entries().await.remove(0);
    assert_eq!(entry.details["forced"], true);
}

/// Hashing takes its turn among sign-ins: a server's own threads do other work.
#[tokio::test]
async fn a_password_that_waits_too_long_for_its_hash_is_refused_and_nothing_is_written() {
    let world = World::new();
    let alice = world.add("alice").await;
    let passwords = latchkey_operations::Passwords::new(1, key());
    let waiter = Waiter {
        address: "192.0.2.1".parse().unwrap(),
        known: true,
    };
    let hasher = Hasher::Threads {
        passwords: &passwords,
        waiter,
    };
    let operations = world.operations();
    let set = operations.set_password(hasher, &alice.id, "another password");
    let hash = set.await.unwrap().user.password_hash;
    assert!(hash.unwrap().starts_with("$argon2id$"));
    // More than the line holds of one neighbourhood.
    let many = (0..300).map(|_| operations.set_password(hasher, &alice.id, "one more password"));
    let done = futures_util::future::join_all(many).await;
    let busy = |r: &Result<_, _>| matches!(r, Err(OperationError::Busy(_)));
    let (refused, set) = (
        done.iter().filter(|r| busy(r)).count(),
        done.iter().filter(|r| r.is_ok()).count(),
    );
    assert!(
        refused >= 200 && set > 0 && refused + set == 300,
        "{refused} {set}"
    );
}
