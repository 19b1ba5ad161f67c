//! Private keys: made, read, and described by their public half.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::jwk::{
    Jwk as JosekitJwk, KeyPair,
    alg::{
        ec::{EcCurve, EcKeyPair},
        ed::{EdCurve, EdKeyPair},
    },
};
use rsa::{
    RsaPrivateKey,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding},
    rand_core::CryptoRngCore,
    traits::PublicKeyParts,
};

use crate::{Algorithm, JoseError, Jwk, PublicKey};

/// The smallest RSA modulus accepted, in bits (RFC 7518 3.3).
pub const MINIMUM_BITS: usize = 2048;

/// A private key in PKCS#8 PEM with its key id and its one algorithm. Never printed.
#[derive(Clone)]
pub struct SigningKey {
    pem: String,
    public: Jwk,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.public.kid)
            .field("alg", &self.public.alg)
            .finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Makes an RS256 key of `bits` bits from the randomness that is passed in.
    ///
    /// # Errors
    /// [`JoseError::TooSmall`] below [`MINIMUM_BITS`].
    pub fn generate(rng: &mut impl CryptoRngCore, bits: usize) -> Result<Self, JoseError> {
        Self::generate_rsa(Algorithm::Rs256, rng, bits)
    }

    /// Makes a key for `algorithm`: RSA ones of 2048 bits from the randomness that is passed in, those on curves from
    /// OpenSSL's.
    ///
    /// # Errors
    /// [`JoseError::Key`] when the library fails.
    pub fn generate_for(
        algorithm: Algorithm,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Self, JoseError> {
        match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => Self::generate_rsa(algorithm, rng, MINIMUM_BITS),
            Algorithm::Es256 => {
                Self::of_pair(algorithm, &EcKeyPair::generate(EcCurve::P256).map_err(key)?)
            }
            Algorithm::EdDsa => Self::of_pair(
                algorithm,
                &EdKeyPair::generate(EdCurve::Ed25519).map_err(key)?,
            ),
        }
    }

    fn generate_rsa(
        algorithm: Algorithm,
        rng: &mut impl CryptoRngCore,
        bits: usize,
    ) -> Result<Self, JoseError> {
        if bits < MINIMUM_BITS {
            return Err(JoseError::TooSmall(bits));
        }
        Self::of_rsa(algorithm, &RsaPrivateKey::new(rng, bits).map_err(key)?)
    }

    /// Reads the PKCS#8 PEM of an RS256 key.
    ///
    /// # Errors
    /// As [`SigningKey::read`].
    pub fn from_pem(pem: &str) -> Result<Self, JoseError> {
        Self::read(Algorithm::Rs256, pem)
    }

    /// Reads a PKCS#8 PEM of a key for `algorithm`.
    ///
    /// # Errors
    /// [`JoseError::Key`] when it is a key of another kind, [`JoseError::TooSmall`] when its modulus is short.
    pub fn read(algorithm: Algorithm, pem: &str) -> Result<Self, JoseError> {
        match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => {
                let read = RsaPrivateKey::from_pkcs8_pem(pem).map_err(key)?;
                read.validate().map_err(key)?;
                Self::of_rsa(algorithm, &read)
            }
            Algorithm::Es256 => {
                let pair = EcKeyPair::from_pem(pem, Some(EcCurve::P256)).map_err(key)?;
                Self::of_pair(algorithm, &pair)
            }
            Algorithm::EdDsa => {
                let pair = EdKeyPair::from_pem(pem).map_err(key)?;
                if pair.curve() != EdCurve::Ed25519 {
                    return Err(JoseError::Key("the curve must be Ed25519".into()));
                }
                Self::of_pair(algorithm, &pair)
            }
        }
    }

    fn of_rsa(algorithm: Algorithm, rsa: &RsaPrivateKey) -> Result<Self, JoseError> {
        let bits = rsa.n().bits();
        if bits < MINIMUM_BITS {
            return Err(JoseError::TooSmall(bits));
        }
        let pem = rsa.to_pkcs8_pem(LineEnding::LF).map_err(key)?;
        let public = PublicKey::Rsa {
            n: URL_SAFE_NO_PAD.encode(rsa.n().to_bytes_be()),
            e: URL_SAFE_NO_PAD.encode(rsa.e().to_bytes_be()),
        };
        Ok(Self::of_parts(algorithm, pem.to_string(), public))
    }

    fn of_pair(algorithm: Algorithm, pair: &dyn KeyPair) -> Result<Self, JoseError> {
        let pem = String::from_utf8(pair.to_pem_private_key()).map_err(key)?;
        let jwk = pair.to_jwk_public_key();
        let (crv, x) = (member(&jwk, "crv")?, member(&jwk, "x")?);
        let public = if jwk.key_type() == "EC" {
            let y = member(&jwk, "y")?;
            PublicKey::Ec { crv, x, y }
        } else {
            PublicKey::Okp { crv, x }
        };
        Ok(Self::of_parts(algorithm, pem, public))
    }

    fn of_parts(algorithm: Algorithm, pem: String, key: PublicKey) -> Self {
        let public = Jwk {
            key_use: "sig".into(),
            alg: algorithm,
            kid: key.thumbprint(),
            key,
        };
        Self { pem, public }
    }

    /// The key id: the thumbprint of the public key (RFC 7638), so equal keys have equal ids.
    pub fn kid(&self) -> &str {
        &self.public.kid
    }

    /// The one algorithm that it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.public.alg
    }

    /// Its public part, as it is published.
    pub fn public(&self) -> &Jwk {
        &self.public
    }

    /// The private key. The caller seals it before it goes anywhere.
    pub fn pem(&self) -> &str {
        &self.pem
    }
}

fn key(error: impl std::fmt::Display) -> JoseError {
    JoseError::Key(error.to_string())
}

fn member(jwk: &JosekitJwk, name: &str) -> Result<String, JoseError> {
    let value = jwk.parameter(name).and_then(|value| value.as_str());
    value
        .map(str::to_owned)
        .ok_or_else(|| JoseError::Key(format!("it has no member {name}")))
}
