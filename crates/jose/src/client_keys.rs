//! The public keys of a client, ready to verify what it signs.

use josekit::{
    jwk::Jwk as JosekitJwk,
    jws::{ES256, JwsVerifier, PS256, RS256},
};
use serde_json::{Map, Value};

use crate::{Compact, JoseError};

/// One public key of a client, and the one algorithm that it is used with.
#[derive(Debug, Clone, Copy)]
pub struct ClientKey<'a> {
    pub kid: Option<&'a str>,
    /// `RS256`, `PS256` or `ES256`.
    pub algorithm: &'static str,
    /// The JWK (RFC 7517 4).
    pub members: &'a Map<String, Value>,
}

/// The public keys that a client registered, to verify what it signs. Which keys are good enough is decided before.
#[derive(Debug)]
pub struct ClientKeys(Vec<ClientVerifier>);

#[derive(Debug)]
struct ClientVerifier {
    kid: Option<String>,
    algorithm: &'static str,
    verifier: Box<dyn JwsVerifier>,
}

impl ClientKeys {
    /// Builds the verifiers.
    ///
    /// # Errors
    /// [`JoseError::ClientKeys`] for a key that the library refuses, such as a point that is not on its curve.
    pub fn new<'a>(keys: impl IntoIterator<Item = ClientKey<'a>>) -> Result<Self, JoseError> {
        let built = keys.into_iter().map(|key| {
            Ok(ClientVerifier {
                kid: key.kid.map(str::to_owned),
                algorithm: key.algorithm,
                verifier: verifier(key.algorithm, key.members)?,
            })
        });
        Ok(Self(built.collect::<Result<_, JoseError>>()?))
    }

    /// Verifies a token of one of `types`, or of none, and returns its payload. `algorithm`: the one registered.
    ///
    /// # Errors
    /// [`JoseError`] naming the first thing that was wrong.
    pub fn verify(
        &self,
        token: &str,
        types: &[&str],
        algorithm: Option<&str>,
    ) -> Result<Vec<u8>, JoseError> {
        let compact = Compact::parse_signed_with(token, &["RS256", "PS256", "ES256"])?;
        let header = &compact.unverified_header;
        if algorithm.is_some_and(|registered| registered != header.alg) {
            return Err(JoseError::Algorithm(header.alg.clone()));
        }
        // The prefix may be left out (RFC 7515 4.1.9).
        let typ = header
            .typ
            .as_deref()
            .map(|t| t.strip_prefix("application/").unwrap_or(t));
        if let Some(other) =
            typ.filter(|typ| !types.iter().any(|known| known.eq_ignore_ascii_case(typ)))
        {
            return Err(JoseError::Type(other.chars().take(40).collect()));
        }
        let named = |key: &&ClientVerifier| {
            header.kid.is_none() || key.kid.is_none() || key.kid == header.kid
        };
        let mut fitting = self
            .0
            .iter()
            .filter(|key| key.algorithm == header.alg)
            .filter(named)
            .peekable();
        if fitting.peek().is_none() {
            let kid = header.kid.as_deref().unwrap_or_default();
            return Err(JoseError::UnknownKey(kid.chars().take(60).collect()));
        }
        if fitting.any(|key| compact.is_signed_by(&*key.verifier)) {
            Ok(compact.into_payload())
        } else {
            Err(JoseError::Signature)
        }
    }
}

fn verifier(
    algorithm: &str,
    members: &Map<String, Value>,
) -> Result<Box<dyn JwsVerifier>, JoseError> {
    let failed = |error: josekit::JoseError| JoseError::ClientKeys(error.to_string());
    let key = JosekitJwk::from_map(members.clone()).map_err(failed)?;
    Ok(match algorithm {
        "ES256" => Box::new(ES256.verifier_from_jwk(&key).map_err(failed)?),
        "PS256" => Box::new(PS256.verifier_from_jwk(&key).map_err(failed)?),
        "RS256" => Box::new(RS256.verifier_from_jwk(&key).map_err(failed)?),
        other => return Err(JoseError::Algorithm(other.to_owned())),
    })
}
