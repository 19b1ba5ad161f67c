//! Redirect URIs: what may be registered, and what matches it.

use latchkey_protocol::{
    redirect_uri::{self, RedirectRules},
    uri,
};

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
        .map(|fault| fault.sentence)
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
