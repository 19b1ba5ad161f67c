//! Access tokens as they are presented (RFC 6750).

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
};
use latchkey_protocol::{
    Params, Reason, Timestamp,
    authorize::RequestedClaims,
    bearer::{of_this_registration, unexpired},
    claims::AccessToken,
    client::Client,
    error::Refusal,
    user::User,
};
use latchkey_ui::{call::Call, failure::Failure};
use sha2::{Digest, Sha256};

use crate::{http, state::Provider};

/// A token that holds, and the user it speaks of; a client's own speaks of nobody.
pub struct Live {
    pub token: Arc<(String, AccessToken)>,
    pub user: Option<User>,
    /// What was asked of UserInfo claim by claim.
    pub asked: RequestedClaims,
}

/// Proves an access token and asks whether everything it hangs on is still there.
///
/// # Errors
/// [`Reason::TokenInvalid`], [`Reason::TokenExpired`], [`Reason::TokenRevoked`], [`Reason::TokenClientDisabled`]; our own when storage fails.
pub async fn prove(provider: &Provider, call: Call<'_>, presented: &str) -> Result<Live, Failure> {
    let now = call.now;
    let token = verify(provider, call, presented)?;
    let claims = &token.1;
    unexpired(claims, now)?;
    let Some(authorization) = claims.authorization() else {
        return prove_of_client(provider, token, now).await;
    };
    let support = provider.store.support(&authorization, &claims.jti).await?;
    let ended = || {
        let expected = "a live token, authorization, session and user";
        Reason::TokenRevoked.because(expected, "one of them is gone")
    };
    let support = support
        .filter(|s| s.stands(claims.sid.is_some(), now))
        .ok_or_else(ended)?;
    admitted(provider, claims, &support.user, now).await?;
    Ok(Live {
        token,
        user: Some(support.user),
        asked: support.asked_claims.userinfo,
    })
}

/// Whether the token's client is still for this user.
async fn admitted(
    provider: &Provider,
    claims: &AccessToken,
    user: &User,
    now: Timestamp,
) -> Result<(), Failure> {
    let client = enabled_client(provider, claims, now).await?;
    if client.admits(user) {
        return Ok(());
    }
    let expected = "a user of the client's access";
    Err(Reason::TokenRevoked
        .because(expected, &user.username)
        .into())
}

/// The token's client, which may have been deleted or disabled since.
async fn enabled_client(
    provider: &Provider,
    claims: &AccessToken,
    now: Timestamp,
) -> Result<Arc<Client>, Failure> {
    let gone = || Reason::TokenRevoked.because("a registered client", "the client is gone");
    let client = provider.store.client(&claims.client_id).await?;
    let client = client.ok_or_else(gone)?;
    if client.disabled_at.is_some() {
        let refused = Reason::TokenClientDisabled.because("an enabled client", "disabled");
        return Err(refused.into());
    }
    of_this_registration(claims, &client, now)?;
    Ok(client)
}

/// As [`prove`], a token that a client got for itself.
async fn prove_of_client(
    provider: &Provider,
    token: Arc<(String, AccessToken)>,
    now: Timestamp,
) -> Result<Live, Failure> {
    let claims = &token.1;
    if provider.store.is_access_token_revoked(&claims.jti).await? {
        let refused = Reason::TokenRevoked.because("not revoked", "revoked by its client");
        return Err(refused.into());
    }
    enabled_client(provider, claims, now).await?;
    Ok(Live {
        token,
        user: None,
        asked: RequestedClaims::default(),
    })
}

fn verify(
    provider: &Provider,
    call: Call<'_>,
    presented: &str,
) -> Result<Arc<(String, AccessToken)>, Refusal> {
    let (realm, now) = (call.realm, call.now);
    let digest: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
    if let Some(known) = provider.verified.get(&digest)
        && known.1.iss == realm.issuer
        && realm.keys.ring().publishes(&known.0, now.as_seconds())
    {
        return Ok(known);
    }
    let claims: AccessToken = realm.keys.verify(presented, now).map_err(|why| {
        let expected = "an access token of this issuer, signed by a published key";
        Reason::TokenInvalid.because(expected, why.to_string())
    })?;
    let kid = latchkey_jose::Compact::parse(presented)
        .ok()
        .and_then(|c| c.unverified_header.kid)
        .unwrap_or_default();
    let token = Arc::new((kid, claims));
    provider.verified.insert(digest, token.clone());
    Ok(token)
}

/// The token of a request: in the header or in the form (RFC 6750 2.1, 2.2), not in the query.
///
/// # Errors
/// [`Reason::TokenMissing`], [`Reason::TokenTwice`].
pub fn presented<'a>(
    request: &'a HttpRequest,
    params: Option<&'a Params>,
) -> Result<&'a str, Refusal> {
    let header = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok());
    let header = header
        .and_then(|h| h.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let form = params.and_then(|p| p.optional("access_token"));
    match (header, form) {
        (Some(_), Some(_)) => Err(Reason::TokenTwice.into()),
        (Some((_, token)), None) => Ok(token.trim()),
        (None, Some(token)) => Ok(token),
        (None, None) => Err(Reason::TokenMissing.because("Authorization: Bearer", "nothing")),
    }
}

/// A refusal in `WWW-Authenticate` (RFC 6750 3): nothing sent, no error code.
pub fn refusal(provider: &Provider, request: &HttpRequest, refused: &Refusal) -> HttpResponse {
    let reference = provider.ui.note(request, refused);
    let refusal = refused.reason.refusal();
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::UNAUTHORIZED);
    let mut builder = http::answer(status);
    if refusal.code.0.is_empty() {
        builder.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"latchkey\""));
        return builder.json(
            serde_json::json!({ "error_description": refusal.public, "error_ref": reference }),
        );
    }
    let challenge = http::challenge("Bearer", &refusal, &reference);
    builder
        .insert_header((header::WWW_AUTHENTICATE, challenge))
        .json(serde_json::json!({
            "error": refusal.code.0, "error_description": refusal.public, "error_ref": reference,
        }))
}
