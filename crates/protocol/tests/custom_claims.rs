//! Which custom claims an administrator can map.
#![allow(clippy::unwrap_used)]

use latchkey_protocol::{
    claims::{CustomClaims, MOST_MAPPINGS, check_attributes},
    registration::Registration,
};
use serde_json::{Map, Value, json};

fn refused(claims: Value) -> Option<String> {
    let metadata = json!({ "redirect_uris": ["https://a.example/"], "custom_claims": claims });
    let error = Registration::parse(&metadata).err()?;
    assert_eq!(error.code, "invalid_client_metadata");
    Some(error.sentence())
}

#[test]
fn names_of_the_registry_uris_and_private_names_can_be_mapped() {
    for name in [
        "department",
        "https://example.org/tenant",
        "urn:example:x",
        "entitlements",
        "cognito:groups",
        "upn",
    ] {
        assert_eq!(
            refused(json!({ name: { "attribute": "a" } })),
            None,
            "{name}"
        );
    }
    let whole = json!({ "t": { "value": { "a": [1] }, "in": ["id_token", "userinfo", "access_token"], "scope": "x:y" } });
    assert_eq!(refused(whole), None);
    assert_eq!(
        refused(json!({ "email": { "claim": "email", "in": ["access_token"] } })),
        None
    );
    assert_eq!(
        refused(json!({ "teams": { "claim": "groups", "in": [] } })),
        None
    );
}

/// By these a token is judged, or an introspection answer read.
#[test]
fn claims_of_the_protocol_can_never_be_mapped() {
    for name in [
        "iss",
        "sub",
        "aud",
        "exp",
        "nbf",
        "iat",
        "jti",
        "nonce",
        "at_hash",
        "c_hash",
        "s_hash",
        "sid",
        "auth_time",
        "acr",
        "amr",
        "azp",
        "client_id",
        "scope",
        "status",
        "cnf",
        "act",
        "may_act",
        "active",
        "token_type",
        "username",
        "_claim_names",
        "_claim_sources",
        "authorization_details",
        "events",
    ] {
        for mapping in [
            json!({ "value": "x" }),
            json!({ "attribute": "x", "in": [] }),
            json!({ "claim": "email" }),
        ] {
            assert!(
                refused(json!({ name: mapping }))
                    .unwrap()
                    .contains("belongs to the protocol"),
                "{name}"
            );
        }
    }
}

#[test]
fn what_every_user_has_keeps_its_value() {
    for name in [
        "email",
        "email_verified",
        "preferred_username",
        "updated_at",
        "address",
        "groups",
        "roles",
    ] {
        for mapping in [
            json!({ "value": true }),
            json!({ "attribute": name }),
            json!({ "claim": "name" }),
        ] {
            assert!(
                refused(json!({ name: mapping }))
                    .unwrap()
                    .contains("not to another value"),
                "{name}"
            );
        }
    }
}

#[test]
fn what_cannot_be_understood_is_refused_with_its_name() {
    for (mapping, needle) in [
        (
            json!({ "attribute": "a", "value": 1 }),
            "one of attribute, claim and value",
        ),
        (json!({}), "one of attribute, claim and value"),
        (
            json!({ "value": null }),
            "one of attribute, claim and value",
        ),
        (json!({ "attribute": "a", "in": ["cookie"] }), "cookie"),
        (json!({ "attribute": "a", "inn": ["id_token"] }), "inn"),
        (
            json!({ "attribute": "a", "scope": "two words" }),
            "no scope",
        ),
        (json!({ "attribute": "a", "scope": "" }), "no scope"),
        (json!({ "attribute": "" }), "no name of an attribute"),
        (json!({ "claim": "department" }), "no claim of every user"),
        (json!({ "value": "x".repeat(1100) }), "at most 1024 bytes"),
    ] {
        let sentence = refused(json!({ "c": mapping })).unwrap();
        assert!(
            sentence.contains("custom_claims") && sentence.contains(needle),
            "{needle}: {sentence}"
        );
    }
    for name in ["", "a b", "a\"b", "a\\b", "\u{ac00}", &"x".repeat(256)] {
        assert!(
            refused(json!({ name: { "attribute": "a" } }))
                .unwrap()
                .contains("no name of a claim"),
            "{name}"
        );
    }
    let many: Map<String, Value> = (0..=MOST_MAPPINGS)
        .map(|n| (format!("c{n}"), json!({ "attribute": "a" })))
        .collect();
    assert!(refused(many.into()).unwrap().contains("at most 50"));
}

#[test]
fn a_mapping_is_written_as_it_is_read() {
    let written = json!({
        "a": { "attribute": "x", "in": ["id_token", "userinfo"], "scope": "openid" },
        "b": { "claim": "email", "in": ["access_token"], "scope": "b" },
        "c": { "value": [1, { "d": "e" }], "in": [], "scope": "openid" },
    });
    let read: CustomClaims = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), written);
}

#[test]
fn attributes_are_bounded() {
    let attributes = |value: Value| value.as_object().unwrap().clone();
    assert_eq!(
        check_attributes(&attributes(json!({ "a": { "b": [null, "c"] }, "x:y": 1 }))),
        []
    );
    let faults = |value: Value| -> Vec<_> {
        let faults = check_attributes(&attributes(value)).into_iter();
        faults.map(|fault| (fault.field, fault.problem)).collect()
    };
    assert!(
        faults(json!({ "": 1 }))[0]
            .1
            .contains("no name of an attribute")
    );
    let long = faults(json!({ "a b": 1, "c": "x".repeat(8192) }));
    let fields: Vec<_> = long.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["attributes.a b", "attributes"]);
    assert!(long[0].1.contains("no name of an attribute"));
    assert!(long[1].1.contains("8192 bytes"));
}
