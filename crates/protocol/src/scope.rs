//! Scopes (RFC 6749 3.3): a set that keeps its order.

use serde::{Deserialize, Serialize};

use crate::{error::Refusal, reason::Reason};

/// Scopes in the order they were asked for, without repeats (RFC 6749 3.3).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct ScopeSet(Vec<String>);

/// The scopes that Latchkey knows by itself (OpenID Connect Core 5.4, 11), and `groups` and `roles`.
pub const STANDARD: [&str; 8] = [
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "groups",
    "roles",
    "offline_access",
];

impl ScopeSet {
    /// Splits at spaces; `None` when a character is outside RFC 6749 3.3.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |b: u8| {
            b == b' ' || b == 0x21 || (0x23..=0x5b).contains(&b) || (0x5d..=0x7e).contains(&b)
        };
        text.bytes().all(fits).then(|| Self::from(text.to_owned()))
    }

    /// The value of a `scope` parameter.
    ///
    /// # Errors
    /// [`Reason::ScopeUnknown`] for what holds a character outside RFC 6749 3.3.
    pub fn requested(text: &str) -> Result<Self, Refusal> {
        Self::parse(text)
            .ok_or_else(|| Reason::ScopeUnknown.because("RFC 6749 3.3 characters", text))
    }

    /// Whether the scope is one of these.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|s| s == scope)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether each of these is one of the others.
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.iter().all(|s| other.contains(s))
    }

    /// Those for which `keep` holds.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|s| keep(s)).cloned().collect())
    }

    /// These, then those of the others that are not among them.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.0
            .extend(other.0.iter().filter(|s| !self.contains(s)).cloned());
        all
    }
}

impl From<String> for ScopeSet {
    fn from(text: String) -> Self {
        let mut scopes: Vec<String> = Vec::new();
        for scope in text.split(' ').filter(|s| !s.is_empty()) {
            if !scopes.iter().any(|s| s == scope) {
                scopes.push(scope.to_owned());
            }
        }
        Self(scopes)
    }
}

impl From<ScopeSet> for String {
    fn from(scopes: ScopeSet) -> Self {
        scopes.to_string()
    }
}

impl std::fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}
