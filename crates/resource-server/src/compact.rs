//! A token taken apart: its length and shape come before anything in it is read.

use latchkey_jose::{Compact, JoseError};

use crate::Refusal;

/// The longest token that is looked at, in bytes.
pub const MOST_BYTES: usize = 16 * 1024;

/// Whether it has the shape of a JWS; whether it is one is another question.
pub fn is_jws(token: &str) -> bool {
    token.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// Three parts of unpadded base64url and a JSON header without `crit` (RFC 7515 5.2).
pub fn parse(token: &str) -> Result<Compact<'_>, Refusal> {
    if token.len() > MOST_BYTES {
        return Err(Refusal::TooLong);
    }
    Compact::parse_any(token).map_err(|error| match error {
        JoseError::Critical => Refusal::Critical,
        _ => Refusal::Malformed,
    })
}
