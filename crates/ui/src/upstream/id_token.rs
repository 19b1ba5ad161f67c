//! The ID token of another provider: what must hold before a claim of it counts (OpenID Connect Core 3.1.3.7).

use std::str::FromStr;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use latchkey_protocol::{Digest, Timestamp, kind, upstream::TENANT};
use openidconnect::{
    ClaimsVerificationError, ClientId, IssuerUrl, Nonce, SignatureVerificationError,
    core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm},
};
use serde_json::{Map, Value};

use super::{discovery::Keys, http::plain};

/// Signatures by a key that is public: never `none`, nor one that is made with what we know too.
pub const ALGORITHMS: [CoreJwsSigningAlgorithm; 4] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EdDsa,
];
/// The longest token that is looked at, in bytes.
const LONGEST: usize = 32 * 1024;
/// How far another clock may be ahead of ours, in seconds.
pub const SKEW: i64 = 60;
/// How old a token may be that was asked for just now, in seconds.
const OLDEST: i64 = 10 * 60;

/// What the token has to say.
pub struct Expected<'a> {
    /// Whether it may be of this issuer.
    pub is_issuer: &'a (dyn Fn(&str, &Map<String, Value>) -> bool + Sync),
    /// Whom it is for.
    pub client_id: &'a str,
    /// What was sent as `nonce`.
    pub nonce: &'a Digest<kind::UpstreamNonce>,
    /// Since when the user must have proven who they are, where that was asked for.
    pub signed_in_since: Option<Timestamp>,
    /// The moment it is judged at.
    pub now: Timestamp,
}

/// Why a token counts for nothing.
#[derive(Debug, PartialEq, Eq)]
pub enum Unfit {
    /// No key of the provider that we know fits: there may be a new one.
    UnknownKey,
    /// The user did not prove who they are again, or the provider does not say when they did.
    NotFresh,
    /// Anything else, in words for the log.
    Wrong(String),
}

/// The claims of a token that keeps to all of it.
///
/// # Errors
/// [`Unfit`].
pub fn verify(
    token: &str,
    keys: &Keys,
    expected: &Expected<'_>,
) -> Result<Map<String, Value>, Unfit> {
    if token.len() > LONGEST {
        return Err(Unfit::Wrong("it is too long".into()));
    }
    let wrong = |error: &dyn std::fmt::Display| Unfit::Wrong(plain(&error.to_string()));
    let parsed = CoreIdToken::from_str(token).map_err(|error| wrong(&error))?;
    let nonce = |said: Option<&Nonce>| {
        let fits = said.is_some_and(|said| Digest::of(said.secret()) == *expected.nonce);
        fits.then_some(())
            .ok_or_else(|| "not the nonce that was sent".to_owned())
    };
    parsed
        .claims(&verifier(&keys.set, expected)?, nonce)
        .map_err(|error| match error {
            // Without a name of its key a token of a new one looks like a wrong signature.
            ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey
                | SignatureVerificationError::AmbiguousKeyId(_)
                | SignatureVerificationError::CryptoError(_),
            ) => Unfit::UnknownKey,
            other => wrong(&other),
        })?;
    let claims = part(token, 1).ok_or_else(|| Unfit::Wrong("its claims cannot be read".into()))?;
    judge(&claims, expected)?;
    if !key_signs_for(token, keys, &claims) {
        let said = "its key signs for another issuer";
        return Err(Unfit::Wrong(said.into()));
    }
    Ok(claims)
}

/// What the library checks: shape, type, algorithm, signature, audience, times and nonce. It knows one issuer for each
/// provider, and has no rule for `azp`: [`judge`] has.
fn verifier<'a>(
    keys: &CoreJsonWebKeySet,
    expected: &Expected<'_>,
) -> Result<CoreIdTokenVerifier<'a>, Unfit> {
    let now = expected.now.as_seconds();
    let at = move || chrono::DateTime::from_timestamp(now, 0).unwrap_or_default();
    let issued = move |at: chrono::DateTime<chrono::Utc>| {
        let age = now - at.timestamp();
        let fits = (-SKEW..=OLDEST).contains(&age);
        fits.then_some(())
            .ok_or_else(|| format!("iat is {age} seconds ago by our clock"))
    };
    let unread = IssuerUrl::new("https://issuer.invalid".into())
        .map_err(|error| Unfit::Wrong(plain(&error.to_string())))?;
    let client_id = ClientId::new(expected.client_id.to_owned());
    let keys = CoreJsonWebKeySet::new(keys.keys().clone());
    Ok(
        CoreIdTokenVerifier::new_public_client(client_id, unread, keys)
            .require_issuer_match(false)
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(at)
            .set_issue_time_verifier_fn(issued),
    )
}

/// The rest, on what was verified: the issuer byte for byte (step 2), the authorized party (steps 4 and 5), and when the
/// user proved who they are (step 13).
fn judge(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), Unfit> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let issuer = text("iss").unwrap_or_default();
    if !(expected.is_issuer)(issuer, claims) {
        let said = format!("it is of the issuer {}", plain(issuer));
        return Err(Unfit::Wrong(said));
    }
    if let Some(party) = claims.get("azp")
        && party.as_str() != Some(expected.client_id)
    {
        return Err(Unfit::Wrong("it was issued to another client (azp)".into()));
    }
    if text("sub").is_none_or(|subject| subject.is_empty() || subject.len() > 255) {
        return Err(Unfit::Wrong("it names no subject".into()));
    }
    if let Some(since) = expected.signed_in_since {
        let at = claims.get("auth_time").and_then(Value::as_i64);
        if at.is_none_or(|at| at < since.as_seconds()) {
            return Err(Unfit::NotFresh);
        }
    }
    Ok(())
}

/// Whether the key that the token names may sign for its issuer: of an issuer of many tenants, some keys are one tenant's.
pub fn key_signs_for(token: &str, keys: &Keys, claims: &Map<String, Value>) -> bool {
    if keys.issuers.is_empty() {
        return true;
    }
    let header = part(token, 0).unwrap_or_default();
    // One that is not named may be any.
    let Some(kid) = header.get("kid").and_then(Value::as_str) else {
        return false;
    };
    let text = |name: &str| {
        let value = claims.get(name).and_then(Value::as_str);
        value.unwrap_or_default()
    };
    let mut own = keys.issuers.iter().filter(|(of, _)| of == kid).peekable();
    let fits = |issuer: &str| issuer.replacen(TENANT, text("tid"), 1) == text("iss");
    own.peek().is_none() || own.any(|(_, issuer)| fits(issuer))
}

/// The header, or the claims.
fn part(token: &str, number: usize) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(number)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}
