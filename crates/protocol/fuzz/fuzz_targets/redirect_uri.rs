//! Redirect URIs: a match is the same text, or the same loopback address with another port.
#![no_main]
use latchkey_protocol::uri::{matches, redirect_fault};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = redirect_fault(text, true);
    for registered in ["https://app.example/cb", "http://127.0.0.1/cb", "http://[::1]:1/cb?x", "com.example:/cb"] {
        assert_eq!(matches(registered, text, false), registered == text);
        if matches(registered, text, true) && registered != text {
            assert!(registered.starts_with("http://127.0.0.1") || registered.starts_with("http://[::1]"));
            let rest = text.strip_prefix("http://127.0.0.1").or_else(|| text.strip_prefix("http://[::1]")).expect("the same host");
            let rest = rest.strip_prefix(':').unwrap_or(rest).trim_start_matches(|c: char| c.is_ascii_digit());
            assert!(registered.ends_with(rest) && (rest.is_empty() || rest.starts_with(['/', '?'])));
        }
    }
});
