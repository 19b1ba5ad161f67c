//! Public keys as they are published.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Algorithm;

/// A public key as published (RFC 7517 4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// `use`: `sig` for every key here (RFC 7517 4.2).
    #[serde(rename = "use")]
    pub key_use: String,
    /// The one algorithm that the key is used with (RFC 7517 4.4).
    pub alg: Algorithm,
    /// The key's id: its thumbprint (RFC 7638).
    pub kid: String,
    /// Its numbers.
    #[serde(flatten)]
    pub key: PublicKey,
}

/// The numbers of a public key, in unpadded base64url. There is no field for a private member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum PublicKey {
    /// RFC 7518 6.3.1: modulus and exponent.
    #[serde(rename = "RSA")]
    Rsa {
        /// Modulus.
        n: String,
        /// Exponent.
        e: String,
    },
    /// RFC 7518 6.2.1: a point on a curve.
    #[serde(rename = "EC")]
    Ec {
        /// The curve: `P-256`.
        crv: String,
        /// Its first coordinate.
        x: String,
        /// Its second coordinate.
        y: String,
    },
    /// RFC 8037 2: a point on a curve for EdDSA.
    #[serde(rename = "OKP")]
    Okp {
        /// The curve: `Ed25519`.
        crv: String,
        /// The point.
        x: String,
    },
}

impl PublicKey {
    /// The thumbprint (RFC 7638 3, RFC 8037 2): the required members in lexicographic order.
    pub fn thumbprint(&self) -> String {
        let canonical = match self {
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Self::Ec { crv, x, y } => {
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Self::Okp { crv, x } => format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#),
        };
        URL_SAFE_NO_PAD.encode(Sha256::digest(canonical))
    }
}

/// What the JWKS address answers (RFC 7517 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct JwkSet {
    /// The public keys, those that sign and those that signed.
    pub keys: Vec<Jwk>,
}
