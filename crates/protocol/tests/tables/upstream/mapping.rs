//! `mapped`: what is read of another provider's claims.

use latchkey_protocol::{
    Reason,
    upstream::{ClaimMapping, UpstreamProfile, mapped},
};
use serde_json::{Value, json};

fn read(mapping: Value, claims: Value) -> Result<(String, UpstreamProfile), Reason> {
    let mapping: ClaimMapping = serde_json::from_value(mapping).unwrap();
    mapped(&mapping, claims.as_object().unwrap()).map_err(|refused| refused.reason)
}

#[test]
fn without_a_word_claims_are_read_where_openid_connect_has_them() {
    let claims = json!({
        "sub": "1", "name": " Alice ", "email": "a@b.example", "email_verified": true,
        "preferred_username": "alice", "picture": "https://p.example/a.png", "groups": ["g"], "roles": ["admin"],
    });
    let expected = UpstreamProfile {
        username: Some("alice".into()),
        name: Some("Alice".into()),
        email: Some("a@b.example".into()),
        email_verified: true,
        picture: Some("https://p.example/a.png".into()),
        groups: Vec::new(),
        roles: Vec::new(),
    };
    assert_eq!(read(json!({}), claims), Ok(("1".into(), expected)));
}

#[test]
fn a_subject_is_a_text_or_a_whole_number_byte_for_byte() {
    let long = "x".repeat(256);
    for (subject, expected) in [
        (json!("A"), Some("A")),
        (json!("a"), Some("a")),
        (json!(" a"), Some(" a")),
        (json!(12), Some("12")),
        (json!(-3), Some("-3")),
        (json!(1.5), None),
        (json!(""), None),
        (json!("a\u{0}"), None),
        (json!(null), None),
        (json!(true), None),
        (json!(["a"]), None),
        (json!({ "a": "a" }), None),
        (json!(long), None),
    ] {
        let found = read(json!({}), json!({ "sub": subject }));
        match expected {
            Some(expected) => assert_eq!(found.unwrap().0, expected),
            None => assert_eq!(found, Err(Reason::UpstreamSubjectUnfit), "{subject}"),
        }
    }
    assert_eq!(
        read(json!({}), json!({})),
        Err(Reason::UpstreamSubjectUnfit)
    );
}

#[test]
fn pointers_reach_into_objects_and_null_is_nowhere() {
    let claims = json!({
        "response": { "id": "n", "email": "a@b.example", "a/b": "Slash" }, "preferred_username": "alice",
    });
    let mapping = json!({
        "subject": "/response/id", "email": "/response/email", "username": null, "name": ["/nothing", "/response/a~1b"],
    });
    let (subject, profile) = read(mapping, claims).unwrap();
    assert_eq!(
        (subject.as_str(), profile.email.as_deref()),
        ("n", Some("a@b.example"))
    );
    assert_eq!(
        (profile.username, profile.name.as_deref()),
        (None, Some("Slash"))
    );
}

#[test]
fn an_address_is_verified_only_where_everything_says_so() {
    let mapping = json!({ "email_verified": ["/valid", "/verified"] });
    let verified = |mapping: &Value, more: Value| {
        let mut claims = json!({ "sub": "1", "email": "a@b.example", "email_verified": true });
        claims
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        read(mapping.clone(), claims).unwrap().1.email_verified
    };
    assert!(verified(
        &mapping,
        json!({ "valid": true, "verified": "true" })
    ));
    assert!(!verified(&mapping, json!({ "valid": true })));
    assert!(!verified(
        &mapping,
        json!({ "valid": true, "verified": "false" })
    ));
    assert!(!verified(&mapping, json!({ "valid": true, "verified": 1 })));
    assert!(!verified(&json!({ "email_verified": [] }), json!({})));
    assert!(!verified(&json!({}), json!({ "email": "no address" })));
}

#[test]
fn groups_and_roles_come_in_by_the_list_alone_and_none_opens_the_console_unless_it_is_said() {
    let claims =
        json!({ "sub": "1", "g": ["a", "b", "a", 3], "r": ["admin", "auditor", "editor"] });
    let mut mapping = json!({
        "groups": "/g", "allowed_groups": ["a", "c"],
        "roles": "/r", "allowed_roles": ["admin", "auditor", "editor"],
    });
    let (_, profile) = read(mapping.clone(), claims.clone()).unwrap();
    assert_eq!(
        (&profile.groups[..], &profile.roles[..]),
        (&["a".to_owned()][..], &["editor".to_owned()][..])
    );
    mapping["grants_console"] = true.into();
    let (_, profile) = read(mapping, claims).unwrap();
    assert_eq!(profile.roles, ["admin", "auditor", "editor"]);
    let one = json!({ "groups": "/g", "allowed_groups": ["a"] });
    assert_eq!(
        read(one, json!({ "sub": "1", "g": "a" })).unwrap().1.groups,
        ["a"]
    );
}

#[test]
fn what_hides_or_turns_letters_or_is_too_long_is_left_out() {
    for name in ["a\u{202e}b", "a\u{200b}b", "a\nb", "", &"x".repeat(201)] {
        let (_, profile) = read(json!({}), json!({ "sub": "1", "name": name })).unwrap();
        assert_eq!(profile.name, None, "{name:?}");
    }
    for picture in [
        "http://p.example/",
        "javascript:alert(1)",
        "https://u:p@p.example/",
        "x",
    ] {
        let (_, profile) = read(json!({}), json!({ "sub": "1", "picture": picture })).unwrap();
        assert_eq!(profile.picture, None, "{picture}");
    }
}
