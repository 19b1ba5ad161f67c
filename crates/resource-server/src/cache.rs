//! Tokens that were verified before: a signature is checked once.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use moka::{policy::EvictionPolicy, sync::Cache};

use crate::{AccessToken, status::Standing};

/// How much of a token's end is hashed, in bytes: a part of the signature, which no two tokens share.
const END: usize = 64;

/// The longest token that is remembered, in bytes: so the room is bounded in all.
const LONGEST: usize = 4096;

/// The tokens that were verified last. Only verified ones get in, so that strangers cannot push others out.
pub struct SeenTokens {
    hasher: RandomState,
    tokens: Cache<u64, Arc<SeenToken>>,
}

/// A token, by which set of keys it was verified, and where its status stands.
pub struct SeenToken {
    token: Box<str>,
    pub claims: Arc<AccessToken>,
    pub generation: u64,
    pub standing: Option<Standing>,
}

impl SeenToken {
    pub fn new(
        token: &str,
        claims: AccessToken,
        generation: u64,
        standing: Option<Standing>,
    ) -> Arc<Self> {
        Arc::new(Self {
            token: token.into(),
            claims: Arc::new(claims),
            generation,
            standing,
        })
    }
}

impl SeenTokens {
    pub fn new(most: u64) -> Self {
        // What was used last stays: tokens live for minutes, and how often one came says nothing of the next.
        let tokens = Cache::builder()
            .max_capacity(most)
            .eviction_policy(EvictionPolicy::lru());
        Self {
            hasher: RandomState::new(),
            tokens: tokens.build(),
        }
    }

    pub fn find(&self, token: &str) -> Option<Arc<SeenToken>> {
        let seen = self.tokens.get(&self.key(token))?;
        // The hash finds it; only the whole token is it.
        (*seen.token == *token).then_some(seen)
    }

    pub fn insert(&self, seen: &Arc<SeenToken>) {
        if seen.token.len() <= LONGEST {
            self.tokens.insert(self.key(&seen.token), seen.clone());
        }
    }

    pub fn forget(&self, token: &str) {
        self.tokens.invalidate(&self.key(token));
    }

    fn key(&self, token: &str) -> u64 {
        let bytes = token.as_bytes();
        self.hasher
            .hash_one(&bytes[bytes.len().saturating_sub(END)..])
    }
}
