//! Passwords: how they are hashed, and whether one is right.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, ParamsBuilder, PasswordHash, Version,
    password_hash::{self, Decimal, ParamsString, SaltString},
};
use latchkey_protocol::{Entropy, passwords::prepared, secret::Pepper};

use crate::{
    OperationError,
    attempts::Attempt,
    hash_memory::HashMemory,
    hashing::{Busy, Hashing, Waiter},
};

/// Hashing failed: memory ran out.
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed: {0}")]
pub struct PasswordFault(String);

fn fault(error: impl std::fmt::Display) -> PasswordFault {
    PasswordFault(error.to_string())
}

/// OWASP's parameters: 19 MiB, two passes, one lane.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// The least that Argon2 allows: 8 KiB, one pass, one lane.
const LEAST: (u32, u32, u32) = (8, 1, 1);

/// The secret that goes into every hash (RFC 9106 3.1), so that the database alone is not enough to guess a password. The
/// name of the key stands in the hash: those from before there was one go on, and are renewed when they are used.
#[derive(Clone)]
pub struct PasswordKey {
    secret: [u8; 32],
    id: [u8; 8],
    cost: (u32, u32, u32),
}

impl PasswordKey {
    /// `pepper`: derived from the master key for this alone.
    pub fn new(pepper: &Pepper) -> Self {
        let (mut secret, mut id) = ([0; 32], [0; 8]);
        secret.copy_from_slice(&pepper.bytes(&["secret"]));
        id.copy_from_slice(&pepper.bytes(&["id"])[..8]);
        Self {
            secret,
            id,
            cost: COST,
        }
    }

    /// The same key, whose new hashes cost next to nothing to make, and to guess: for passwords that are no secret. A sign-in
    /// with such a password renews the hash.
    #[must_use]
    pub fn for_known_passwords(self) -> Self {
        Self {
            cost: LEAST,
            ..self
        }
    }

    fn params(&self) -> Result<Params, PasswordFault> {
        let mut builder = ParamsBuilder::new();
        builder
            .m_cost(self.cost.0)
            .t_cost(self.cost.1)
            .p_cost(self.cost.2)
            .keyid(argon2::KeyId::new(&self.id).map_err(fault)?);
        builder.build().map_err(fault)
    }

    /// Hashes a new password, in PHC form. Takes some 20 ms and 19 MiB.
    ///
    /// # Errors
    /// [`PasswordFault`].
    pub fn hash(&self, password: &str, entropy: &dyn Entropy) -> Result<String, PasswordFault> {
        self.hash_in(&mut HashMemory::default(), password, &salt(entropy))
    }

    fn hash_in(
        &self,
        memory: &mut HashMemory,
        password: &str,
        salt: &[u8; 16],
    ) -> Result<String, PasswordFault> {
        let salt = SaltString::encode_b64(salt).map_err(fault)?;
        let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
        let params = self.params()?;
        let written = ParamsString::try_from(&params).map_err(fault)?;
        let argon2 = Argon2::new_with_secret(&self.secret, algorithm, version, params);
        let (argon2, password) = (argon2.map_err(fault)?, prepared(password));
        let hash = memory.hash(&argon2, password.as_bytes(), salt.as_salt());
        let phc = PasswordHash {
            algorithm: algorithm.ident(),
            version: Some(Decimal::from(version)),
            params: written,
            salt: Some(salt.as_salt()),
            hash: Some(hash.map_err(fault)?),
        };
        Ok(phc.to_string())
    }

    /// Whether this is the password of a stored hash; one from before there was a key is taken as it was typed.
    fn is_right(
        &self,
        memory: &mut HashMemory,
        password: &str,
        stored: &PasswordHash<'_>,
        params: Params,
    ) -> password_hash::Result<bool> {
        let (Some(salt), Some(expected)) = (stored.salt, stored.hash) else {
            return Ok(false);
        };
        let algorithm = Algorithm::try_from(stored.algorithm)?;
        let version = stored.version.map(Version::try_from).transpose()?;
        let version = version.unwrap_or_default();
        let hash = if params.keyid().is_empty() {
            let argon2 = Argon2::new(algorithm, version, params);
            memory.hash(&argon2, password.as_bytes(), salt)?
        } else {
            let argon2 = Argon2::new_with_secret(&self.secret, algorithm, version, params)?;
            memory.hash(&argon2, prepared(password).as_bytes(), salt)?
        };
        // Takes as long wherever they differ.
        Ok(hash == expected)
    }

