//! What an API says of status lists.

use url::Url;

use crate::discovery;

/// What a request may do while the status list of its token is stale: the issuer has not been reached since it ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WhenStale {
    /// Nothing: the answer is 503 until there is a list.
    #[default]
    Refuse,
    /// What changes nothing: `GET` and `HEAD`, and what [`Verifier::verify_read`](crate::Verifier::verify_read) is asked for.
    AllowReads,
    /// Everything, as if no token were revoked. Those that were known to be revoked before are refused as ever.
    Allow,
}

/// How an API follows the status lists of its issuer (draft-ietf-oauth-status-list-21); see
/// [`Builder::status_lists`](crate::Builder::status_lists).
///
/// ```
/// use latchkey_resource_server::{StatusLists, WhenStale};
///
/// let lists = StatusLists::default().when_stale(WhenStale::AllowReads);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct StatusLists {
    pub(super) when_stale: WhenStale,
    pub(crate) aggregation: Option<String>,
    pub(super) origins: Vec<String>,
    pub(super) lacks_iss: bool,
}

impl StatusLists {
    /// What is let through while a list is stale. Without it: nothing.
    pub fn when_stale(mut self, policy: WhenStale) -> Self {
        self.when_stale = policy;
        self
    }

    /// Where all lists are named, instead of asking the issuer's metadata for it. Tokens without a status are refused then.
    pub fn at(mut self, aggregation: impl Into<String>) -> Self {
        self.aggregation = Some(aggregation.into());
        self
    }

    /// Believes lists at this origin, such as `https://status.example.org`, besides the issuer's own. They are signed by the
    /// issuer all the same.
    pub fn from_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Takes lists that do not name their issuer, as the draft allows: only if none but this issuer publishes with its keys.
    pub fn accept_without_issuer(mut self) -> Self {
        self.lacks_iss = true;
        self
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        if let Some(address) = &self.aggregation {
            discovery::address(address)
                .map_err(|why| format!("the address of the status lists {why}"))?;
        }
        for origin in &self.origins {
            discovery::address(origin)
                .map_err(|why| format!("the origin of status lists {why}"))?;
        }
        Ok(())
    }

    /// Whether a list may lie there. Of what a token names nothing else is fetched.
    pub(super) fn may_be_at(&self, uri: &str, issuer: &str) -> bool {
        let Ok(url) = discovery::address(uri) else {
            return false;
        };
        let mut origins = self.origins.iter().map(String::as_str).chain([issuer]);
        let is_same = |own: &str| Url::parse(own).is_ok_and(|own| own.origin() == url.origin());
        origins.any(is_same) && url.username().is_empty() && url.password().is_none()
    }
}
