use serde::{Deserialize, Serialize};

/// A public RSA key as published (RFC 7517, RFC 7518 6.3.1). There is no field for a private member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    pub kty: String,
    #[serde(rename = "use")]
    pub key_use: String,
    pub alg: String,
    pub kid: String,
    /// Modulus, unpadded base64url.
    pub n: String,
    /// Public exponent, unpadded base64url.
    pub e: String,
}

/// What the JWKS address answers (RFC 7517 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct JwkSet {
    pub keys: Vec<Jwk>,
}
