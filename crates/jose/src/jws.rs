use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::{
    jwk::Jwk as JosekitJwk,
    jws::{
        JwsSigner, JwsVerifier, RS256,
        alg::rsassa::{RsassaJwsSigner, RsassaJwsVerifier},
    },
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{JoseError, Jwk, SigningKey};

/// Signs with one key. Built once and shared: reading the key again costs four times the signature.
#[derive(Debug)]
pub struct Signer {
    kid: String,
    signer: RsassaJwsSigner,
}

impl Signer {
    /// # Errors
    /// [`JoseError::Key`] when the library refuses the key.
    pub fn new(key: &SigningKey) -> Result<Self, JoseError> {
        let signer = RS256
            .signer_from_pem(key.pem())
            .map_err(|e| JoseError::Key(e.to_string()))?;
        Ok(Self {
            kid: key.kid().to_owned(),
            signer,
        })
    }

    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// A compact JWS (RFC 7515 3.1) of type `typ` over `claims`. The same input gives the same bytes.
    ///
    /// # Errors
    /// [`JoseError::Signing`] when the claims do not serialize or the library fails.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, JoseError> {
        let payload = serde_json::to_vec(claims).map_err(|_| JoseError::Signing)?;
        let header = format!(r#"{{"alg":"RS256","typ":"{typ}","kid":"{}"}}"#, self.kid);
        let mut token = String::with_capacity((header.len() + payload.len()) * 4 / 3 + 360);
        URL_SAFE_NO_PAD.encode_string(header, &mut token);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = self
            .signer
            .sign(token.as_bytes())
            .map_err(|_| JoseError::Signing)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

/// Verifies with one public key. Built once and shared, like the signer.
#[derive(Debug)]
pub struct Verifier {
    verifier: RsassaJwsVerifier,
}

impl Verifier {
    /// # Errors
    /// [`JoseError::Key`] when `jwk` is no usable RSA key.
    pub fn new(jwk: &Jwk) -> Result<Self, JoseError> {
        let mut key = JosekitJwk::new("RSA");
        for (name, value) in [("n", &jwk.n), ("e", &jwk.e)] {
            key.set_parameter(name, Some(value.as_str().into()))
                .map_err(|e| JoseError::Key(e.to_string()))?;
        }
        let verifier = RS256
            .verifier_from_jwk(&key)
            .map_err(|e| JoseError::Key(e.to_string()))?;
        Ok(Self { verifier })
    }

    /// # Errors
    /// [`JoseError::Signature`] when the signature does not match.
    pub fn verify(&self, token: &Compact<'_>) -> Result<(), JoseError> {
        self.verifier
            .verify(token.signing_input.as_bytes(), &token.signature)
            .map_err(|_| JoseError::Signature)
    }
}

/// The claims of one kind of token, with what no verification may leave out.
pub trait Claims: DeserializeOwned {
    /// The header `typ` values of this kind (RFC 8725 3.11).
    const TYPES: &'static [&'static str];

    /// `iss`.
    fn issuer(&self) -> &str;

    /// Whether the claims are of this kind, where another kind has the same `typ`.
    fn is_of_kind(&self) -> bool {
        true
    }
}

/// The header members that decide anything here.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Header {
    pub alg: String,
    #[serde(default)]
    pub typ: Option<String>,
    #[serde(default)]
    pub kid: Option<String>,
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

/// A compact JWS taken apart. Nothing in it is proven until a [`Verifier`] has said so.
#[derive(Debug)]
pub struct Compact<'a> {
    pub unverified_header: Header,
    signing_input: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// Takes a token apart (RFC 7515 5.2 steps 1 to 7).
    ///
    /// # Errors
    /// [`JoseError::Malformed`], [`JoseError::Algorithm`] for all but RS256, [`JoseError::Critical`].
    pub fn parse(token: &'a str) -> Result<Self, JoseError> {
        Self::parse_signed_with(token, &["RS256"])
    }

    /// As [`Compact::parse`], for other algorithms.
    pub(crate) fn parse_signed_with(
        token: &'a str,
        algorithms: &[&str],
    ) -> Result<Self, JoseError> {
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JoseError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JoseError::Malformed)?;
        if payload.contains('.') {
            return Err(JoseError::Malformed);
        }
        let header: Header =
            serde_json::from_slice(&decode(header)?).map_err(|_| JoseError::Malformed)?;
        if !algorithms.contains(&header.alg.as_str()) {
            return Err(JoseError::Algorithm(header.alg.chars().take(20).collect()));
        }
        if header.crit.is_some() {
            return Err(JoseError::Critical);
        }
        Ok(Self {
            unverified_header: header,
            signing_input,
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }

    pub(crate) fn is_signed_by(&self, verifier: &dyn JwsVerifier) -> bool {
        verifier
            .verify(self.signing_input.as_bytes(), &self.signature)
            .is_ok()
    }

    pub(crate) fn into_payload(self) -> Vec<u8> {
        self.payload
    }

    /// # Errors
    /// [`JoseError::Malformed`] when the payload is not such claims.
    pub fn unverified_claims<T: DeserializeOwned>(&self) -> Result<T, JoseError> {
        serde_json::from_slice(&self.payload).map_err(|_| JoseError::Malformed)
    }
}

fn decode(part: &str) -> Result<Vec<u8>, JoseError> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| JoseError::Malformed)
}
