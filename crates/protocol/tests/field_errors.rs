//! Every fault of an input is named, each at its member.
#![allow(clippy::unwrap_used)]

use latchkey_protocol::{
    Timestamp, UserId,
    profile::ProfileChange,
    registration::{Registration, RegistrationError},
    user::User,
};
use serde_json::{Map, Value, json};

fn fields(refused: &RegistrationError) -> Vec<&str> {
    refused.errors.iter().map(|e| e.field.as_str()).collect()
}

#[test]
fn every_fault_of_a_registration_is_named_at_its_member() {
    let refused = Registration::parse(&json!({
        "client_id": "a\nb", "client_secret": "short", "redirect_uris": ["http://a.example/", "https://a.example/#f"],
        "logo_uri": "javascript:x", "tos_uri": "x", "scope": "a\"b", "default_max_age": -1, "implied_scope": "offline_access",
        "custom_claims": { "sub": { "value": 1 }, "a b": { "attribute": "a" }, "good": { "attribute": "a" } },
    }))
    .unwrap_err();
    assert_eq!(
        fields(&refused),
        [
            "client_id",
            "client_secret",
            "redirect_uris",
            "redirect_uris",
            "logo_uri",
            "tos_uri",
            "scope",
            "custom_claims.a b",
            "custom_claims.sub",
            "implied_scope",
            "default_max_age",
        ]
    );
    assert_eq!(refused.code, "invalid_client_metadata", "of the first");
    let of = |member| refused.errors.of(member).count();
    assert_eq!((of("redirect_uris"), of("custom_claims")), (2, 2));
    let secret = refused.errors.of("client_secret").next().unwrap();
    assert!(secret.problem.contains("32 characters or more"));
    assert_eq!(
        secret.fix.as_deref(),
        Some("leave it out to get a good one")
    );
    assert_eq!(refused.sentence().lines().count(), 12, "a line for each");
}

/// RFC 7591 3.2.2: one code for all faults.
#[test]
fn a_fault_of_the_redirect_uris_that_comes_first_gives_its_code() {
    let refused = Registration::parse(&json!({ "redirect_uris": [], "logo_uri": "x" }));
    assert_eq!(refused.unwrap_err().code, "invalid_client_metadata");
    let refused = Registration::parse(&json!({ "redirect_uris": [], "default_max_age": -1 }));
    let refused = refused.unwrap_err();
    assert_eq!(refused.code, "invalid_redirect_uri");
    assert_eq!(fields(&refused), ["redirect_uris", "default_max_age"]);
}

#[test]
fn every_member_that_cannot_be_read_is_named() {
    let refused = Registration::parse(&json!({
        "redirect_uris": "https://a.example/", "default_max_age": "1", "refresh": "sometimes", "logo_uri": "javascript:x",
    }));
    let refused = refused.unwrap_err();
    let mut named = fields(&refused);
    named.sort_unstable();
    assert_eq!(named, ["default_max_age", "redirect_uris", "refresh"]);
    assert_eq!(
        fields(&Registration::parse(&json!([])).unwrap_err()),
        [""],
        "of the whole"
    );
}

#[test]
fn every_fault_of_a_profile_is_named_at_its_member() {
    let nobody = User {
        id: UserId::new("u"),
        username: "alice".into(),
        email: None,
        name: None,
        password_hash: None,
        roles: Vec::new(),
        groups: Vec::new(),
        claims: Map::new(),
        attributes: Map::new(),
        disabled_at: None,
        created_at: Timestamp::from_seconds(1),
        updated_at: Timestamp::from_seconds(1),
        version: 0,
    };
    let map = |value: Value| value.as_object().unwrap().clone();
    let change = ProfileChange {
        email: Some(Some("nowhere".into())),
        merge_claims: map(json!({ "locale": 7, "shoe_size": 43, "birthdate": "2000-01-01" })),
        merge_attributes: map(json!({ "a b": 1 })),
        ..ProfileChange::default()
    };
    let refused = change.apply(&nobody, Timestamp::from_seconds(9));
    let mut refused = refused.unwrap_err().into_vec();
    refused[1..3].sort_by(|a, b| a.field.cmp(&b.field));
    let fields: Vec<_> = refused.iter().map(|e| e.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "email",
            "claims.locale",
            "claims.shoe_size",
            "attributes.a b"
        ]
    );
    assert_eq!(refused[1].to_string(), "locale must be a text");
    assert!(refused[2].fix.as_deref().unwrap().contains("attribute"));
}
