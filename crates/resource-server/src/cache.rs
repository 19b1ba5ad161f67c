//! Tokens that were verified before: a signature is checked once.

use std::{
    hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState},
    sync::Arc,
};

use quick_cache::{UnitWeighter, sync::Cache};

use crate::{AccessToken, status::Standing};

/// How much of a token's end is hashed, in bytes: a part of the signature, which no two tokens share.
const END: usize = 64;

/// The longest token that is remembered, in bytes: so the room is bounded in all.
const LONGEST: usize = 4096;

/// Room is set aside for so many at once; beyond, it grows.
const AT_FIRST: u64 = 10_000;

/// Takes a key that is a hash for the hash.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        // Only whole numbers come; whatever else came would be found by its length.
        self.0 ^= bytes.len() as u64;
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type Tokens = Cache<u64, Arc<SeenToken>, UnitWeighter, BuildHasherDefault<Hashed>>;

/// The tokens that were verified last. Only verified ones get in, so that strangers cannot push others out.
pub struct SeenTokens {
    hasher: RandomState,
    tokens: Option<Tokens>,
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
        let at_first = usize::try_from(most.min(AT_FIRST)).unwrap_or_default();
        let hasher = BuildHasherDefault::default();
        let tokens = || Cache::with(at_first, most, UnitWeighter, hasher, Default::default());
        Self {
            hasher: RandomState::new(),
            tokens: (most > 0).then(tokens),
        }
    }

    pub fn find(&self, token: &str) -> Option<Arc<SeenToken>> {
        let seen = self.tokens.as_ref()?.get(&self.key(token))?;
        // The hash finds it; only the whole token is it.
        (*seen.token == *token).then_some(seen)
    }

    pub fn insert(&self, seen: &Arc<SeenToken>) {
        if let Some(tokens) = &self.tokens
            && seen.token.len() <= LONGEST
        {
            tokens.insert(self.key(&seen.token), seen.clone());
        }
    }

    pub fn forget(&self, token: &str) {
        if let Some(tokens) = &self.tokens {
            tokens.remove(&self.key(token));
        }
    }

    fn key(&self, token: &str) -> u64 {
        let bytes = token.as_bytes();
        self.hasher
            .hash_one(&bytes[bytes.len().saturating_sub(END)..])
    }
}
