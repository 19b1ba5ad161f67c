//! What can be registered as a redirect URI (RFC 6749 3.1.2, RFC 8252 7, 8.3).

use std::borrow::Cow;

use url::{Host, Url};

use crate::{field_error::FieldError, uri::is_loopback};

/// Where a registration may go beyond https and loopback addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RedirectRules {
    /// A native app also has private-use schemes (RFC 8252 7.1).
    pub native: bool,
    /// For laboratories: plain http to addresses and names that no public network has.
    pub private_http: bool,
}

/// Why an address cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UriProblem {
    /// The id of the text that says it in another language.
    pub id: &'static str,
    /// What is wrong, in words that follow the address.
    pub sentence: Cow<'static, str>,
    /// How it is to be written, where that is all.
    pub written: Option<String>,
}

impl UriProblem {
    /// Of this id, in these words.
    pub fn new(id: &'static str, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self {
            id,
            sentence: sentence.into(),
            written: None,
        }
    }

    /// At `member`, which has `uri`.
    pub fn at(self, member: &str, uri: &str, says: &str) -> FieldError {
        let sentence = format!("{member} {says} {uri:?}: {}", self.sentence);
        FieldError::new(member, sentence)
            .id(self.id)
            .with("uri", uri)
            .with("written", self.written.unwrap_or_default())
    }
}

/// Why `uri` cannot be registered as a redirect URI, or nothing when it can.
pub fn problem(uri: &str, rules: RedirectRules) -> Option<UriProblem> {
    let of = |id, sentence: &'static str| Some(UriProblem::new(id, sentence));
    let Ok(url) = Url::parse(uri) else {
        return of("uri-relative", "it is not an absolute URI");
    };
    if uri.contains(['#', ' ', '\\']) || uri.chars().any(char::is_control) || !uri.is_ascii() {
        return of(
            "uri-characters",
            "it has a fragment, a space, a backslash or a character outside ASCII",
        );
    }
    if uri.contains('*') {
        return of(
            "uri-wildcard",
            "wildcards are not supported: register each URI",
        );
    }
    if !url.username().is_empty() || url.password().is_some() {
        return of("uri-credentials", "it has a user name or a password");
    }
    match scheme_problem(&url, rules) {
        Some((id, sentence)) => of(id, sentence),
        None => spelling_problem(uri, &url),
    }
}

/// The id of the problem, and its words.
fn scheme_problem(url: &Url, rules: RedirectRules) -> Option<(&'static str, &'static str)> {
    const NO_SCHEME: (&str, &str) = ("uri-without-scheme", "http:// is missing");
    match url.scheme() {
        "https" => None,
        "http" if is_loopback(url) || (rules.private_http && is_private(url)) => None,
        "http" if is_private(url) => Some((
            "uri-http-private",
            "http is for loopback addresses alone; use https, or in a laboratory allow_private_http_redirects",
        )),
        "http" => Some((
            "uri-http",
            "http is for loopback addresses alone; use https",
        )),
        scheme if is_dangerous(scheme) => Some((
            "uri-dangerous",
            "that scheme belongs to no app: it can run or read things",
        )),
        "localhost" => Some(NO_SCHEME),
        // What follows is no port: `myhost:8080/cb` has no scheme, only a host.
        _ if rules.native && url.path().starts_with(|c: char| c.is_ascii_digit()) => {
            Some(NO_SCHEME)
        }
        _ if rules.native => None,
        _ => Some((
            "uri-scheme",
            "only https is accepted, and http on a loopback address; an app's own scheme needs application_type native",
        )),
    }
}

/// Schemes that a browser or an operating system gives a meaning of their own.
fn is_dangerous(scheme: &str) -> bool {
    const KNOWN: [&str; 31] = [
        "about",
        "blob",
        "chrome",
        "chrome-extension",
        "cid",
        "content",
        "data",
        "edge",
        "file",
        "filesystem",
        "ftp",
        "ftps",
        "intent",
        "jar",
        "javascript",
        "jscript",
        "livescript",
        "mailto",
        "mhtml",
        "mid",
        "mocha",
        "moz-extension",
        "opera",
        "resource",
        "sftp",
        "sms",
        "tel",
        "urn",
        "vbscript",
        "view-source",
        "ws",
    ];
    KNOWN.contains(&scheme)
        || ["http", "ws", "ms-"]
            .iter()
            .any(|start| scheme.starts_with(start))
}

/// Whether no public network has this host: private and link-local addresses (RFC 1918, 3927, 4193, 4291), names that
/// are never delegated (RFC 6761, 6762, 8375), and names without a dot.
fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_private() || ip.is_link_local(),
        Some(Host::Ipv6(ip)) => ip.is_unique_local() || ip.is_unicast_link_local(),
        Some(Host::Domain(name)) => {
            !name.contains('.')
                || [".test", ".local", ".internal", ".home.arpa", ".lan"]
                    .iter()
                    .any(|end| name.ends_with(end))
        }
        None => false,
    }
}

/// A URI that one program prints otherwise than it stands here is one that two programs may understand differently.
/// Two spellings are harmless, and common: no slash after the host, and a port that the scheme has anyway.
fn spelling_problem(uri: &str, url: &Url) -> Option<UriProblem> {
    let (start, rest) = uri.split_once("://").unwrap_or((uri, ""));
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    let port = match start {
        "https" => ":443",
        "http" => ":80",
        _ => "",
    };
    let host = authority.strip_suffix(port).unwrap_or(authority);
    let slash = if port.is_empty() || after.starts_with('/') {
        ""
    } else {
        "/"
    };
    let same = uri == url.as_str() || format!("{start}://{host}{slash}{after}") == url.as_str();
    (!same).then(|| {
        let sentence = format!("programs do not agree on what it means; write {url}");
        UriProblem {
            written: Some(url.to_string()),
            ..UriProblem::new("uri-spelling", sentence)
        }
    })
}
