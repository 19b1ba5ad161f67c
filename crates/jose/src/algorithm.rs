//! The algorithms that keys of the ring sign with.

use serde::{Deserialize, Serialize};

/// A signature algorithm (RFC 7518 3.1, RFC 8037 3.1). A key is used with one of them alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// Every algorithm, RS256 first.
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa];

    /// The `alg` values of all.
    pub const NAMES: [&'static str; 4] = [
        Self::Rs256.name(),
        Self::Ps256.name(),
        Self::Es256.name(),
        Self::EdDsa.name(),
    ];

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

    /// Whether the same key and the same input always give the same signature. PSS has a random salt, ECDSA a random
    /// nonce.
    pub const fn is_deterministic(self) -> bool {
        match self {
            Self::Rs256 | Self::EdDsa => true,
            Self::Ps256 | Self::Es256 => false,
        }
    }
}
