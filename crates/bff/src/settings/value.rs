//! What the text of a setting must look like; each function returns the value, or what is wrong in words that follow the
//! setting's name.

use std::{path::Path, time::Duration};

use http::{HeaderName, Uri, uri::PathAndQuery};
use url::{Host, Url};

type Parsed<T> = Result<T, String>;

/// Seconds in `90s`, `5m`, `12h`, `30d`.
pub fn seconds(given: &str) -> Parsed<i64> {
    const UNITS: [(char, i64); 4] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    let unit = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((given.strip_suffix(*unit)?, factor)));
    unit.and_then(|(number, factor)| Some((number.parse::<i64>().ok()?, factor)))
        .filter(|(number, _)| (1..=100_000).contains(number))
        .map(|(number, factor)| number * factor)
        .ok_or_else(|| format!("is {given:?}; a duration looks like 90s, 5m, 12h or 30d"))
}

pub fn patience(given: &str) -> Parsed<Duration> {
    Ok(Duration::from_secs(seconds(given)?.unsigned_abs()))
}

pub fn listen(given: &str) -> Parsed<String> {
    let (host, port) = given.rsplit_once(':').unwrap_or_default();
    if !host.is_empty() && port.parse::<u16>().is_ok() {
        return Ok(given.to_owned());
    }
    Err(format!(
        "is {given:?}; it must be an address and a port, such as 127.0.0.1:8090"
    ))
}

/// A file's path is relative to the folder of the settings.
pub fn store(given: &str, folder: &Path) -> Parsed<String> {
    if let Some(path) = given
        .strip_prefix("sqlite://")
        .or_else(|| given.strip_prefix("sqlite:"))
    {
        return Ok(format!("sqlite://{}", folder.join(path).display()));
    }
    let known = ["postgres://", "postgresql://", "redis://"];
    if given == "memory" || known.iter().any(|scheme| given.starts_with(scheme)) {
        return Ok(given.to_owned());
    }
    // Its password is nobody's to read.
    Err("must be memory, or start with sqlite://, postgres:// or redis://".into())
}

pub fn some(given: &str) -> Parsed<String> {
    if given.is_empty() {
        return Err("is empty".into());
    }
    Ok(given.to_owned())
}

pub fn scope(given: &str) -> Parsed<String> {
    if given.split(' ').any(|scope| scope == "openid") {
        return Ok(given.to_owned());
    }
    Err("must contain openid: without it there is no user".into())
}

pub fn header_value(given: &str) -> Parsed<String> {
    match http::HeaderValue::from_str(given) {
        Ok(_) => Ok(given.to_owned()),
        Err(_) => Err("cannot stand in a header".into()),
    }
}

/// The headers that are never passed on, whatever the settings say.
const NEVER: [&str; 14] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "origin",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The name of a header that may be passed on.
pub fn request_header(given: &str) -> Parsed<HeaderName> {
    let name: HeaderName = given
        .parse()
        .map_err(|_| format!("has {given:?}, which is no name of a header"))?;
    let refused = ["x-forwarded-", "x-latchkey-", "proxy-", "sec-"];
    let refused = refused.iter().any(|start| name.as_str().starts_with(start));
    if refused || NEVER.contains(&name.as_str()) {
        return Err(format!("has {given:?}, which is never passed on"));
    }
    Ok(name)
}

/// What browsers see: https, or http at this machine, where browsers take `Secure` cookies too.
///
/// # Errors
/// What is wrong with it.
pub fn own_origin(given: &str) -> Parsed<String> {
    let bad = |why: &str| Err(format!("is {given:?}; {why}"));
    let Ok(url) = Url::parse(given) else {
        return bad("it must be an address such as https://shop.example.org");
    };
    let origin = url.origin().ascii_serialization();
    if origin != given {
        return bad(&format!(
            "it must be scheme, host and port alone: {origin:?}"
        ));
    }
    let at_home = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() == "https" || url.scheme() == "http" && at_home {
        return Ok(origin);
    }
    bad("it must be https (http is for this machine alone)")
}

