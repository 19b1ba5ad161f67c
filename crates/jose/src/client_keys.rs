use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::{
    jwk::Jwk as JosekitJwk,
    jws::{ES256, JwsVerifier, PS256, RS256},
};
use serde_json::{Map, Value};

use crate::{Compact, JoseError, MINIMUM_BITS};

/// The algorithms that a client may sign with: asymmetric ones alone, so that no public key is taken for a shared secret.
pub const CLIENT_ALGORITHMS: [&str; 3] = ["RS256", "PS256", "ES256"];

/// The most keys of one client: without a key id each is tried.
const MOST_KEYS: usize = 10;
/// The largest RSA modulus, in bits: a larger one makes verifying dear.
const MAXIMUM_BITS: usize = 8192;
/// Members of private and symmetric keys (RFC 7518 6.2.2, 6.3.2, 6.4).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The public keys that a client registered, to verify what it signs.
#[derive(Debug)]
pub struct ClientKeys(Vec<ClientKey>);

#[derive(Debug)]
struct ClientKey {
    kid: Option<String>,
    algorithm: &'static str,
    verifier: Box<dyn JwsVerifier>,
}

impl ClientKeys {
    /// Reads a JWK set (RFC 7517 5). Keys for other purposes and algorithms are passed over.
    ///
    /// # Errors
    /// [`JoseError::ClientKeys`] when a key is private or weak, or when none can verify anything.
    pub fn parse(set: &Value) -> Result<Self, JoseError> {
        let keys = set
            .get("keys")
            .and_then(Value::as_array)
            .ok_or_else(|| unusable("keys must be an array"))?;
        if keys.len() > MOST_KEYS {
            return Err(unusable(format!("at most {MOST_KEYS} keys are taken")));
        }
        let mut usable: Vec<ClientKey> = Vec::new();
        for key in keys {
            let members = key
                .as_object()
                .ok_or_else(|| unusable("each key is an object"))?;
            let made = verifiers(members)?;
            let taken =
                |k: &ClientKey| k.kid.is_some() && made.first().is_some_and(|new| new.kid == k.kid);
            if usable.iter().any(taken) {
                return Err(unusable("two keys have the same kid"));
            }
            usable.extend(made);
        }
        if usable.is_empty() {
            return Err(unusable(
                "no key is an RSA key, or an EC key on P-256, for signatures",
            ));
        }
        Ok(Self(usable))
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
        let compact = Compact::parse_signed_with(token, &CLIENT_ALGORITHMS)?;
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
        let named =
            |key: &&ClientKey| header.kid.is_none() || key.kid.is_none() || key.kid == header.kid;
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

fn unusable(why: impl Into<String>) -> JoseError {
    JoseError::ClientKeys(why.into())
}

/// One verifier for each algorithm that the key is for.
fn verifiers(members: &Map<String, Value>) -> Result<Vec<ClientKey>, JoseError> {
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if PRIVATE.iter().any(|name| members.contains_key(*name)) || text("kty") == Some("oct") {
        return Err(unusable(
            "a key is private or symmetric: register public keys alone",
        ));
    }
    let for_signatures = text("use").is_none_or(|purpose| purpose == "sig");
    let algorithms: &[&'static str] = match text("kty") {
        Some("RSA") if for_signatures => &["RS256", "PS256"],
        Some("EC") if for_signatures && text("crv") == Some("P-256") => &["ES256"],
        _ => &[],
    };
    if text("kty") == Some("RSA") {
        check_rsa(text("n").unwrap_or_default(), text("e").unwrap_or_default())?;
    }
    let fitting = algorithms
        .iter()
        .filter(|a| text("alg").is_none_or(|registered| registered == **a));
    let kid = text("kid").map(str::to_owned);
    fitting
        .map(|algorithm| {
            Ok(ClientKey {
                kid: kid.clone(),
                algorithm,
                verifier: verifier(algorithm, members)?,
            })
        })
        .collect()
}

fn verifier(
    algorithm: &str,
    members: &Map<String, Value>,
) -> Result<Box<dyn JwsVerifier>, JoseError> {
    let failed = |error: josekit::JoseError| unusable(error.to_string());
    let key = JosekitJwk::from_map(members.clone()).map_err(failed)?;
    Ok(match algorithm {
        "ES256" => Box::new(ES256.verifier_from_jwk(&key).map_err(failed)?),
        "PS256" => Box::new(PS256.verifier_from_jwk(&key).map_err(failed)?),
        _ => Box::new(RS256.verifier_from_jwk(&key).map_err(failed)?),
    })
}

/// Size of the modulus (RFC 7518 3.3), and an exponent that is odd and more than one: with 1 anybody could sign.
fn check_rsa(n: &str, e: &str) -> Result<(), JoseError> {
    let number = |text: &str| -> Result<Vec<u8>, JoseError> {
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| unusable("n and e are unpadded base64url"))?;
        Ok(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
    };
    let (n, e) = (number(n)?, number(e)?);
    let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !(MINIMUM_BITS..=MAXIMUM_BITS).contains(&bits) {
        return Err(unusable(format!(
            "an RSA key has {bits} bits; {MINIMUM_BITS} to {MAXIMUM_BITS} are taken"
        )));
    }
    if e.len() > 4 || e.last().is_none_or(|byte| byte % 2 == 0) || e == [1] {
        return Err(unusable(
            "the exponent of an RSA key is odd, more than 1 and at most 4 bytes",
        ));
    }
    Ok(())
}
