//! The algorithms that ID tokens are signed with, as a client registers them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256, Sha512};

/// A signature algorithm (RFC 7518 3.1, RFC 8037 3.1). A signing key is used with one of them alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum SigningAlgorithm {
    /// What every relying party knows, and what all other tokens are signed with.
    #[default]
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "PS256")]
    Ps256,
    /// ECDSA on P-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl SigningAlgorithm {
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa];

    /// The `alg` value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of an `alg` value.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// `at_hash`, `c_hash`: the left half of the token's hash, with the hash function of the ID token's algorithm
    /// (OpenID Connect Core 3.1.3.6, 3.3.2.11). That of Ed25519 is SHA-512 (RFC 8032 5.1).
    pub fn half_hash(self, token: &str) -> String {
        match self {
            Self::Rs256 | Self::Ps256 | Self::Es256 => {
                URL_SAFE_NO_PAD.encode(&Sha256::digest(token)[..16])
            }
            Self::EdDsa => URL_SAFE_NO_PAD.encode(&Sha512::digest(token)[..32]),
        }
    }
}
