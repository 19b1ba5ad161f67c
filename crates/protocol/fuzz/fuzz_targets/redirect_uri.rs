//! Redirect URIs: a match is the same text, or the same loopback address with another port.
#![no_main]
use latchkey_protocol::{
    redirect_uri::{RedirectRules, problem},
    uri::matches,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let text = text.as_ref();
    // What is harmless in a path can be registered, and what was registered is matched.
    let path: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    let harmless = format!("https://app.example/{path}");
    assert_eq!(problem(&harmless, RedirectRules::default()), None);
    assert!(matches(&harmless, &harmless, false));
    if problem(
        text,
        RedirectRules {
            native: true,
            private_http: true,
        },
    )
    .is_none()
    {
        let scheme = text.split(':').next().unwrap_or_default();
        assert!(
            !["javascript", "data", "file"].contains(&scheme)
                && scheme == scheme.to_ascii_lowercase()
        );
    }
    for registered in [
        "https://app.example/cb",
        "http://127.0.0.1/cb",
        "http://[::1]:1/cb?x",
        "http://localhost/cb",
        "com.example:/cb",
    ] {
        assert_eq!(matches(registered, text, false), registered == text);
        if matches(registered, text, true) && registered != text {
            let hosts = ["http://127.0.0.1", "http://[::1]", "http://localhost"];
            let host = hosts
                .iter()
                .find(|host| registered.starts_with(**host))
                .expect("a loopback address");
            let rest = text.strip_prefix(*host).expect("the same host");
            let rest = rest
                .strip_prefix(':')
                .unwrap_or(rest)
                .trim_start_matches(|c: char| c.is_ascii_digit());
            assert!(
                registered.ends_with(rest) && (rest.is_empty() || rest.starts_with(['/', '?']))
            );
        }
    }
});
