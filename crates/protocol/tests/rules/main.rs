//! Tables for the rules that decide without touching the world.
#![allow(clippy::unwrap_used)]

mod redirect_uris;

use latchkey_protocol::{
    ClientId, Params, Reason, ScopeSet, Secret, Timestamp, authorize::Prompt, client::Client,
    client_auth::Credentials, kind, pkce, registration::Registration, secret::Pepper,
};
use serde_json::{Value, json};

#[test]
fn pkce_compares_by_s256_and_takes_neither_half_alone() {
    // RFC 7636 appendix B.
    let (verifier, challenge) = (
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    );
    assert_eq!(pkce::verify(Some(challenge), Some(verifier)), Ok(()));
    assert_eq!(
        pkce::verify(Some(challenge), None),
        Err(Reason::VerifierMissing)
    );
    assert_eq!(
        pkce::verify(None, Some(verifier)),
        Err(Reason::VerifierUnexpected)
    );
    for wrong in [challenge, "short", "", &"a".repeat(129)] {
        assert_eq!(
            pkce::verify(Some(challenge), Some(wrong)),
            Err(Reason::VerifierWrong),
            "{wrong}"
        );
    }
}

#[test]
fn prompts_scopes_and_parameters_are_read_strictly() {
    assert!(Prompt::parse("login consent").is_ok_and(|p| p.login && p.consent && !p.none));
    assert!(Prompt::parse("none consent").is_err() && Prompt::parse("NONE").is_err());
    assert_eq!(ScopeSet::parse("b a  b").unwrap().to_string(), "b a");
    assert!(ScopeSet::parse("a\"").is_none() && ScopeSet::parse("a\n").is_none());
    let params = Params::parse(b"a=1&b=&c=%41%2B+&a=2");
    assert_eq!(
        (
            params.optional("a"),
            params.optional("b"),
            params.optional("c")
        ),
        (Some("1"), None, Some("A+ "))
    );
    assert_eq!(
        params.sound().unwrap_err().reason,
        Reason::ParameterRepeated
    );
}

#[test]
fn a_parameter_that_is_no_percent_encoded_utf8_or_holds_a_control_character_is_never_seen() {
    for malformed in [
        "a=%00",
        "a=\0",
        "a=%FF",
        "a=%C3",
        "a=%ED%A0%80",
        "a=%1B",
        "a=%",
        "a=%4",
        "a=%zz",
        "a=1%00",
        "%00=1",
    ] {
        let params = Params::parse(format!("b=2&{malformed}&c=3").as_bytes());
        assert_eq!(
            params.sound().unwrap_err().reason,
            Reason::ParameterMalformed,
            "{malformed}"
        );
        assert_eq!(
            (params.optional("a"), params.optional("c")),
            (None, Some("3")),
            "{malformed}"
        );
        assert!(
            params.sound_in(&["b", "c"]).is_ok() && !params.encoded().contains("00"),
            "{malformed}"
        );
    }
    assert!(Params::parse(b"a=\xff").sound().is_err());
    for fine in [
        "a=%ED%95%9C",
        "a=\u{d55c}",
        "a=%0A%09%0D",
        "a=%25",
        "a=+",
        "a=%2b",
        "a",
        "=",
        "a=b=c",
    ] {
        assert_eq!(Params::parse(fine.as_bytes()).sound(), Ok(()), "{fine}");
    }
    assert_eq!(Params::parse(b"a=b=c%3D+%2B").optional("a"), Some("b=c= +"));
    let both = Params::parse(b"x=%FF&y=1&y=2");
    assert!(
        both.sound_in(&["x"]).is_err() && both.sound_in(&["y"]).is_err(),
        "each fault is known by its name"
    );
    let pairs = |value: &str| Params::from_pairs([("a".to_owned(), value.to_owned())]);
    assert!(
        pairs("\0").sound().is_err() && pairs("%00").sound().is_ok(),
        "finished pairs are not decoded again"
    );
}

