//! Against forged calls: what another site can have a browser send, with its cookies, is not let through.

use actix_web::http::{Method, header::HeaderMap};

/// The header that no form and no link sends, and that no script of another origin may (Fetch, CORS).
pub const HEADER: &str = "x-latchkey-bff";

/// A call of the app's own scripts: `/api`, `/bff/user`, `/bff/logout`. It has the header `X-Latchkey-BFF: 1`; what the browser
/// says of its origin, where it says something, is this origin.
pub fn is_own_call(method: &Method, headers: &HeaderMap, origin: &str) -> bool {
    one(headers, HEADER) == Said::This("1") && is_own(method, headers, origin)
}

/// A websocket's handshake: scripts can send no header of their own with it, so `Origin` must be there and be ours.
pub fn is_own_handshake(headers: &HeaderMap, origin: &str) -> bool {
    one(headers, "origin") == Said::This(origin) && is_same_origin(headers)
}

fn is_own(method: &Method, headers: &HeaderMap, origin: &str) -> bool {
    let by_origin = match one(headers, "origin") {
        Said::This(said) => said == origin,
        // Browsers say it with everything that may change something (Fetch 3.1).
        Said::Nothing => matches!(*method, Method::GET | Method::HEAD),
        Said::Garbage => false,
    };
    by_origin && is_same_origin(headers)
}

/// Fetch Metadata 2.3. A browser that is too old for it says nothing.
fn is_same_origin(headers: &HeaderMap) -> bool {
    matches!(
        one(headers, "sec-fetch-site"),
        Said::Nothing | Said::This("same-origin")
    )
}

/// A page that the browser goes to: `/bff/login`, `/bff/callback`, not a script, a picture or a frame.
pub fn is_navigation(headers: &HeaderMap) -> bool {
    let mode = matches!(
        one(headers, "sec-fetch-mode"),
        Said::Nothing | Said::This("navigate")
    );
    let destination = matches!(
        one(headers, "sec-fetch-dest"),
        Said::Nothing | Said::This("document")
    );
    mode && destination
}

/// By a page of our own, or by the user: not by a link of another site.
pub fn is_asked_for_here(headers: &HeaderMap) -> bool {
    matches!(
        one(headers, "sec-fetch-site"),
        Said::Nothing | Said::This("same-origin" | "none")
    )
}

#[derive(PartialEq, Eq)]
enum Said<'a> {
    Nothing,
    This(&'a str),
    /// Twice, or not to be read.
    Garbage,
}

fn one<'a>(headers: &'a HeaderMap, name: &'static str) -> Said<'a> {
    let mut all = headers.get_all(name);
    match (all.next(), all.next()) {
        (None, _) => Said::Nothing,
        (Some(value), None) => value.to_str().map_or(Said::Garbage, Said::This),
        (Some(_), Some(_)) => Said::Garbage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    type Given<'a> = &'a [(&'static str, &'static str)];

    const OURS: &str = "https://shop.example";

    fn headers(given: Given<'_>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_call_is_let_through_by_the_header_and_what_the_browser_says_of_its_origin() {
        let own = (HEADER, "1");
        let (ours, theirs) = (("origin", OURS), ("origin", "https://evil.example"));
        let site = |said| ("sec-fetch-site", said);
        let cases: &[(Method, Given<'_>, bool)] = &[
            (Method::GET, &[own], true),
            (Method::HEAD, &[own], true),
            (Method::GET, &[own, ours, site("same-origin")], true),
            (Method::POST, &[own, ours, site("same-origin")], true),
            (Method::POST, &[own, ours], true),
            // Not by a script of ours.
            (Method::GET, &[], false),
            (Method::GET, &[(HEADER, "0")], false),
            (Method::GET, &[own, own], false),
            (Method::GET, &[ours, site("same-origin")], false),
            // Without an origin nothing is changed.
            (Method::POST, &[own], false),
            (Method::DELETE, &[own, site("same-origin")], false),
            (Method::OPTIONS, &[own], false),
            // Another origin, however it says so.
            (Method::GET, &[own, theirs], false),
            (Method::POST, &[own, theirs, site("same-origin")], false),
            (Method::POST, &[own, ("origin", "null")], false),
            (
                Method::POST,
                &[own, ("origin", "https://shop.example:443")],
                false,
            ),
            (
                Method::POST,
                &[own, ("origin", "https://SHOP.example")],
                false,
            ),
            (Method::POST, &[own, ours, theirs], false),
            (Method::GET, &[own, site("same-site")], false),
            (Method::GET, &[own, site("cross-site")], false),
            (Method::GET, &[own, site("none")], false),
            (
                Method::GET,
                &[own, site("same-origin"), site("cross-site")],
                false,
            ),
        ];
        for (method, given, expected) in cases {
            let let_through = is_own_call(method, &headers(given), OURS);
            assert_eq!(let_through, *expected, "{method} {given:?}");
        }
    }

    #[test]
    fn a_handshake_names_our_origin() {
        for (given, expected) in [
            (&[("origin", OURS)][..], true),
            (&[("origin", OURS), ("sec-fetch-site", "same-origin")], true),
            (&[], false),
            (&[(HEADER, "1")], false),
            (&[("origin", "null")], false),
            (&[("origin", "https://evil.example")], false),
            (&[("origin", OURS), ("origin", OURS)], false),
            (&[("origin", OURS), ("sec-fetch-site", "cross-site")], false),
        ] {
            assert_eq!(
                is_own_handshake(&headers(given), OURS),
                expected,
                "{given:?}"
            );
        }
    }

    #[test]
    fn pages_are_gone_to_and_not_fetched_or_framed() {
        for (given, expected) in [
            (&[][..], true),
            (
                &[
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "document"),
                ],
                true,
            ),
            (
                &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
                false,
            ),
            (&[("sec-fetch-mode", "cors")], false),
            (
                &[("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
                false,
            ),
        ] {
            assert_eq!(is_navigation(&headers(given)), expected, "{given:?}");
        }
    }
}
