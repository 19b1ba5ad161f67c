//! Access tokens whose signature need not be verified again.

use std::{sync::Arc, time::Duration};

use latchkey_protocol::claims::AccessToken;
use moka::sync::Cache;

/// Access tokens whose signature has been verified, by digest: what is signed stays signed. Whether a token is
/// still good is asked each time.
pub struct VerifiedTokens(Cache<[u8; 32], Arc<(String, AccessToken)>>);

impl VerifiedTokens {
    /// Remembers at most `most` tokens.
    pub fn new(most: u64) -> Self {
        Self(
            Cache::builder()
                .max_capacity(most)
                .time_to_live(Duration::from_secs(300))
                .build(),
        )
    }

    /// The key that signed it, and what it says.
    pub(crate) fn get(&self, digest: &[u8; 32]) -> Option<Arc<(String, AccessToken)>> {
        self.0.get(digest)
    }

    pub(crate) fn insert(&self, digest: [u8; 32], token: Arc<(String, AccessToken)>) {
        self.0.insert(digest, token);
    }
}
