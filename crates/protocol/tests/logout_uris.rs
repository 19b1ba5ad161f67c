//! Where a client hears of a sign-out: what may be registered.
#![allow(clippy::unwrap_used)]

use latchkey_protocol::{
    client::Metadata,
    registration::{Registration, RegistrationError, RegistrationRules},
};
use serde_json::{Value, json};

const LABORATORY: RegistrationRules = RegistrationRules {
    private_http_redirects: true,
};

fn registered(member: &str, uri: Value) -> Result<Metadata, RegistrationError> {
    let json = json!({
        "redirect_uris": ["https://app.example/cb", "http://localhost:8080/cb", "http://[::1]/cb"], member: uri,
    });
    Ok(Registration::parse(&json)?.metadata)
}

#[test]
fn logout_uris_are_https_or_loopback_and_have_no_fragment() {
    for member in ["backchannel_logout_uri", "frontchannel_logout_uri"] {
        for good in [
            "https://app.example/out",
            "https://app.example/out?tenant=a",
            "http://localhost:8080/out",
            "http://[::1]/out",
        ] {
            assert!(registered(member, json!(good)).is_ok(), "{member} {good}");
        }
        for bad in [
            "",
            "/out",
            "app.example/out",
            "http://app.example/out",
            "http://10.0.0.5/out",
            "https://app.example/out#part",
            "https://app.example/out#",
            "https://user:password@app.example/out",
            "https://*.app.example/out",
            "https://APP.example/out",
            "https://app.example:0/out",
            "https://app.example/../out",
            "https://app.example/a b",
            "ftp://app.example/out",
            "javascript:alert(1)",
            "com.example.app:/out",
        ] {
            let error = registered(member, json!(bad)).unwrap_err();
            assert_eq!(error.code, "invalid_client_metadata");
            assert!(error.sentence().starts_with(member), "{bad}: {error}");
        }
        let error = registered(member, json!(["https://app.example/out"])).unwrap_err();
        assert!(error.sentence().starts_with(member), "{error}");
        assert!(registered(member, Value::Null).is_ok());
    }
}

/// An app's own scheme is for its redirect URIs alone.
#[test]
fn a_native_client_has_web_addresses_for_logout_too() {
    let json = json!({
        "application_type": "native", "redirect_uris": ["com.example.app:/cb"],
        "backchannel_logout_uri": "com.example.app:/out",
    });
    assert!(Registration::parse(&json).is_err());
}

/// Front-Channel Logout 1.0 2.
#[test]
fn a_front_channel_uri_is_of_the_same_origin_as_a_redirect_uri() {
    for elsewhere in [
        "https://other.example/out",
        "https://www.app.example/out",
        "https://app.example:8443/out",
        "http://localhost/out",
        "https://localhost:8080/out",
        "http://127.0.0.1:8080/out",
    ] {
        let error = registered("frontchannel_logout_uri", json!(elsewhere)).unwrap_err();
        assert!(error.sentence().contains("redirect_uris"), "{error}");
        // A server is called, not a browser: it may be anywhere.
        assert!(registered("backchannel_logout_uri", json!(elsewhere)).is_ok());
    }
    let before = registered("frontchannel_logout_uri", json!("https://app.example/out")).unwrap();
    let moved = json!({"redirect_uris": ["https://new.example/cb"]});
    let changed = Registration::parse_change(&before, &moved, RegistrationRules::default());
    assert!(changed.is_err(), "it would be left behind");
    let together = json!({
        "redirect_uris": ["https://new.example/cb"], "frontchannel_logout_uri": "https://new.example/out",
    });
    assert!(Registration::parse_change(&before, &together, RegistrationRules::default()).is_ok());
}

#[test]
fn what_was_registered_under_another_rule_stays_until_it_changes() {
    let strict = RegistrationRules::default();
    let before = registered("backchannel_logout_uri", json!("https://app.example/out")).unwrap();
    let to = |uri: &str| json!({"backchannel_logout_uri": uri});
    let private = to("http://10.0.0.5/out");
    assert!(Registration::parse_change(&before, &private, strict).is_err());
    let laboratory = Registration::parse_change(&before, &private, LABORATORY).unwrap();
    let renamed = json!({"client_name": "Renamed"});
    let kept = Registration::parse_change(&laboratory.metadata, &renamed, strict).unwrap();
    assert_eq!(
        kept.metadata.backchannel_logout_uri.as_deref(),
        Some("http://10.0.0.5/out")
    );
    let another = to("http://10.0.0.6/out");
    assert!(Registration::parse_change(&kept.metadata, &another, strict).is_err());
}
