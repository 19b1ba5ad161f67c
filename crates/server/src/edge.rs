//! Who is calling, past the proxies that we trust.

use std::{
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use actix_web::{
    dev::ServiceRequest,
    http::header::{FORWARDED, HeaderMap, HeaderName, X_FORWARDED_FOR},
};

/// How often a peer that we do not trust is named in the log for its forwarded headers.
const TOLD: Duration = Duration::from_secs(60);

/// How callers reach us.
pub struct Edge {
    /// Networks whose word about the caller's address counts.
    trusted_proxies: Vec<ipnet::IpNet>,
    /// The one header that they write. Another one is the caller's own.
    header: HeaderName,
    /// Whether browsers are told never to come by plain HTTP again (RFC 6797). Not on a developer's own host, whose
    /// other ports they would no longer reach.
    pub strict_transport: bool,
    born: Instant,
    /// Milliseconds after `born` from which on the next warning may be written.
    silent_until: AtomicU64,
}

impl Edge {
    /// `header`: `X-Forwarded-For` or `Forwarded`.
    pub fn new(trusted_proxies: Vec<ipnet::IpNet>, header: &str, strict_transport: bool) -> Self {
        let header = if header.eq_ignore_ascii_case("Forwarded") {
            FORWARDED
        } else {
            X_FORWARDED_FOR
        };
        let silent_until = AtomicU64::new(0);
        Self {
            trusted_proxies,
            header,
            strict_transport,
            born: Instant::now(),
            silent_until,
        }
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|net| net.contains(&ip))
    }

    /// The caller's address: the last hop that is no trusted proxy, if a trusted proxy speaks.
    pub fn peer(&self, request: &ServiceRequest) -> Option<IpAddr> {
        let direct = request.peer_addr()?.ip().to_canonical();
        if self.trusts(direct) {
            return Some(self.outermost(direct, request.headers()));
        }
        let claims = |name| request.headers().contains_key(name);
        if (claims(X_FORWARDED_FOR) || claims(FORWARDED)) && self.may_tell(self.born.elapsed()) {
            tracing::warn!(
                peer = %direct,
                "forwarded headers come from an address that is not among trusted_proxies, and are ignored; if it is \
                 your proxy, name it there (said at most once a minute)"
            );
        }
        Some(direct)
    }

    /// From right to left, because each proxy adds what it saw on the right: what a caller sent stands further left.
    fn outermost(&self, direct: IpAddr, headers: &HeaderMap) -> IpAddr {
        // Bytes that are no text are the caller's, and must not hide what the proxy put beside them.
        let lines = headers
            .get_all(&self.header)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let text = lines.collect::<Vec<_>>().join(",");
        let hop = |part| {
            if self.header == FORWARDED {
                forwarded_for(part)
            } else {
                part
            }
        };
        let mut last = direct;
        for ip in text.rsplit(',').map_while(|part| address(hop(part))) {
            last = ip;
            if !self.trusts(ip) {
                break;
            }
        }
        last
    }

    /// Whether the warning is due `since` the start. Strangers cause it, so it is bounded.
    fn may_tell(&self, since: Duration) -> bool {
        let now = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let silent = self.silent_until.load(Ordering::Relaxed);
        let next = now.saturating_add(u64::try_from(TOLD.as_millis()).unwrap_or(u64::MAX));
        now >= silent
            && self
                .silent_until
                .compare_exchange(silent, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

/// The `for` of a hop (RFC 7239 4).
fn forwarded_for(hop: &str) -> &str {
    let named = |pair: &&str| {
        pair.trim()
            .get(..4)
            .is_some_and(|name| name.eq_ignore_ascii_case("for="))
    };
    hop.split(';')
        .find(named)
        .map_or("", |pair| &pair.trim()[4..])
}

/// An address as proxies write it: bare, in quotes, in brackets, with a port.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim().trim_matches('"');
    let bare = hop
        .strip_prefix('[')
        .and_then(|rest| rest.split(']').next())
        .unwrap_or(hop);
    let parsed = bare.parse().ok().or_else(|| {
        bare.parse::<SocketAddr>()
            .ok()
            .map(|with_port| with_port.ip())
    });
    parsed.map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn addresses_as_proxies_write_them() {
        for (written, meant) in [
            ("192.0.2.1", "192.0.2.1"),
            (" \"192.0.2.1:4711\"", "192.0.2.1"),
            ("\"[2001:db8::1]:80\"", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::1", "::1"),
        ] {
            assert_eq!(address(written), meant.parse().ok(), "{written}");
        }
        for garbage in ["", "unknown", "_hidden", "[", "1.2.3"] {
            assert_eq!(address(garbage), None, "{garbage}");
        }
        for (hop, meant) in [
            ("proto=https;For=\"[::1]\";by=x", "\"[::1]\""),
            (" host=a", ""),
            (" for=1.2.3.4", "1.2.3.4"),
        ] {
            assert_eq!(forwarded_for(hop), meant);
        }
    }

    /// Whom a request counts for that a proxy at 10.0.0.1 passes on with these lines, a byte for each character.
    fn counted(header: &str, lines: &[(&str, &str)]) -> String {
        let edge = Edge::new(vec!["10.0.0.0/8".parse().unwrap()], header, false);
        let bytes = |value: &str| {
            value
                .chars()
                .map(|c| u8::try_from(c).unwrap())
                .collect::<Vec<_>>()
        };
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(
                name.parse().unwrap(),
                HeaderValue::from_bytes(&bytes(value)).unwrap(),
            );
        }
        edge.outermost("10.0.0.1".parse().unwrap(), &headers)
            .to_string()
    }

    #[test]
    fn only_the_named_header_counts_and_only_what_the_proxies_put_into_it() {
        const CUSTOMARY: &str = "X-Forwarded-For";
        for (header, lines, meant) in [
            (
                CUSTOMARY,
                &[(CUSTOMARY, "203.0.113.1")] as &[_],
                "203.0.113.1",
            ),
            (
                CUSTOMARY,
                &[(CUSTOMARY, "198.51.100.1, 203.0.113.1, 10.9.9.9")],
                "203.0.113.1",
            ),
            // The caller's own `Forwarded` beside the proxy's header.
            (
                CUSTOMARY,
                &[(CUSTOMARY, "203.0.113.1"), ("Forwarded", "for=10.0.0.9")],
                "203.0.113.1",
            ),
            (
                "Forwarded",
                &[("Forwarded", "for=203.0.113.1"), (CUSTOMARY, "10.0.0.9")],
                "203.0.113.1",
            ),
            // The caller's own lines and bytes in the same header.
            (
                CUSTOMARY,
                &[(CUSTOMARY, "10.0.0.9"), (CUSTOMARY, "203.0.113.1")],
                "203.0.113.1",
            ),
            (
                CUSTOMARY,
                &[(CUSTOMARY, "\u{ff}\u{fe}, 203.0.113.1")],
                "203.0.113.1",
            ),
            (
                "Forwarded",
                &[("Forwarded", "for=\"unclosed, for=203.0.113.1")],
                "203.0.113.1",
            ),
            (
                "Forwarded",
                &[(
                    "Forwarded",
                    "for=10.0.0.9;for=10.0.0.8, For=\"[2001:db8::1]:443\"",
                )],
                "2001:db8::1",
            ),
            // Nothing that could be read: the proxy itself.
            (CUSTOMARY, &[("Forwarded", "for=203.0.113.1")], "10.0.0.1"),
            (
                CUSTOMARY,
                &[(CUSTOMARY, "203.0.113.1, unknown")],
                "10.0.0.1",
            ),
            ("Forwarded", &[], "10.0.0.1"),
        ] {
            assert_eq!(counted(header, lines), meant, "{header} {lines:?}");
        }
    }

    #[test]
    fn an_untrusted_peer_is_named_once_a_minute() {
        let edge = Edge::new(Vec::new(), "Forwarded", false);
        let told = [0, 1, 59_999, 60_000, 60_001, 200_000]
            .map(|at| edge.may_tell(Duration::from_millis(at)));
        assert_eq!(told, [true, false, false, true, false, true]);
    }
}
