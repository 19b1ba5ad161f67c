//! An issuer: its address, its keys, and the rules that hold under it.

use std::sync::Arc;

use latchkey_protocol::{Issuer, authorize::RequestRules, client::Client, lifetimes::Lifetimes};

use crate::token_keys::Keys;

/// All that differs from one issuer to another. A request finds its own once, and everything that the request asks for is
/// done under it.
pub struct Realm {
    /// `iss`, byte for byte.
    pub issuer: Issuer,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// What it signs with.
    pub keys: Keys,
    /// What it asks of authorization requests beyond the specifications.
    pub rules: RequestRules,
    /// Audiences whose access tokens are of type `JWT`.
    pub jwt_typ_audiences: Vec<String>,
    /// Whether its access tokens have entries in status lists.
    pub has_status_lists: bool,
    /// The client of its console.
    pub console: Arc<Client>,
}

impl Realm {
    /// One of its addresses, with the issuer's origin.
    pub fn at(&self, path: &str) -> String {
        self.issuer.at(path)
    }
}