    fn check(
        &self,
        memory: &mut HashMemory,
        password: &str,
        hash: Option<&str>,
        entropy: &dyn Entropy,
    ) -> PasswordCheck {
        let Ok(parsed) = PasswordHash::new(hash.unwrap_or(NOBODY)) else {
            tracing::error!("a stored password hash cannot be read");
            return PasswordCheck::Wrong;
        };
        let Ok(params) = Params::try_from(&parsed) else {
            return PasswordCheck::Wrong;
        };
        let keyed = !params.keyid().is_empty();
        if keyed && params.keyid() != self.id && hash.is_some() {
            tracing::error!(
                "a stored password hash was made under another master key: nobody can sign in with it"
            );
        }
        let cost = (params.m_cost(), params.t_cost(), params.p_cost());
        let judged = self.is_right(memory, password, &parsed, params);
        if !judged.unwrap_or(false) || hash.is_none() {
            return PasswordCheck::Wrong;
        }
        if keyed && cost == self.cost && parsed.algorithm == Algorithm::Argon2id.ident() {
            return PasswordCheck::Right;
        }
        self.hash_in(memory, password, &salt(entropy))
            .map_or(PasswordCheck::Right, PasswordCheck::RightButStale)
    }
}

fn salt(entropy: &dyn Entropy) -> [u8; 16] {
    let mut salt = [0; 16];
    entropy.fill(&mut salt);
    salt
}

/// A hash that no password has, to spend the same time on names that do not exist.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1,keyid=bm9ib2R5$bm9ib2R5IGhhcyB0aGlzLg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What a check found.
#[derive(Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// Another password.
    Wrong,
    /// The user's password.
    Right,
    /// Right, and hashed with other parameters than today's: here is the new hash.
    RightButStale(String),
}

/// Where a new password is hashed.
#[derive(Clone, Copy)]
pub enum Hasher<'a> {
    /// On the caller's thread, which is for a command.
    Here(&'a PasswordKey),
    /// On the threads that sign-ins wait for, and in the same line: for a server.
    Threads {
        /// The threads.
        passwords: &'a Passwords,
        /// Who waits.
        waiter: Waiter,
    },
}

impl<'a> From<&'a PasswordKey> for Hasher<'a> {
    fn from(key: &'a PasswordKey) -> Self {
        Self::Here(key)
    }
}

impl Hasher<'_> {
    /// The hash of a new password.
    ///
    /// # Errors
    /// [`OperationError::Busy`], [`OperationError::Password`].
    pub(crate) async fn hash(
        self,
        password: &str,
        entropy: &dyn Entropy,
    ) -> Result<String, OperationError> {
        match self {
            Self::Here(key) => Ok(key.hash(password, entropy)?),
            Self::Threads { passwords, waiter } => {
                let (key, salt) = (passwords.key.clone(), salt(entropy));
                let password = password.to_owned();
                let work = move |memory: &mut _| key.hash_in(memory, &password, &salt);
                Ok(passwords.hashing.run(waiter, work).await??)
            }
        }
    }
}

/// Checks passwords, on threads of their own.
pub struct Passwords {
    hashing: Hashing,
    key: Arc<PasswordKey>,
}

impl Passwords {
    /// Starts `threads` threads; each needs 19 MiB while it works.
    pub fn new(threads: usize, key: PasswordKey) -> Self {
        Self {
            hashing: Hashing::new(threads),
            key: Arc::new(key),
        }
    }

    /// The key of new hashes.
    pub fn key(&self) -> &PasswordKey {
        &self.key
    }

    /// Checks a password. Without a hash (no such user) it takes the same time. A wrong one stays counted whether or not
    /// anybody waits for the answer; whose caller has gone before it began is not judged.
    ///
    /// # Errors
    /// [`Busy`] when too many are waiting.
    pub async fn check(
        &self,
        waiter: Waiter,
        password: String,
        hash: Option<String>,
        entropy: Arc<dyn Entropy>,
        attempt: Attempt,
    ) -> Result<PasswordCheck, Busy> {
        let key = self.key.clone();
        let judge = move |memory: &mut _| {
            let checked = key.check(memory, &password, hash.as_deref(), &*entropy);
            if checked == PasswordCheck::Wrong {
                attempt.was_wrong();
            }
            checked
        };
        self.hashing.run(waiter, judge).await
    }
}

