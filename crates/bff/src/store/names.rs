//! Digests: the only form in which cookies, users and sessions reach a store.

use sha2::{Digest, Sha256};

/// The digest of a cookie's value: where its session rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// Of what the cookie says.
    pub fn of_cookie(value: &str) -> Self {
        Self(Sha256::digest(value.as_bytes()).into())
    }

    /// As it rests.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 64 hexadecimal digits.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }

    /// Reads what [`Key::to_hex`] wrote.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// The digest of what the provider names: a user, a session, a logout token, or a sign-in by its `state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name([u8; 32]);

impl Name {
    /// A user of an issuer.
    pub fn of_subject(issuer: &str, sub: &str) -> Self {
        Self::of(&["sub", issuer, sub])
    }

    /// A session at an issuer.
    pub fn of_session(issuer: &str, sid: &str) -> Self {
        Self::of(&["sid", issuer, sid])
    }

    /// A logout token of an issuer.
    pub fn of_logout_token(issuer: &str, jti: &str) -> Self {
        Self::of(&["jti", issuer, jti])
    }

    /// A sign-in at an issuer, by its `state`.
    pub fn of_sign_in(issuer: &str, state: &str) -> Self {
        Self::of(&["state", issuer, state])
    }

    fn of(parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        Self(digest.finalize().into())
    }

    /// As it rests.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 64 hexadecimal digits.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
