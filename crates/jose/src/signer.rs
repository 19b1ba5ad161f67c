//! Signing with one key of the ring.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::{
    jwk::alg::rsa::RsaKeyPair,
    jws::{ES256, EdDSA, JwsSigner, PS256, RS256},
};
use serde::Serialize;

use crate::{Algorithm, JoseError, SigningKey};

/// Signs with one key. Built once and shared: reading the key again costs four times the signature.
#[derive(Debug)]
pub struct Signer {
    kid: String,
    algorithm: Algorithm,
    signer: Box<dyn JwsSigner>,
}

impl Signer {
    /// # Errors
    /// [`JoseError::Key`] when the library refuses the key.
    pub fn new(key: &SigningKey) -> Result<Self, JoseError> {
        Ok(Self {
            kid: key.kid().to_owned(),
            algorithm: key.algorithm(),
            signer: build(key.algorithm(), key.pem()).map_err(|e| JoseError::Key(e.to_string()))?,
        })
    }

    /// The id of its key.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The `alg` of its signatures.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// This signer, if the same input gives the same bytes.
    pub fn deterministic(&self) -> Option<DeterministicSigner<'_>> {
        self.algorithm
            .is_deterministic()
            .then_some(DeterministicSigner(self))
    }

    /// A compact JWS (RFC 7515 3.1) of type `typ` over `claims`.
    ///
    /// # Errors
    /// [`JoseError::Signing`] when the claims do not serialize or the library fails.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, JoseError> {
        let header = format!(
            r#"{{"alg":"{}","typ":"{typ}","kid":"{}"}}"#,
            self.algorithm.name(),
            self.kid
        );
        let mut token = signing_input(&header, claims)?;
        let signature = self
            .signer
            .sign(token.as_bytes())
            .map_err(|_| JoseError::Signing)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

impl Signer {
    /// As [`Signer::sign`], of type `JWT`, under the name that somebody else gave the key.
    ///
    /// # Errors
    /// As [`Signer::sign`].
    pub fn sign_as(&self, kid: &str, claims: &impl Serialize) -> Result<String, JoseError> {
        let header = serde_json::json!({"alg": self.algorithm.name(), "kid": kid, "typ": "JWT"});
        let mut token = signing_input(&header.to_string(), claims)?;
        let signature = self.signer.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.map_err(|_| JoseError::Signing)?, &mut token);
        Ok(token)
    }
}

/// Header and claims as they are signed (RFC 7515 5.1), with room for the signature.
pub(crate) fn signing_input(header: &str, claims: &impl Serialize) -> Result<String, JoseError> {
    let payload = serde_json::to_vec(claims).map_err(|_| JoseError::Signing)?;
    let mut token = String::with_capacity((header.len() + payload.len()) * 4 / 3 + 360);
    URL_SAFE_NO_PAD.encode_string(header, &mut token);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    Ok(token)
}

/// A signer whose signature over the same input is always the same. Made by [`Signer::deterministic`] alone, so that a
/// token that must come out the same once more (a refresh token within its replay window) cannot be signed otherwise.
#[derive(Debug, Clone, Copy)]
pub struct DeterministicSigner<'a>(&'a Signer);

impl<'a> DeterministicSigner<'a> {
    /// The id of its key.
    pub fn kid(&self) -> &'a str {
        self.0.kid()
    }

    /// As [`Signer::sign`]: the same bytes for the same input.
    ///
    /// # Errors
    /// As [`Signer::sign`].
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, JoseError> {
        self.0.sign(typ, claims)
    }
}

fn build(algorithm: Algorithm, pem: &str) -> Result<Box<dyn JwsSigner>, josekit::JoseError> {
    Ok(match algorithm {
        Algorithm::Rs256 => Box::new(RS256.signer_from_pem(pem)?),
        // As PKCS#1: the library takes a PKCS#8 key for PSS only when it is marked as one.
        Algorithm::Ps256 => {
            Box::new(PS256.signer_from_der(RsaKeyPair::from_pem(pem)?.to_raw_private_key())?)
        }
        Algorithm::Es256 => Box::new(ES256.signer_from_pem(pem)?),
        Algorithm::EdDsa => Box::new(EdDSA.signer_from_pem(pem)?),
    })
}
