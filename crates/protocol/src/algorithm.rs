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
    /// RSASSA-PSS with SHA-256.
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
    /// Every algorithm, RS256 first.
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
}

/// What a client's ID tokens are signed with: a key of the installation, or the client's own secret. A type of its own, so
/// that no other token can be signed with a secret, and no key of the ring be used as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum IdTokenAlgorithm {
    /// A signing key of the installation.
    Key(SigningAlgorithm),
    /// HMAC with SHA-256 (RFC 7518 3.2). The key is the UTF-8 of the client secret (OpenID Connect Core 10.1).
    Hs256,
}

impl IdTokenAlgorithm {
    /// Every algorithm, RS256 first.
    pub const ALL: [Self; 5] = [
        Self::Key(SigningAlgorithm::Rs256),
        Self::Key(SigningAlgorithm::Ps256),
        Self::Key(SigningAlgorithm::Es256),
        Self::Key(SigningAlgorithm::EdDsa),
        Self::Hs256,
    ];

    /// The `alg` value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key(algorithm) => algorithm.name(),
            Self::Hs256 => "HS256",
        }
    }

    /// The algorithm of an `alg` value.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// The algorithm that the installation needs a key for.
    pub const fn of_key(self) -> Option<SigningAlgorithm> {
        match self {
            Self::Key(algorithm) => Some(algorithm),
            Self::Hs256 => None,
        }
    }

    /// `at_hash`, `c_hash`: the left half of the token's hash, with the hash function of the ID token's algorithm
    /// (OpenID Connect Core 3.1.3.6, 3.3.2.11). That of Ed25519 is SHA-512 (RFC 8032 5.1).
    pub fn half_hash(self, token: &str) -> String {
        use SigningAlgorithm::{EdDsa, Es256, Ps256, Rs256};
        match self {
            Self::Key(Rs256 | Ps256 | Es256) | Self::Hs256 => {
                URL_SAFE_NO_PAD.encode(&Sha256::digest(token)[..16])
            }
            Self::Key(EdDsa) => URL_SAFE_NO_PAD.encode(&Sha512::digest(token)[..32]),
        }
    }
}

impl Default for IdTokenAlgorithm {
    /// OpenID Connect Registration 2.
    fn default() -> Self {
        Self::Key(SigningAlgorithm::default())
    }
}

impl TryFrom<String> for IdTokenAlgorithm {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::from_name(&name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("there is no `{name}` here; it is one of {known}")
        })
    }
}

impl From<IdTokenAlgorithm> for &'static str {
    fn from(algorithm: IdTokenAlgorithm) -> Self {
        algorithm.name()
    }
}
