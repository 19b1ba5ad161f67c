//! ID tokens that come back: hints, which prove nothing but that they were issued here.

use latchkey_jose::{JoseError, SharedSecret};
use latchkey_operations::{
    ClientSecrets,
    token_keys::{RingClaims, unverified},
};
use latchkey_protocol::{ClientId, Issuer, claims::IdToken, client::Client};
use latchkey_ui::call::Call;

use crate::state::Provider;

/// The client that an ID token names as its audience, if only the client's own secret can say whether it is one. Nothing is
/// proven by it.
pub fn unverified_secret_holder(token: &str) -> Option<ClientId> {
    SharedSecret::unverified_is_named_by(token)
        .then(|| unverified::<IdToken>(token))
        .flatten()
        .map(|claims| claims.aud)
}

/// Proves that an ID token was issued here: by a published key, or by the secret of `client` where it says so. A key is
/// never taken for a secret (RFC 8725 2.1). Its times are the caller's to check.
///
/// # Errors
/// [`JoseError`] naming the first thing that was wrong.
pub(crate) fn verify(
    provider: &Provider,
    call: Call<'_>,
    client: Option<&Client>,
    token: &str,
) -> Result<IdToken, JoseError> {
    match client.filter(|_| SharedSecret::unverified_is_named_by(token)) {
        Some(client) => {
            verify_by_secret(&provider.client_secrets, &call.realm.issuer, client, token)
        }
        None => call.realm.keys.verify(token, call.now),
    }
}

/// Proves that an ID token of `client` was signed with the client's secret, where the client registered that. A secret
/// speaks for its own client alone.
///
/// # Errors
/// [`JoseError`] naming the first thing that was wrong.
pub fn verify_by_secret(
    secrets: &ClientSecrets,
    issuer: &Issuer,
    client: &Client,
    token: &str,
) -> Result<IdToken, JoseError> {
    let key = secrets.id_token_key(client)?;
    let RingClaims(claims) = key.verify::<RingClaims<IdToken>>(issuer, token)?;
    if claims.aud == client.id {
        Ok(claims)
    } else {
        Err(JoseError::Audience)
    }
}
