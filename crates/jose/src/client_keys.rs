//! The public keys of a client, ready to verify what it signs.

use josekit::jws::JwsVerifier;
use serde_json::{Map, Value};

use crate::{Algorithm, Compact, JoseError, jws};

/// What clients may sign with.
const ALGORITHMS: [&str; 3] = [
    Algorithm::Rs256.name(),
    Algorithm::Ps256.name(),
    Algorithm::Es256.name(),
];

/// One public key of a client, and the one algorithm that it is used with.
#[derive(Debug, Clone, Copy)]
pub struct ClientKey<'a> {
    /// The key's id, which a header may name (RFC 7515 4.1.4).
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
            let algorithm = Algorithm::from_name(key.algorithm)
                .filter(|known| ALGORITHMS.contains(&known.name()))
                .ok_or_else(|| JoseError::Algorithm(key.algorithm.to_owned()))?;
            Ok(ClientVerifier {
                kid: key.kid.map(str::to_owned),
                algorithm: key.algorithm,
                verifier: jws::verifier(algorithm, key.members.clone())
                    .map_err(|error| JoseError::ClientKeys(error.to_string()))?,
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
        let compact = Compact::parse_signed_with(token, &ALGORITHMS)?;
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
