//! The issuer stands in every token, and clients compare it character by character (RFC 8414 3.3, OpenID Connect
//! Discovery 4.3). So it has one spelling, and cookies and redirects can rely on it.

use latchkey_protocol::uri::is_loopback;
use url::Url;

/// What is wrong with the issuer, and what to write instead. Plain http off this host passes with `allow_insecure`.
pub fn problem(issuer: &str, allow_insecure: bool) -> Option<String> {
    let url = match Url::parse(issuer) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) && url.has_host() => url,
        Ok(_) => return Some("it must start with https:// or http://".into()),
        Err(error) => return Some(format!("that is no address: {error}")),
    };
    let right = one_spelling(&url);
    let write = |what: &str| Some(format!("{what}: write {right:?}"));
    if issuer.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return write("it must have no spaces, control characters or backslashes");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return write("it must have no user name and no password");
    }
    if url.query().is_some() || url.fragment().is_some() || issuer.ends_with('/') {
        return write("it must have no query, no fragment and no slash at its end");
    }
    if url.host_str().is_some_and(|host| host.ends_with('.')) {
        return write("its host must not end with a dot");
    }
    if !is_plain(url.path()) {
        return Some(
            "its path must be of letters, digits and - . _ ~ between single slashes".into(),
        );
    }
    // Upper case, a default port, dot segments, letters outside ASCII, numbers as addresses.
    if issuer != right {
        return write(
            "clients compare it character by character, and this is not its usual spelling",
        );
    }
    if is_open(&url) && !allow_insecure {
        return Some(
            "passwords and tokens would cross the network in the clear: use https, or set \
             allow_insecure_issuer = true in a laboratory"
                .into(),
        );
    }
    None
}

/// Whether others could read what is sent to this issuer.
pub fn is_open(url: &Url) -> bool {
    url.scheme() == "http" && !is_loopback(url)
}

fn is_plain(path: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    path == "/"
        || path
            .split('/')
            .skip(1)
            .all(|segment| !segment.is_empty() && segment.chars().all(plain))
}

fn one_spelling(url: &Url) -> String {
    let mut right = url.clone();
    right.set_query(None);
    right.set_fragment(None);
    // These fail only for addresses that cannot have a user or another host.
    let _anonymous = (right.set_username(""), right.set_password(None));
    if let Some(host) = url.host_str().filter(|host| host.ends_with('.')) {
        let _without_dot = right.set_host(Some(host.trim_end_matches('.')));
    }
    right.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE_SPELLING: &[&str] = &[
        "https://id.example.org",
        "https://id.example.org:8443",
        "https://id.example.org/auth/main",
        "https://xn--bcher-kva.example",
        "https://[2001:db8::1]",
        "http://localhost:8080",
        "http://127.0.0.1:8080/a",
        "http://[::1]:8080",
        "http://id.localhost",
    ];

    /// What is refused, and a part of what is said of it.
    const OTHER_SPELLINGS: &[(&str, &str)] = &[
        ("HTTPS://id.example.org", "\"https://id.example.org\""),
        ("https://ID.example.org", "\"https://id.example.org\""),
        ("https://id.example.org:443", "\"https://id.example.org\""),
        ("http://localhost:80", "\"http://localhost\""),
        ("https:/id.example.org", "\"https://id.example.org\""),
        (
            "https://bücher.example",
            "\"https://xn--bcher-kva.example\"",
        ),
        ("https://0x7f.1", "\"https://127.0.0.1\""),
        ("https://me@id.example.org", "no user name"),
        (
            "https://me:pw@id.example.org",
            "write \"https://id.example.org\"",
        ),
        (
            "https://id.example.org/a/../b",
            "\"https://id.example.org/b\"",
        ),
        ("https://id.example.org/./b", "\"https://id.example.org/b\""),
        (
            "https://id.example.org/%2e%2e/b",
            "\"https://id.example.org/b\"",
        ),
        ("https://id.example.org/a b", "no spaces"),
        (
            " https://id.example.org",
            "write \"https://id.example.org\"",
        ),
        ("https://id.example.org\n", "no spaces"),
        ("https://id.ex\tample.org", "no spaces"),
        ("https:\\\\id.example.org", "backslashes"),
        ("https://id.example.org/a%20b", "letters, digits"),
        ("https://id.example.org/a//b", "single slashes"),
        ("https://id.example.org/a;b", "letters, digits"),
        ("https://id.example.org./", "no slash at its end"),
        (
            "https://id.example.org.",
            "write \"https://id.example.org\"",
        ),
        (
            "https://id.example.org/",
            "write \"https://id.example.org\"",
        ),
        (
            "https://id.example.org/a/?x#y",
            "write \"https://id.example.org/a\"",
        ),
        ("https://id.example.org?x", "no query"),
        ("ftp://id.example.org", "must start with https://"),
        ("id.example.org", "no address"),
        ("", "no address"),
        ("https://", "no address"),
    ];

    #[test]
    fn an_issuer_has_one_spelling() {
        for good in ONE_SPELLING {
            assert_eq!(problem(good, false), None, "{good}");
        }
        for (bad, said) in OTHER_SPELLINGS {
            let problem = problem(bad, true).unwrap_or_else(|| panic!("{bad:?} is accepted"));
            assert!(problem.contains(said), "{bad:?}: {problem}");
        }
    }

    #[test]
    fn plain_http_is_for_this_host_and_for_laboratories() {
        for open in [
            "http://id.example.org",
            "http://10.0.0.1:8080",
            "http://localhost.example.org",
            "http://[2001:db8::1]",
        ] {
            assert!(
                problem(open, false)
                    .is_some_and(|said| said.contains("allow_insecure_issuer = true")),
                "{open}"
            );
            assert_eq!(problem(open, true), None, "{open}");
        }
    }
}
