//! Client metadata as JSON.
#![allow(clippy::unwrap_used)]

use latchkey_protocol::{
    metadata::{merge, unknown_members},
    registration::{Registration, RegistrationRules},
};
use serde_json::{Value, json};

fn meant(name: &str) -> Option<Option<&'static str>> {
    let given = json!({ name: 1 });
    unknown_members(given.as_object().unwrap())
        .pop()
        .map(|unknown| unknown.meant)
}

#[test]
fn misspelled_members_are_named_with_what_was_meant() {
    for (written, right) in [
        ("redirect_uri", "redirect_uris"),
        ("redirectUris", "redirect_uris"),
        ("Redirect-URIs", "redirect_uris"),
        ("grant_type", "grant_types"),
        ("scopes", "scope"),
        ("client_nmae", "client_name"),
        ("token_endpoint_auth_methode", "token_endpoint_auth_method"),
        ("post_logout_redirect_uri", "post_logout_redirect_uris"),
        ("audiences", "audience"),
        ("trustd", "trusted"),
    ] {
        assert_eq!(meant(written), Some(Some(right)), "{written}");
    }
    for known in [
        "redirect_uris",
        "client_id",
        "client_secret_expires_at",
        "client_name#ko-KR",
        "refresh",
        "roles",
    ] {
        assert_eq!(meant(known), None, "{known}");
    }
    for foreign in ["software_id", "sector_identifier_uri", "subject_type", "x"] {
        assert_eq!(meant(foreign), Some(None), "{foreign}");
    }
}

#[test]
fn a_change_checks_the_redirect_uris_that_are_new_in_it() {
    let rules = RegistrationRules::default();
    let mut before = Registration::parse(&json!({"redirect_uris":["https://a.example/"]}))
        .unwrap()
        .metadata;
    // Registered under older rules.
    before.redirect_uris = vec!["http://192.0.2.7/old".into()];
    before.post_logout_redirect_uris = vec!["http://192.0.2.7/out".into()];
    let change = |patch: Value| Registration::parse_change(&before, &patch, rules);
    assert_eq!(
        change(json!({"client_name":"N"}))
            .unwrap()
            .metadata
            .redirect_uris,
        before.redirect_uris
    );
    assert!(change(json!({"redirect_uris":["http://192.0.2.7/old","https://a.example/"]})).is_ok());
    for refused in [
        json!({"redirect_uris":["http://192.0.2.7/old","http://192.0.2.7/new"]}),
        json!({"post_logout_redirect_uris":["http://192.0.2.7/new"]}),
        json!({"application_type":"native"}),
    ] {
        assert!(change(refused.clone()).is_err(), "{refused}");
    }
}

/// RFC 7396 3 and its appendix.
#[test]
fn a_change_is_merged() {
    for (target, patch, result) in [
        (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
        (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
        (
            json!({"a":"b","b":"c"}),
            json!({"a":null}),
            json!({"b":"c"}),
        ),
        (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
        (
            json!({"a":{"b":"c"}}),
            json!({"a":{"b":"d","c":null}}),
            json!({"a":{"b":"d"}}),
        ),
        (
            json!({}),
            json!({"a":{"bb":{"ccc":null}}}),
            json!({"a":{"bb":{}}}),
        ),
        (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
    ] {
        let mut merged: Value = target.clone();
        merge(&mut merged, &patch);
        assert_eq!(merged, result, "{target} {patch}");
    }
    let before = Registration::parse(
        &json!({"redirect_uris":["https://a.example/"],"trusted":true,"scope":"openid"}),
    );
    let before = before.unwrap().metadata;
    let change =
        |patch: Value| Registration::parse_change(&before, &patch, RegistrationRules::default());
    assert_eq!(change(json!({})).unwrap().metadata, before);
    let after = change(json!({"client_name":"N","scope":null}))
        .unwrap()
        .metadata;
    assert_eq!(
        (after.client_name.as_deref(), after.scope, after.trusted),
        (Some("N"), None, true)
    );
    assert!(
        change(json!({"redirect_uris":null}))
            .unwrap_err()
            .sentence()
            .contains("redirect_uris")
    );
    assert!(
        change(json!({"contacts":"x"}))
            .unwrap_err()
            .sentence()
            .starts_with("contacts: ")
    );
    assert!(change(json!([])).is_err());
}
