//! The issuer's address, which stands in every token.

use std::{fmt, ops::Deref};

use serde::{Deserialize, Serialize};

/// The address of an issuer (`iss`, RFC 8414 2). Clients compare it byte for byte, so it is kept as it is written in the
/// settings, which say how it may be written.
///
/// ```
/// # use latchkey_protocol::Issuer;
/// let issuer = Issuer::new("https://id.example.org/main");
/// assert_eq!(issuer.at("/token"), "https://id.example.org/main/token");
/// assert_eq!(issuer.base(), "/main");
/// assert!(issuer.is_https());
/// assert_eq!(Issuer::new("http://localhost:8080").base(), "");
/// ```
///
/// The id of a client is none, although both are texts:
///
/// ```compile_fail,E0308
/// # use latchkey_protocol::{ClientId, Issuer, claims::CustomClaims, discovery};
/// # fn of(client: &ClientId, custom: &CustomClaims) {
/// let document = discovery::metadata(client, custom);
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Issuer(String);

impl Issuer {
    /// As it is written in the settings, or in a token that has not been verified yet.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One of its addresses: `path` begins with a slash.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Its path, without a slash at its end: nothing where it is a host alone.
    pub fn base(&self) -> &str {
        let after_scheme = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let path = after_scheme.find('/').map_or("", |at| &after_scheme[at..]);
        path.trim_end_matches('/')
    }

    /// Whether what is sent to it is encrypted: its cookies are then `__Host-` and `Secure`.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl Deref for Issuer {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Issuer {
    fn eq(&self, text: &str) -> bool {
        self.0 == text
    }
}

impl PartialEq<&str> for Issuer {
    fn eq(&self, text: &&str) -> bool {
        self.0 == *text
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
