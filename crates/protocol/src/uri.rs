//! Addresses: how a sent redirect URI is compared with a registered one, and how an answer is added to it.

use url::Url;

/// Whether a presented redirect URI is the registered one: the same characters, query included
/// (RFC 9700 2.1). The one exception is the port of a native client's loopback address (RFC 8252 7.3), which may be
/// written as `localhost`: common libraries write nothing else.
pub fn matches(registered: &str, presented: &str, native: bool) -> bool {
    if registered == presented {
        return true;
    }
    native
        && without_loopback_port(registered)
            .is_some_and(|r| Some(r) == without_loopback_port(presented))
}

/// Splits `http://127.0.0.1:PORT/rest`, or the same with `[::1]` or `localhost`, into what is left without the port.
fn without_loopback_port(uri: &str) -> Option<(&str, &str)> {
    let (host, rest) = ["http://127.0.0.1", "http://[::1]", "http://localhost"]
        .iter()
        .find_map(|host| uri.strip_prefix(host).map(|rest| (*host, rest)))?;
    let Some(after) = rest.strip_prefix(':') else {
        return (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((host, rest));
    };
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    let (port, path) = after.split_at(digits);
    let valid = port.parse::<u16>().is_ok() && (path.is_empty() || path.starts_with(['/', '?']));
    valid.then_some((host, path))
}

/// Whether the host is this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// The origin of `uri` as a Content-Security-Policy source.
pub fn origin(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok()?;
    match url.origin() {
        origin @ url::Origin::Tuple(..) => Some(origin.ascii_serialization()),
        url::Origin::Opaque(_) => Some(format!("{}:", url.scheme())),
    }
}

/// The host of an address, without its port.
pub fn host(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok()?;
    Some(url.host_str()?.to_owned())
}

/// `uri` with `pairs` added to its query, whatever was there kept as it stood (RFC 6749 3.1.2).
pub fn with_query(uri: &str, pairs: &[(&str, &str)]) -> String {
    let mut encoder = url::form_urlencoded::Serializer::new(String::new());
    encoder.extend_pairs(pairs);
    // A plus sign means a space only in forms; in a URI %20 is understood everywhere.
    let added = encoder.finish().replace('+', "%20");
    if added.is_empty() {
        return uri.to_owned();
    }
    let joint = match uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, query)) if query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{uri}{joint}{added}")
}
