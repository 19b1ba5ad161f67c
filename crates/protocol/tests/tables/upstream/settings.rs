//! `described`: the settings of an upstream, put together, and what they may say.

use latchkey_protocol::upstream::{
    Linking, Preset, UpstreamClientAuth, UpstreamName, UpstreamSettings, described,
};
use serde_json::{Value, json};

const PRESET: Preset = Preset {
    name: "one",
    provider: "One",
    button_en: "Sign in with One",
    button_ko: "One",
    logo: "one.svg",
    settings: r#"{
        "protocol": { "kind": "oidc", "issuer": "https://one.example" }, "mapping": { "username": null },
        "parameters": { "prompt": "login" }, "trust": { "create": true }
    }"#,
    asks: &[("client_id", "its id")],
    page: "docs/linking.md",
};

fn made(given: Value) -> Result<UpstreamSettings, String> {
    let settings = described(Some(&PRESET), None, &given);
    settings.map_err(|faults| faults.to_string())
}

#[test]
fn a_preset_gives_what_is_not_given_and_a_change_keeps_what_is_not_named() {
    let made = made(json!({ "client_id": "c", "trust": { "link": "never" } })).unwrap();
    assert_eq!(
        (made.title.as_str(), made.preset.as_deref()),
        ("Sign in with One", Some("one"))
    );
    assert_eq!((made.trust.create, made.trust.link), (true, Linking::Never));
    assert_eq!(made.mapping.username, None);
    // As it is stored, and read again.
    let stored: UpstreamSettings = serde_json::from_value(json!(made)).unwrap();
    assert_eq!(stored, made);
    let change = json!({ "mapping": { "picture": null }, "parameters": { "prompt": null, "display": "popup" } });
    let after = described(None, Some(&made), &change).unwrap();
    assert_eq!(
        (after.mapping.username, after.mapping.picture),
        (None, None)
    );
    assert_eq!(
        after.parameters.into_iter().collect::<Vec<_>>(),
        [("display".into(), "popup".into())]
    );
    let signed = json!({ "client_auth": { "method": "signed_secret", "team_id": "t", "key_id": "k", "audience": "a" } });
    let after = described(None, Some(&made), &signed).unwrap();
    assert!(matches!(
        after.client_auth,
        UpstreamClientAuth::SignedSecret { .. }
    ));
}

#[test]
fn what_is_missing_is_said_with_what_the_preset_asks_for() {
    let refused = made(json!({})).unwrap_err();
    assert!(refused.contains("client_id (its id)"), "{refused}");
}

#[test]
fn what_settings_may_not_say_is_refused_by_its_member() {
    for (member, value) in [
        ("title", json!(" ")),
        ("title", json!("x".repeat(61))),
        ("client_id", json!("a\nb")),
        ("scopes", json!(["profile"])),
        ("scopes", json!(["openid", "a b"])),
        (
            "parameters",
            json!({ "redirect_uri": "https://evil.example" }),
        ),
        ("parameters", json!({ "state": "s" })),
        ("domains", json!(["Own.example"])),
        ("domains", json!(["localhost"])),
        ("protocol", json!({ "issuer": "http://one.example" })),
        ("protocol", json!({ "issuer": "https://u:p@one.example" })),
        ("protocol", json!({ "issuer": "https://one.example/#f" })),
        (
            "protocol",
            json!({ "issuer": "https://one.example/{tenantid}" }),
        ),
        ("protocol", json!({ "tenants": ["t"] })),
        ("mapping", json!({ "subject": "sub" })),
        ("mapping", json!({ "allowed_roles": ["admin"] })),
        ("trust", json!({ "email": "domains" })),
    ] {
        let mut given = json!({ "client_id": "c" });
        given[member] = value.clone();
        let faults = described(Some(&PRESET), None, &given).unwrap_err();
        assert!(
            faults.iter().any(|fault| fault.member() == member),
            "{member} {value}: {faults}"
        );
    }
    for unknown in [
        json!({ "client_id": "c", "more": 1 }),
        json!([]),
        json!({ "client_id": "c", "trust": { "all": true } }),
    ] {
        assert!(made(unknown.clone()).is_err(), "{unknown}");
    }
    let local = json!({ "client_id": "c", "protocol": { "issuer": "http://localhost:8080" } });
    assert!(made(local).is_ok());
}

#[test]
fn a_name_stands_in_addresses_as_it_is() {
    assert!(UpstreamName::parse("kakao-2").is_ok());
    for name in ["", "Kakao", "a/b", "a b", "\u{ac00}", &"x".repeat(33)] {
        assert!(UpstreamName::parse(name).is_err(), "{name}");
    }
}
