//! Proof Key for Code Exchange (RFC 7636).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::{reason::Reason, secret::same};

/// Whether `challenge` can be an S256 challenge: 43 base64url characters (RFC 7636 4.2).
pub fn is_challenge(challenge: &str) -> bool {
    challenge.len() == 43
        && challenge
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The S256 challenge of a verifier (RFC 7636 4.2).
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// Compares verifier and challenge (RFC 7636 4.6). Either without the other is refused (RFC 9700 2.1.1).
///
/// # Errors
/// [`Reason::VerifierMissing`], [`Reason::VerifierUnexpected`], [`Reason::VerifierWrong`].
pub fn verify(challenge: Option<&str>, verifier: Option<&str>) -> Result<(), Reason> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(Reason::VerifierMissing),
        (None, Some(_)) => Err(Reason::VerifierUnexpected),
        (Some(challenge), Some(verifier)) => {
            let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
            let fits = (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved);
            if fits && same(&self::challenge(verifier), challenge) {
                Ok(())
            } else {
                Err(Reason::VerifierWrong)
            }
        }
    }
}