#[test]
fn each_client_authenticates_by_its_registered_method_alone() {
    let pepper = Pepper::derive(&[3; 32], "test");
    let client = |method: Option<&str>| {
        let json = json!({ "redirect_uris": ["https://a.example/"], "token_endpoint_auth_method": method });
        let metadata = Registration::parse(&json).unwrap().metadata;
        let secret = (!metadata.is_public()).then(|| pepper.digest(&["c", "s:%& +"]));
        Client {
            id: ClientId::new("c"),
            secret,
            sealed_secret: None,
            secret_since: None,
            former_secret: None,
            disabled_at: None,
            metadata,
            created_at: Timestamp::from_seconds(0),
            version: 0,
        }
    };
    // Basic of the form-urlencoded `c` and `s:%& +` (RFC 6749 2.3.1).
    let basic = Some("Basic YzpzJTNBJTI1JTI2KyUyQg==");
    let post = "client_id=c&client_secret=s%3A%25%26+%2B";
    let table: [(&str, Option<&str>, &str, Option<Reason>); 13] = [
        ("client_secret_basic", basic, "client_id=c", None),
        (
            "client_secret_basic",
            Some("Basic Yzp4"),
            "",
            Some(Reason::ClientSecretWrong),
        ),
        (
            "client_secret_basic",
            None,
            post,
            Some(Reason::ClientAuthMethodWrong),
        ),
        ("client_secret_post", None, post, None),
        (
            "client_secret_post",
            None,
            "client_id=c",
            Some(Reason::ClientAuthMethodWrong),
        ),
        (
            "client_secret_post",
            basic,
            "",
            Some(Reason::ClientAuthMethodWrong),
        ),
        ("none", None, "client_id=c", None),
        ("none", None, post, Some(Reason::ClientAuthMethodWrong)),
        // Where none was named, both ways of sending a secret are good, and none without one.
        ("", basic, "", None),
        ("", None, post, None),
        ("", None, "client_id=c", Some(Reason::ClientAuthMethodWrong)),
        ("", Some("Basic Yzp4"), "", Some(Reason::ClientSecretWrong)),
        (
            "",
            None,
            "client_id=c&client_secret=x",
            Some(Reason::ClientSecretWrong),
        ),
    ];
    for (method, header, form, expected) in table {
        let presented = Credentials::parse(header, &Params::parse(form.as_bytes()))
            .ok()
            .unwrap();
        let refused = presented
            .authenticate(
                &client(Some(method).filter(|m| !m.is_empty())),
                &pepper,
                Timestamp::EPOCH,
            )
            .err()
            .map(|r| r.reason);
        assert_eq!(refused, expected, "{method} {header:?} {form}");
    }
}

#[test]
fn registrations_are_refused_by_their_rfc7591_code() {
    let table: [(Value, &str); 7] = [
        (json!([]), "invalid_client_metadata"),
        (json!({}), "invalid_redirect_uri"),
        (
            json!({ "redirect_uris": ["http://a.example/"] }),
            "invalid_redirect_uri",
        ),
        (
            json!({ "redirect_uris": ["https://a.example/"], "response_types": ["token"] }),
            "invalid_client_metadata",
        ),
        (
            json!({ "redirect_uris": ["https://a.example/"], "grant_types": ["password"] }),
            "invalid_client_metadata",
        ),
        (
            json!({ "redirect_uris": ["https://a.example/"], "client_id": "a\nb" }),
            "invalid_client_metadata",
        ),
        (
            json!({ "redirect_uris": ["https://a.example/"], "logo_uri": "javascript:x" }),
            "invalid_client_metadata",
        ),
    ];
    for (metadata, code) in table {
        assert_eq!(
            Registration::parse(&metadata).unwrap_err().code,
            code,
            "{metadata}"
        );
    }
    let lenient = json!({ "redirect_uris": ["https://a.example/"], "client_name": null, "something_new": { "a": 1 } });
    assert!(
        Registration::parse(&lenient).is_ok(),
        "null is absent, unknown members are ignored"
    );
}

#[test]
fn secrets_do_not_print_and_their_successors_need_the_parent() {
    struct Fixed;
    impl latchkey_protocol::Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(9);
        }
    }
    let secret = Secret::<kind::RefreshToken>::generate(&Fixed);
    assert_eq!(format!("{secret:?}"), "Secret(..)");
    assert_eq!(
        Secret::<kind::Session>::presented(secret.expose()),
        None,
        "one kind does not pass as another"
    );
    let next = secret.successor("family");
    assert_eq!(next, secret.successor("family"));
    assert_ne!(next, secret.successor("another"));
}
