use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version, password_hash::SaltString,
};
use latchkey_protocol::Entropy;

use crate::hashing::{Busy, Caller, Hashing};

/// Hashing failed: the password is too long for the algorithm, or memory ran out.
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed: {0}")]
pub struct PasswordFault(String);

/// OWASP's parameters: 19 MiB, two passes, one lane.
fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or(Params::DEFAULT);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Hashes a new password, in PHC form. Takes some 20 ms and 19 MiB.
///
/// # Errors
/// [`PasswordFault`].
pub fn hash(password: &str, entropy: &dyn Entropy) -> Result<String, PasswordFault> {
    let mut salt = [0; 16];
    entropy.fill(&mut salt);
    let salt = SaltString::encode_b64(&salt).map_err(|e| PasswordFault(e.to_string()))?;
    let hash = argon2().hash_password(password.as_bytes(), &salt).map_err(|e| PasswordFault(e.to_string()))?;
    Ok(hash.to_string())
}

/// A hash that no password has, to spend the same time on names that do not exist.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlzLg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What a check found.
#[derive(Debug, PartialEq, Eq)]
pub enum Checked {
    Wrong,
    Right,
    /// Right, and hashed with other parameters than today's: here is the new hash.
    RightButStale(String),
}

/// Checks passwords, on threads of their own.
pub struct Passwords {
    hashing: Hashing,
}

impl Passwords {
    /// Starts `threads` threads; each needs 19 MiB while it works.
    pub fn new(threads: usize) -> Self {
        Self { hashing: Hashing::new(threads) }
    }

    /// Checks a password. Without a hash (no such person) it takes the same time.
    ///
    /// # Errors
    /// [`Busy`] when too many are waiting.
    pub async fn check(
        &self,
        caller: Caller,
        password: String,
        hash: Option<String>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Checked, Busy> {
        self.hashing.run(caller, move || check(&password, hash.as_deref(), &*entropy)).await
    }
}

fn check(password: &str, hash: Option<&str>, entropy: &dyn Entropy) -> Checked {
    let Ok(parsed) = PasswordHash::new(hash.unwrap_or(NOBODY)) else {
        tracing::error!("a stored password hash cannot be read");
        return Checked::Wrong;
    };
    let right = argon2().verify_password(password.as_bytes(), &parsed).is_ok();
    if !right || hash.is_none() {
        return Checked::Wrong;
    }
    let today = Params::try_from(&parsed).is_ok_and(|p| (p.m_cost(), p.t_cost(), p.p_cost()) == (19 * 1024, 2, 1));
    if today && parsed.algorithm == Algorithm::Argon2id.ident() {
        return Checked::Right;
    }
    self::hash(password, entropy).map_or(Checked::Right, Checked::RightButStale)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zero;
    impl Entropy for Zero {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    #[test]
    fn a_hash_with_other_parameters_is_right_and_renewed() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).expect("params"));
        let salt = SaltString::encode_b64(b"0123456789abcdef").expect("salt");
        let old = weak.hash_password(b"secret", &salt).expect("hash").to_string();
        let Checked::RightButStale(new) = check("secret", Some(&old), &Zero) else { panic!("not renewed") };
        assert!(new.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(check("secret", Some(&new), &Zero), Checked::Right);
        assert_eq!(check("Secret", Some(&new), &Zero), Checked::Wrong);
        assert_eq!(check("secret", None, &Zero), Checked::Wrong);
        assert_eq!(check("secret", Some("garbage"), &Zero), Checked::Wrong);
    }
}
