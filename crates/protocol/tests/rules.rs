//! Tables for the rules that decide without touching the world.
#![allow(clippy::unwrap_used)]

use latchkey_protocol::{
    Params, Reason, ScopeSet, Secret, SecretKind,
    authorize::Prompt,
    client::Client,
    client_auth::Credentials,
    pkce,
    redirect_uri::{self, RedirectRules},
    registration::Registration,
    secret::Pepper,
    uri,
};
use serde_json::{Value, json};

#[test]
fn a_redirect_uri_matches_character_by_character_or_but_for_a_loopback_port() {
    let table = [
        ("https://a.example/cb", "https://a.example/cb", false, true),
        (
            "https://a.example/cb",
            "https://a.example/cb/",
            false,
            false,
        ),
        (
            "https://a.example/cb",
            "https://a.example:443/cb",
            false,
            false,
        ),
        (
            "https://a.example/cb?x=1",
            "https://a.example/cb?x=1&y=2",
            false,
            false,
        ),
        (
            "http://127.0.0.1/cb",
            "http://127.0.0.1:8080/cb",
            false,
            false,
        ),
        (
            "http://127.0.0.1/cb",
            "http://127.0.0.1:8080/cb",
            true,
            true,
        ),
        ("http://[::1]/cb", "http://[::1]:9/cb", true, true),
        ("http://127.0.0.1/cb", "http://[::1]:9/cb", true, false),
        (
            "http://127.0.0.1/cb",
            "http://127.0.0.1:70000/cb",
            true,
            false,
        ),
        (
            "http://127.0.0.1/cb",
            "http://127.0.0.1:80@evil.example/cb",
            true,
            false,
        ),
        (
            "http://127.0.0.1/cb",
            "http://127.0.0.1.evil.example/cb",
            true,
            false,
        ),
        // Common libraries write nothing else for a loopback address.
        (
            "http://localhost/cb",
            "http://localhost:8080/cb",
            true,
            true,
        ),
        (
            "http://localhost:1/cb?x",
            "http://localhost/cb?x",
            true,
            true,
        ),
        (
            "http://localhost/cb",
            "http://localhost:8080/cb",
            false,
            false,
        ),
        (
            "http://localhost/cb",
            "http://127.0.0.1:8080/cb",
            true,
            false,
        ),
        (
            "http://localhost/cb",
            "http://localhost.evil.example/cb",
            true,
            false,
        ),
        (
            "http://localhost/cb",
            "http://localhost:@evil.example/cb",
            true,
            false,
        ),
        (
            "http://localhost/cb",
            "https://localhost:8080/cb",
            true,
            false,
        ),
    ];
    for (registered, presented, native, expected) in table {
        assert_eq!(
            uri::matches(registered, presented, native),
            expected,
            "{registered} {presented} {native}"
        );
    }
}

/// Whether a web or a native client may register it, and in a laboratory.
fn registrable(text: &str, native: bool, private_http: bool) -> bool {
    redirect_uri::problem(
        text,
        RedirectRules {
            native,
            private_http,
        },
    )
    .is_none()
}

#[test]
fn only_safe_redirect_uris_can_be_registered() {
    let table = [
        ("https://a.example/cb", false, true),
        ("http://localhost:3000/cb", false, true),
        ("http://a.example/cb", false, false),
        ("https://a.example/cb#x", false, false),
        ("https://u:p@a.example/", false, false),
        ("https://*.example/", false, false),
        ("https://a.example/\u{ac00}", false, false),
        ("javascript:alert(1)", true, false),
        ("com.example.app:/cb", true, true),
        ("com.example.app:/cb", false, false),
        ("myapp://cb", false, false),
        ("/cb", false, false),
    ];
    for (text, native, good) in table {
        assert_eq!(registrable(text, native, false), good, "{text} {native}");
    }
}

#[test]
fn native_apps_have_schemes_of_their_own_and_none_that_means_something_else() {
    for text in [
        "vscode://publisher.extension/cb",
        "myapp://cb",
        "myapp:/cb",
        "msal1234://auth",
        "cursor://x/y?z=1",
    ] {
        assert!(registrable(text, true, false), "{text}");
        assert!(!registrable(text, false, false), "{text}");
    }
    for text in [
        "javascript://x/%0Aalert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "blob:https://a.example/x",
        "about:blank",
        "vbscript:x",
        "view-source:https://a.example/",
        "filesystem:https://a.example/x",
        "httpx://a",
        "http+unix://a",
        "ws://a/",
        "wss://a/",
        "urn:ietf:wg:oauth:2.0:oob",
        "mailto:a@b.example",
        "ms-msdt:/x",
        "chrome-extension://a/",
        "localhost:3000/cb",
        "myhost:8080/cb",
        "JavaScript:alert(1)",
    ] {
        assert!(!registrable(text, true, true), "{text}");
    }
}