/// Where calls come in: whole segments below `/api`.
///
/// # Errors
/// What is wrong with it.
pub fn upstream_path(given: &str) -> Parsed<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let segments: Vec<_> = given.split('/').skip(1).collect();
    let are_plain = segments.iter().all(|segment| {
        !segment.is_empty() && *segment != "." && *segment != ".." && segment.bytes().all(plain)
    });
    if given.starts_with('/') && segments.first() == Some(&"api") && are_plain {
        return Ok(given.to_owned());
    }
    Err(format!(
        "is {given:?}; it must be /api or begin with /api/, without a slash at its end and without escapes"
    ))
}

/// Where calls go: scheme, host and port, and what stands before the rest of the path.
///
/// # Errors
/// What is wrong with it.
pub fn upstream_address(given: &str) -> Parsed<(Uri, String)> {
    let bad = |why: &str| Err(format!("is {given:?}; {why}"));
    let Ok(uri) = given.parse::<Uri>() else {
        return bad("it must be an address such as http://127.0.0.1:9104/orders");
    };
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    let Some(authority) = uri.authority().filter(|_| is_http) else {
        return bad("it must begin with http:// or https://");
    };
    if authority.as_str().contains('@') || uri.query().is_some() || given.contains('#') {
        return bad("it must have no user, no query and no fragment");
    }
    let prefix = uri.path().trim_end_matches('/').to_owned();
    let mut parts = uri.into_parts();
    parts.path_and_query = Some(PathAndQuery::from_static("/"));
    match Uri::from_parts(parts) {
        Ok(to) => Ok((to, prefix)),
        Err(_) => bad("it cannot be called"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_https_or_this_machine_and_nothing_more() {
        for good in [
            "https://shop.example",
            "http://localhost:8090",
            "http://127.0.0.1:1",
            "http://[::1]:1",
        ] {
            assert_eq!(own_origin(good).as_deref(), Ok(good));
        }
        for bad in [
            "shop.example",
            "https://shop.example/",
            "https://shop.example/app",
            "http://shop.example",
            "https://Shop.example",
            "https://shop.example:443",
            "https://u@shop.example",
            "http://localhost.example",
            "file:///x",
        ] {
            assert!(own_origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_path_of_an_upstream_lies_below_api_and_needs_no_decoding() {
        for good in ["/api", "/api/orders", "/api/v1.2/a-b_c~d"] {
            assert!(upstream_path(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/",
            "api",
            "/apis",
            "/bff",
            "/api/",
            "/api//a",
            "/api/../bff",
            "/api/.",
            "/api/%61",
            "/api/a b",
            "/api/a?b",
        ] {
            assert!(upstream_path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_address_of_an_upstream_is_taken_apart() {
        let (to, prefix) = upstream_address("http://127.0.0.1:9104/v1/orders/").unwrap();
        assert_eq!(
            (to.to_string().as_str(), &*prefix),
            ("http://127.0.0.1:9104/", "/v1/orders")
        );
        assert_eq!(upstream_address("https://api.example").unwrap().1, "");
        for bad in [
            "",
            "/orders",
            "ftp://a",
            "http://u:p@a/",
            "http://a/?b=c",
            "http://a/#b",
            "unix:/run/a",
        ] {
            assert!(upstream_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn headers_that_carry_credentials_or_belong_to_the_connection_cannot_be_let_through() {
        assert!(request_header("X-Tenant").is_ok());
        for bad in [
            "Cookie",
            "authorization",
            "X-Forwarded-For",
            "X-Latchkey-BFF",
            "Upgrade",
            "Proxy-Anything",
            "a b",
            "",
        ] {
            assert!(request_header(bad).is_err(), "{bad}");
        }
    }
}
