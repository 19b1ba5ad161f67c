//! What is kept of a browser that is signed in.

use latchkey_protocol::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A browser's session: the tokens that it never sees.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserSession {
    /// The user.
    pub sub: String,
    /// What the ID token says of them, and the UserInfo endpoint.
    pub claims: Map<String, Value>,
    /// For a sign-out at the provider.
    pub id_token: String,
    /// What is attached to calls.
    pub access_token: String,
    /// When it ends.
    pub access_until: Timestamp,
    /// When it was fetched.
    pub renewed_at: Timestamp,
    /// None where the provider gave none.
    pub refresh_token: Option<String>,
    /// When the session ends, however much it is used.
    pub ends_at: Timestamp,
    /// Whether the cookie outlives the browser.
    pub remember: bool,
}

impl std::fmt::Debug for BrowserSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BrowserSession")
            .field("access_until", &self.access_until)
            .field("ends_at", &self.ends_at)
            .finish_non_exhaustive()
    }
}

/// Claims that say something of a token and not of the user.
const OF_TOKENS: [&str; 11] = [
    "iss", "aud", "azp", "exp", "iat", "nbf", "jti", "nonce", "at_hash", "c_hash", "s_hash",
];

/// Those of the user alone.
pub fn of_user(claims: &Map<String, Value>) -> Map<String, Value> {
    let of_user = claims.iter();
    let of_user = of_user.filter(|(name, _)| !OF_TOKENS.contains(&&***name));
    of_user
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
