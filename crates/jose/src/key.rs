use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rsa::{
    RsaPrivateKey,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding},
    rand_core::CryptoRngCore,
    traits::PublicKeyParts,
};
use sha2::{Digest, Sha256};

use crate::{JoseError, Jwk};

/// The smallest RSA modulus accepted, in bits (RFC 7518 3.3).
pub const MINIMUM_BITS: usize = 2048;

/// A private RSA key in PKCS#8 PEM with its key id. Never printed.
#[derive(Clone)]
pub struct SigningKey {
    pem: String,
    public: Jwk,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.public.kid)
            .finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Makes a key of `bits` bits from the randomness that is passed in.
    ///
    /// # Errors
    /// [`JoseError::TooSmall`] below [`MINIMUM_BITS`].
    pub fn generate(rng: &mut impl CryptoRngCore, bits: usize) -> Result<Self, JoseError> {
        if bits < MINIMUM_BITS {
            return Err(JoseError::TooSmall(bits));
        }
        let key = RsaPrivateKey::new(rng, bits).map_err(|e| JoseError::Key(e.to_string()))?;
        Self::from_key(&key)
    }

    /// Reads a PKCS#8 PEM.
    ///
    /// # Errors
    /// [`JoseError::Key`] when it is no RSA key, [`JoseError::TooSmall`] when its modulus is short.
    pub fn from_pem(pem: &str) -> Result<Self, JoseError> {
        let key = RsaPrivateKey::from_pkcs8_pem(pem).map_err(|e| JoseError::Key(e.to_string()))?;
        key.validate().map_err(|e| JoseError::Key(e.to_string()))?;
        Self::from_key(&key)
    }

    fn from_key(key: &RsaPrivateKey) -> Result<Self, JoseError> {
        let bits = key.n().bits();
        if bits < MINIMUM_BITS {
            return Err(JoseError::TooSmall(bits));
        }
        let pem = key
            .to_pkcs8_pem(LineEnding::LF)
            .map_err(|e| JoseError::Key(e.to_string()))?;
        let n = URL_SAFE_NO_PAD.encode(key.n().to_bytes_be());
        let e = URL_SAFE_NO_PAD.encode(key.e().to_bytes_be());
        Ok(Self {
            pem: pem.to_string(),
            public: Jwk {
                kty: "RSA".into(),
                key_use: "sig".into(),
                alg: "RS256".into(),
                kid: thumbprint(&n, &e),
                n,
                e,
            },
        })
    }

    /// The key id: the thumbprint of the public key (RFC 7638), so equal keys have equal ids.
    pub fn kid(&self) -> &str {
        &self.public.kid
    }

    pub fn public(&self) -> &Jwk {
        &self.public
    }

    /// The private key. The caller seals it before it goes anywhere.
    pub fn pem(&self) -> &str {
        &self.pem
    }
}

fn thumbprint(n: &str, e: &str) -> String {
    let canonical = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(canonical))
}