#[test]
fn plain_http_to_private_addresses_is_for_laboratories_alone() {
    for text in [
        "http://10.0.0.5:8080/cb",
        "http://172.16.0.1/cb",
        "http://192.168.1.20/cb",
        "http://169.254.1.1/cb",
        "http://[fd00::1]/cb",
        "http://[fe80::1]:3000/cb",
        "http://app.test/cb",
        "http://nas.local/cb",
        "http://git.corp.internal/cb",
        "http://box.home.arpa/cb",
        "http://grafana:3000/cb",
    ] {
        assert!(registrable(text, false, true), "{text}");
        assert!(
            !registrable(text, false, false) && !registrable(text, true, false),
            "{text}"
        );
    }
    for text in [
        "http://a.example/cb",
        "http://8.8.8.8/cb",
        "http://172.32.0.1/cb",
        "http://10.0.0.1.evil.example/",
        "http://[2001:db8::1]/",
    ] {
        assert!(!registrable(text, true, true), "{text}");
    }
}

#[test]
fn a_redirect_uri_that_is_printed_otherwise_is_refused_with_what_to_write() {
    for (text, printed) in [
        ("https://APP.example/cb", "https://app.example/cb"),
        ("HTTPS://app.example/cb", "https://app.example/cb"),
        ("https:app.example/cb", "https://app.example/cb"),
        ("https:///app.example/cb", "https://app.example/cb"),
        ("https://app.example/a/../cb", "https://app.example/cb"),
        ("https://app.example/a/%2e%2E/cb", "https://app.example/cb"),
        ("https://app.example/./cb", "https://app.example/cb"),
        ("https://ex%61mple.org/cb", "https://example.org/cb"),
        (
            "https://app.example/{tenant}",
            "https://app.example/%7Btenant%7D",
        ),
        ("https://app.example/cb?a='", "https://app.example/cb?a=%27"),
        ("http://127.1/cb", "http://127.0.0.1/cb"),
        ("http://[0:0::1]/cb", "http://[::1]/cb"),
        ("https://app.example:0443/cb", "https://app.example/cb"),
        ("https://app.example:/cb", "https://app.example/cb"),
        ("MyApp://cb", "myapp://cb"),
    ] {
        let fault = redirect_uri::problem(
            text,
            RedirectRules {
                native: true,
                private_http: false,
            },
        )
        .unwrap_or_default();
        assert!(
            fault.ends_with(&format!("write {printed}")),
            "{text}: {fault}"
        );
    }
    for text in [
        "https://a.example/c\tb",
        "https://a.example\\cb",
        "https://a.example/c\nb",
        "ht\ttps://a.example/",
    ] {
        assert!(!registrable(text, true, true), "{text:?}");
    }
    for harmless in [
        "https://app.example",
        "https://app.example?x=1",
        "https://app.example:443/cb",
        "https://app.example:443",
        "http://localhost:80/cb",
        "http://127.0.0.1",
        "https://app.example/%2F%2f/%7Euser/?a=%20&b=[]",
        "https://app.example//cb",
    ] {
        assert!(registrable(harmless, false, false), "{harmless}");
    }
}

#[test]
fn answers_are_added_to_a_registered_query_as_it_stands() {
    let pairs = [("a", "b c&=%+")];
    assert_eq!(
        uri::with_query("https://x/cb", &pairs),
        "https://x/cb?a=b%20c%26%3D%25%2B"
    );
    assert_eq!(
        uri::with_query("https://x/cb?q=%41", &pairs),
        "https://x/cb?q=%41&a=b%20c%26%3D%25%2B"
    );
}

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
            id: "c".into(),
            secret,
            metadata,
            created_at: 0,
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
            .authenticate(&client(Some(method).filter(|m| !m.is_empty())), &pepper)
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
    let secret = Secret::generate(SecretKind::RefreshToken, &Fixed);
    assert_eq!(format!("{secret:?}"), "Secret(..)");
    assert_eq!(
        Secret::presented(SecretKind::Session, secret.expose()),
        None,
        "one kind does not pass as another"
    );
    let next = secret.successor(SecretKind::RefreshToken, "family");
    assert_eq!(next, secret.successor(SecretKind::RefreshToken, "family"));
    assert_ne!(next, secret.successor(SecretKind::RefreshToken, "another"));
}
