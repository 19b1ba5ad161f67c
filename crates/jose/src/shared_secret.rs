//! Signing and verifying with a secret that two sides share (HS256).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use serde::Serialize;
use sha2::Sha256;

use crate::{Claims, Compact, JoseError, signer};

/// The `alg` value (RFC 7518 3.2).
const HS256: &str = "HS256";
/// As long as the hash, in bytes (RFC 7518 3.2).
const SHORTEST: usize = 32;

/// A secret that signs and verifies with HS256. It is made of a secret alone, never of a key of the ring: no public key can
/// be taken for one (RFC 8725 2.1). Never printed.
#[derive(Clone)]
pub struct SharedSecret(Hmac<Sha256>);

impl std::fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedSecret(..)")
    }
}

impl SharedSecret {
    /// Takes the UTF-8 of `secret` as the key (OpenID Connect Core 10.1).
    ///
    /// # Errors
    /// [`JoseError::Key`] for fewer than 32 bytes.
    pub fn new(secret: &str) -> Result<Self, JoseError> {
        if secret.len() < SHORTEST {
            return Err(JoseError::Key("the secret has fewer than 32 bytes".into()));
        }
        let keyed = Hmac::new_from_slice(secret.as_bytes());
        Ok(Self(keyed.map_err(|e| JoseError::Key(e.to_string()))?))
    }

    /// Whether a token says that it was signed with a shared secret. Nothing is proven by it.
    pub fn unverified_is_named_by(token: &str) -> bool {
        Compact::parse_any(token).is_ok_and(|compact| compact.unverified_header.alg == HS256)
    }

    /// A compact JWS (RFC 7515 3.1) of type `typ` over `claims`. It names no key: there is one secret alone.
    ///
    /// # Errors
    /// [`JoseError::Signing`] when the claims do not serialize.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, JoseError> {
        let header = format!(r#"{{"alg":"{HS256}","typ":"{typ}"}}"#);
        let mut token = signer::signing_input(&header, claims)?;
        let mac = self.0.clone().chain_update(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(mac.finalize().into_bytes(), &mut token);
        Ok(token)
    }

    /// Verifies that whoever has the secret signed a token of this kind in the name of `issuer`, and returns its claims.
    /// Times and audience are the caller's to check. Compares in constant time.
    ///
    /// # Errors
    /// [`JoseError`] naming the first thing that was wrong.
    pub fn verify<T: Claims>(&self, issuer: &str, token: &str) -> Result<T, JoseError> {
        let compact = Compact::parse_signed_with(token, &[HS256])?;
        compact.check_type::<T>()?;
        let (input, signature) = compact.signed();
        let mac = self.0.clone().chain_update(input);
        mac.verify_slice(signature)
            .map_err(|_| JoseError::Signature)?;
        compact.claims_of(issuer)
    }
}
