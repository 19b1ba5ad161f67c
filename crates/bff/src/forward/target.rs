//! Which API a call goes to, and the path there. The path is taken as it came: what two programs could read in two ways is
//! refused, so that no call leaves the path that it was let through for.

use http::uri::PathAndQuery;

use crate::settings::Upstream;

/// How often a path may be escaped upon itself and still be looked through.
const DEEPEST: usize = 5;

/// A path that is refused: 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bad;

/// Where a call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which of the upstreams.
    pub upstream: usize,
    /// At the upstream, with the query byte for byte.
    pub path: PathAndQuery,
}

/// None where no upstream is configured for it.
pub fn find(
    upstreams: &[Upstream],
    path: &str,
    query: Option<&str>,
) -> Result<Option<Target>, Bad> {
    check(path)?;
    let Some((upstream, rest)) = matching(upstreams, path) else {
        return Ok(None);
    };
    let mut path = format!("{}{rest}", upstreams[upstream].prefix);
    if path.is_empty() {
        path.push('/');
    }
    if let Some(query) = query {
        path.push('?');
        path.push_str(query);
    }
    let path = path.parse().map_err(|_| Bad)?;
    Ok(Some(Target { upstream, path }))
}

/// The most specific one, by whole segments, and what follows its path.
fn matching<'a>(upstreams: &[Upstream], path: &'a str) -> Option<(usize, &'a str)> {
    let follows = |upstream: &Upstream| {
        let rest = path.strip_prefix(&*upstream.path)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    };
    let found = upstreams.iter().enumerate();
    let found = found.filter_map(|(at, upstream)| Some((at, follows(upstream)?)));
    found.min_by_key(|(_, rest)| rest.len())
}

/// Segments that are what they look like, however often they are unescaped: no empty one but the last, no `.` or `..`, no
/// slash, backslash, control character or broken UTF-8 in any.
pub fn check(path: &str) -> Result<(), Bad> {
    let mut segments = path.strip_prefix('/').ok_or(Bad)?.split('/').peekable();
    while let Some(segment) = segments.next() {
        if segment.is_empty() && segments.peek().is_some() {
            return Err(Bad);
        }
        check_segment(segment)?;
    }
    Ok(())
}

fn check_segment(segment: &str) -> Result<(), Bad> {
    let mut text = segment.to_owned();
    for depth in 0..DEEPEST {
        // Some servers cut a segment at `;` before they look at its dots.
        let name = text.split(';').next().unwrap_or_default();
        let is_odd = |c: char| c == '/' || c == '\\' || c.is_control();
        if name == "." || name == ".." || text.contains(is_odd) {
            return Err(Bad);
        }
        let plain = unescaped(&text, depth == 0)?;
        if plain == text {
            return Ok(());
        }
        text = plain;
    }
    Err(Bad)
}

/// Unescaped once. `is_strict`: whether a `%` without two digits is refused, as it is in what came over the wire; what comes out
/// of an escape may contain any.
fn unescaped(text: &str, is_strict: bool) -> Result<String, Bad> {
    let (mut plain, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| after.get(..2).and_then(byte));
        match escaped {
            Some(Some(byte)) => {
                plain.push(byte);
                rest = &after[2..];
            }
            Some(None) if is_strict => return Err(Bad),
            Some(None) | None => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(plain).map_err(|_| Bad)
}

fn byte(digits: &[u8]) -> Option<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    let (high, low) = (value(digits[0])?, value(digits[1])?);
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Uri;

    fn upstream(path: &str, prefix: &str) -> Upstream {
        Upstream {
            path: path.into(),
            to: Uri::from_static("http://127.0.0.1:1/"),
            prefix: prefix.into(),
            request_headers: Vec::new(),
            websockets: false,
        }
    }

    fn found(path: &str) -> Result<Option<(usize, String)>, Bad> {
        let upstreams = [
            upstream("/api/orders", "/v1/orders"),
            upstream("/api", ""),
            upstream("/api/orders/old", "/old"),
        ];
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        };
        let target = find(&upstreams, path, query)?;
        Ok(target.map(|target| (target.upstream, target.path.to_string())))
    }

    #[test]
    fn a_call_goes_to_the_most_specific_api_and_keeps_the_rest_of_its_address() {
        for (path, upstream, expected) in [
            ("/api/orders", 0, "/v1/orders"),
            ("/api/orders/", 0, "/v1/orders/"),
            ("/api/orders/7", 0, "/v1/orders/7"),
            (
                "/api/orders/7?a=%2e%2e/&b=//c&%00",
                0,
                "/v1/orders/7?a=%2e%2e/&b=//c&%00",
            ),
            ("/api/orders/a%20b/%C3%A9", 0, "/v1/orders/a%20b/%C3%A9"),
            ("/api/orders/old", 2, "/old"),
            ("/api/orders/older", 0, "/v1/orders/older"),
            ("/api/ordersx", 1, "/ordersx"),
            ("/api/%6Frders", 1, "/%6Frders"),
            ("/api", 1, "/"),
            ("/api?x", 1, "/?x"),
            ("/api/", 1, "/"),
            ("/api/a...b/..c/.d", 1, "/a...b/..c/.d"),
            ("/api/50%25", 1, "/50%25"),
        ] {
            assert_eq!(
                found(path),
                Ok(Some((upstream, expected.to_owned()))),
                "{path}"
            );
        }
        for path in ["/apis", "/bff/user", "/", "/API/orders"] {
            assert_eq!(found(path), Ok(None), "{path}");
        }
    }

    #[test]
    fn a_path_that_could_be_read_in_two_ways_is_refused() {
        for path in [
            "/api/..",
            "/api/../bff",
            "/api/orders/..",
            "/api/orders/../../etc",
            "/api/.",
            "/api/./orders",
            "/api//orders",
            "//api/orders",
            "/api/orders//",
            "/api/%2e%2e",
            "/api/%2E%2E/x",
            "/api/.%2e",
            "/api/%2e./x",
            "/api/%2e",
            "/api/a%2fb",
            "/api/a%2Fb",
            "/api/%2f",
            "/api/..%2f..%2fetc",
            "/api/a%5cb",
            "/api/a%5Cb",
            "/api/..%5c",
            "/api/a%00",
            "/api/%00",
            "/api/a%0d%0aX:y",
            "/api/a%0a",
            "/api/%09",
            "/api/%7f",
            "/api/%252e%252e",
            "/api/%252f",
            "/api/%25252e%25252e",
            "/api/%2525252525252e",
            "/api/..;/admin",
            "/api/..;a=b/admin",
            "/api/%2e%2e;/admin",
            "/api/..%3b/admin",
            "/api/.;/x",
            "/api/%c0%ae%c0%ae",
            "/api/%c0%af",
            "/api/%ff",
            "/api/%",
            "/api/%2",
            "/api/%zz",
            "/api/%2g",
            "/api/a%u002e",
            "/api/orders/%2e%2e%2f%2e%2e",
            "/api/%c2%80",
            "",
            "api/orders",
            "*",
            "http://evil.example/api/orders",
        ] {
            assert_eq!(found(path), Err(Bad), "{path}");
        }
    }
}
