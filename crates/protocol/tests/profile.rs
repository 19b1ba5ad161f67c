//! How a user's profile changes.
#![allow(clippy::unwrap_used)]

use latchkey_protocol::{Timestamp, UserId, profile::ProfileChange, user::User};
use serde_json::{Map, Value, json};

fn map(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn user(email: Option<&str>, claims: Value) -> User {
    User {
        id: UserId::new("u"),
        username: "alice".into(),
        email: email.map(str::to_owned),
        name: None,
        password_hash: Some("hash".into()),
        roles: vec!["r".into()],
        groups: vec!["g".into()],
        claims: map(claims),
        attributes: Map::new(),
        disabled_at: Some(Timestamp::from_seconds(1)),
        created_at: Timestamp::from_seconds(1),
        updated_at: Timestamp::from_seconds(1),
        version: 3,
    }
}

/// OpenID Connect Core 5.1.
#[test]
fn what_was_proven_of_an_address_or_a_number_does_not_pass_to_the_next() {
    let before = user(
        Some("a@x.example"),
        json!({ "email_verified": false, "phone_number": "1", "phone_number_verified": true }),
    );
    let change = |change: ProfileChange| change.apply(&before, Timestamp::from_seconds(9)).unwrap();
    let email = |address: &str| Some(Some(address.to_owned()));
    let verified = |user: &User| user.claims.get("email_verified").cloned();

    let entered = change(ProfileChange {
        email: email("b@x.example"),
        ..Default::default()
    });
    assert_eq!(
        verified(&entered),
        Some(json!(true)),
        "an administrator entered it"
    );
    let unproven = ProfileChange {
        email: email("b@x.example"),
        email_unverified: true,
        ..Default::default()
    };
    assert_eq!(verified(&change(unproven)), Some(json!(false)));
    let replaced = change(ProfileChange {
        replace_claims: Some(map(json!({ "locale": "ko" }))),
        ..Default::default()
    });
    assert_eq!(
        replaced.claims,
        map(json!({ "locale": "ko", "email_verified": false })),
        "the address is the same"
    );
    let none = change(ProfileChange {
        email: Some(None),
        ..Default::default()
    });
    assert_eq!((none.email.as_deref(), verified(&none)), (None, None));

    let number = |claims: Value| {
        change(ProfileChange {
            merge_claims: map(claims),
            ..Default::default()
        })
    };
    assert_eq!(
        number(json!({ "phone_number": "2" }))
            .claims
            .get("phone_number_verified"),
        None
    );
    let both = number(json!({ "phone_number": "2", "phone_number_verified": true }));
    assert_eq!(both.claims["phone_number_verified"], true);
    assert_eq!(
        number(json!({ "phone_number": "1" })).claims["phone_number_verified"],
        true,
        "the same number"
    );
    let replaced = |claims: Value| {
        change(ProfileChange {
            replace_claims: Some(map(claims)),
            ..Default::default()
        })
    };
    let echoed = replaced(json!({ "phone_number": "2", "phone_number_verified": true }));
    assert_eq!(
        echoed.claims.get("phone_number_verified"),
        None,
        "a form gives back what it was shown"
    );
    let same = replaced(json!({ "phone_number": "1", "phone_number_verified": true }));
    assert_eq!(same.claims["phone_number_verified"], true);
    let said = replaced(json!({ "phone_number": "2", "phone_number_verified": false }));
    assert_eq!(said.claims["phone_number_verified"], false);
    assert_eq!(
        number(json!({ "locale": "ko" })).claims["phone_number_verified"],
        true
    );
}

#[test]
fn an_address_among_the_claims_is_the_address_and_one_from_before_is_left_alone() {
    let before = user(Some("a@x.example"), json!({ "email": "old@x.example" }));
    let role = ProfileChange {
        roles: Some(vec![]),
        ..Default::default()
    };
    let after = role.apply(&before, Timestamp::from_seconds(9)).unwrap();
    assert_eq!(
        (after.email.as_deref(), &after.claims),
        (Some("a@x.example"), &before.claims)
    );
    let among = ProfileChange {
        merge_claims: map(json!({ "email": "c@x.example" })),
        ..Default::default()
    };
    let after = among.apply(&before, Timestamp::from_seconds(9)).unwrap();
    assert_eq!(
        (after.email.as_deref(), after.claims.get("email")),
        (Some("c@x.example"), None)
    );
    assert!(
        among
            .apply(&before, Timestamp::from_seconds(9))
            .unwrap()
            .claims["email_verified"]
            == true
    );
    let wrong = ProfileChange {
        merge_claims: map(json!({ "email": "c" })),
        ..Default::default()
    };
    assert!(
        wrong
            .apply(&before, Timestamp::from_seconds(9))
            .unwrap_err()
            .to_string()
            .contains("no email address")
    );
}

#[test]
fn what_is_not_named_stays() {
    let before = user(Some("a@x.example"), json!({ "locale": "ko" }));
    let after = ProfileChange::default()
        .apply(&before, Timestamp::from_seconds(9))
        .unwrap();
    assert_eq!(
        after,
        User {
            updated_at: Timestamp::from_seconds(9),
            ..before.clone()
        }
    );
    let emptied = ProfileChange {
        roles: Some(vec![]),
        groups: Some(vec![]),
        ..Default::default()
    };
    let emptied = emptied.apply(&before, Timestamp::from_seconds(9)).unwrap();
    assert!(emptied.roles.is_empty() && emptied.groups.is_empty());
    assert_eq!(
        (emptied.password_hash, emptied.disabled_at, emptied.version),
        (Some("hash".into()), Some(Timestamp::from_seconds(1)), 3)
    );
}
