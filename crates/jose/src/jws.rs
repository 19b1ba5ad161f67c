//! Signed tokens taken apart and verified.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::{
    jwk::Jwk as JosekitJwk,
    jws::{ES256, EdDSA, JwsVerifier, PS256, RS256},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Algorithm, JoseError, Jwk, PublicKey};

/// Verifies with one public key. Built once and shared, like the signer.
#[derive(Debug)]
pub struct Verifier {
    algorithm: Algorithm,
    verifier: Box<dyn JwsVerifier>,
}

impl Verifier {
    /// # Errors
    /// [`JoseError::Key`] when `jwk` is no usable key for its algorithm.
    pub fn new(jwk: &Jwk) -> Result<Self, JoseError> {
        let refused = |error: &dyn std::fmt::Display| JoseError::Key(error.to_string());
        let members = match serde_json::to_value(jwk) {
            Ok(Value::Object(members)) => members,
            _ => return Err(JoseError::Key("it is no JSON object".into())),
        };
        // The library would take Ed448 as well.
        if matches!(&jwk.key, PublicKey::Okp { crv, .. } if crv != "Ed25519") {
            return Err(JoseError::Key("the curve must be Ed25519".into()));
        }
        Ok(Self {
            algorithm: jwk.alg,
            verifier: verifier(jwk.alg, members).map_err(|e| refused(&e))?,
        })
    }

    /// # Errors
    /// [`JoseError::Algorithm`] when the header names another algorithm than the key's (RFC 8725 3.1),
    /// [`JoseError::Signature`] when the signature does not match.
    pub fn verify(&self, token: &Compact<'_>) -> Result<(), JoseError> {
        let named = &token.unverified_header.alg;
        if named != self.algorithm.name() {
            return Err(JoseError::Algorithm(named.clone()));
        }
        if token.is_signed_by(&*self.verifier) {
            Ok(())
        } else {
            Err(JoseError::Signature)
        }
    }
}

/// What verifies signatures of `algorithm` by the public key of these JWK members.
pub(crate) fn verifier(
    algorithm: Algorithm,
    members: Map<String, Value>,
) -> Result<Box<dyn JwsVerifier>, josekit::JoseError> {
    let key = JosekitJwk::from_map(members)?;
    Ok(match algorithm {
        Algorithm::Rs256 => Box::new(RS256.verifier_from_jwk(&key)?),
        Algorithm::Ps256 => Box::new(PS256.verifier_from_jwk(&key)?),
        Algorithm::Es256 => Box::new(ES256.verifier_from_jwk(&key)?),
        Algorithm::EdDsa => Box::new(EdDSA.verifier_from_jwk(&key)?),
    })
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
    /// The algorithm (RFC 7515 4.1.1).
    pub alg: String,
    /// The kind of token (RFC 7515 4.1.9).
    #[serde(default)]
    pub typ: Option<String>,
    /// The id of the key that signed it (RFC 7515 4.1.4).
    #[serde(default)]
    pub kid: Option<String>,
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

/// A compact JWS taken apart. Nothing in it is proven until a [`Verifier`] has said so.
#[derive(Debug)]
pub struct Compact<'a> {
    /// The header, which anybody may have written.
    pub unverified_header: Header,
    signing_input: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// Takes a token apart (RFC 7515 5.2 steps 1 to 7).
    ///
    /// # Errors
    /// [`JoseError::Malformed`], [`JoseError::Algorithm`] for all that no key of the ring signs with,
    /// [`JoseError::Critical`].
    pub fn parse(token: &'a str) -> Result<Self, JoseError> {
        Self::parse_signed_with(token, &Algorithm::NAMES)
    }

    /// As [`Compact::parse`], for whatever may be signed with: to look who could verify it.
    ///
    /// # Errors
    /// [`JoseError::Malformed`], [`JoseError::Critical`].
    pub fn parse_any(token: &'a str) -> Result<Self, JoseError> {
        Self::parse_if(token, |_| true)
    }

    /// As [`Compact::parse`], for other algorithms.
    pub(crate) fn parse_signed_with(
        token: &'a str,
        algorithms: &[&str],
    ) -> Result<Self, JoseError> {
        Self::parse_if(token, |named| algorithms.contains(&named))
    }

    fn parse_if(token: &'a str, accepted: impl Fn(&str) -> bool) -> Result<Self, JoseError> {
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JoseError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JoseError::Malformed)?;
        if payload.contains('.') {
            return Err(JoseError::Malformed);
        }
        let header: Header =
            serde_json::from_slice(&decode(header)?).map_err(|_| JoseError::Malformed)?;
        if !accepted(&header.alg) {
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

    /// What was signed, and the signature.
    pub(crate) fn signed(&self) -> (&[u8], &[u8]) {
        (self.signing_input.as_bytes(), &self.signature)
    }

    /// Whether its type is one of the kind `T` (RFC 8725 3.11).
    ///
    /// # Errors
    /// [`JoseError::Type`].
    pub(crate) fn check_type<T: Claims>(&self) -> Result<(), JoseError> {
        let typ = self.unverified_type();
        if T::TYPES.iter().any(|known| known.eq_ignore_ascii_case(typ)) {
            Ok(())
        } else {
            Err(other_kind(typ))
        }
    }

    /// The claims, once the signature was verified: of `issuer`, and of the kind `T`.
    ///
    /// # Errors
    /// [`JoseError::Malformed`], [`JoseError::Issuer`], [`JoseError::Type`].
    pub(crate) fn claims_of<T: Claims>(&self, issuer: &str) -> Result<T, JoseError> {
        let claims: T = self.unverified_claims()?;
        if claims.issuer() != issuer {
            return Err(JoseError::Issuer(
                claims.issuer().chars().take(200).collect(),
            ));
        }
        if !claims.is_of_kind() {
            return Err(other_kind(self.unverified_type()));
        }
        Ok(claims)
    }

    fn unverified_type(&self) -> &str {
        self.unverified_header.typ.as_deref().unwrap_or("none")
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

fn other_kind(typ: &str) -> JoseError {
    JoseError::Type(typ.chars().take(40).collect())
}

fn decode(part: &str) -> Result<Vec<u8>, JoseError> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| JoseError::Malformed)
}