#[cfg(test)]
mod tests {
    use argon2::PasswordHasher;

    use super::*;

    struct Zero;
    impl Entropy for Zero {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    fn key(master: u8) -> PasswordKey {
        PasswordKey::new(&Pepper::derive(&[master; 32], "passwords"))
    }

    fn without_key(cost: u32, password: &str) -> String {
        let argon2 = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(cost, 2, 1, None).expect("params"),
        );
        let salt = SaltString::encode_b64(b"0123456789abcdef").expect("salt");
        argon2
            .hash_password(password.as_bytes(), &salt)
            .expect("hash")
            .to_string()
    }

    #[test]
    fn a_hash_from_before_is_right_and_renewed_under_the_key() {
        let key = key(1);
        for old in [without_key(8, "secret"), without_key(COST.0, "secret")] {
            let PasswordCheck::RightButStale(new) =
                key.check(&mut HashMemory::default(), "secret", Some(&old), &Zero)
            else {
                panic!("not renewed")
            };
            assert!(
                new.starts_with("$argon2id$v=19$m=19456,t=2,p=1,keyid="),
                "{new}"
            );
            assert_eq!(
                key.check(&mut HashMemory::default(), "secret", Some(&new), &Zero),
                PasswordCheck::Right
            );
            assert_eq!(
                key.check(&mut HashMemory::default(), "Secret", Some(&new), &Zero),
                PasswordCheck::Wrong
            );
        }
        assert_eq!(
            key.check(&mut HashMemory::default(), "secret", None, &Zero),
            PasswordCheck::Wrong
        );
        assert_eq!(
            key.check(&mut HashMemory::default(), "secret", Some("garbage"), &Zero),
            PasswordCheck::Wrong
        );
        PasswordHash::new(NOBODY).expect("nobody's hash can be read");
    }

    #[test]
    fn a_cheap_hash_of_a_known_password_is_renewed_at_full_cost() {
        let cheap = key(1).for_known_passwords().hash("secret", &Zero);
        let cheap = cheap.expect("hash");
        assert!(cheap.contains("$m=8,t=1,p=1,"), "{cheap}");
        let renewed = key(1).check(&mut HashMemory::default(), "secret", Some(&cheap), &Zero);
        let PasswordCheck::RightButStale(new) = renewed else {
            panic!("not renewed")
        };
        assert!(new.contains("$m=19456,t=2,p=1,"), "{new}");
    }

    #[test]
    fn without_the_master_key_a_hash_tells_nothing() {
        let hash = key(1).hash("a password", &Zero).expect("hash");
        assert_eq!(
            key(2).check(&mut HashMemory::default(), "a password", Some(&hash), &Zero),
            PasswordCheck::Wrong,
            "another key"
        );
        let named = hash
            .split(",keyid=")
            .nth(1)
            .and_then(|rest| rest.split('$').next())
            .expect("keyid");
        let bare = hash.replace(&format!(",keyid={named}"), "");
        assert_eq!(
            key(1).check(&mut HashMemory::default(), "a password", Some(&bare), &Zero),
            PasswordCheck::Wrong,
            "the secret is part of it"
        );
    }

    #[test]
    fn two_keyboards_type_the_same_password_and_one_from_before_is_taken_as_it_was_typed() {
        let (composed, decomposed) = ("p\u{e4}ssw\u{f6}rd one", "pa\u{308}sswo\u{308}rd\u{a0}one");
        let hash = key(1).hash(composed, &Zero).expect("hash");
        assert_eq!(
            key(1).check(&mut HashMemory::default(), decomposed, Some(&hash), &Zero),
            PasswordCheck::Right
        );
        let old = without_key(8, decomposed);
        let PasswordCheck::RightButStale(new) =
            key(1).check(&mut HashMemory::default(), decomposed, Some(&old), &Zero)
        else {
            panic!("not renewed")
        };
        assert_eq!(
            key(1).check(&mut HashMemory::default(), composed, Some(&new), &Zero),
            PasswordCheck::Right
        );
    }
}
