use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::header};
use latchkey_protocol::{
    Params, Reason, client::Client, client_auth::Credentials, error::Refusal, reason::unknown_id,
};

use crate::{fault::Fault, http, state::Provider};

/// The first phases of every endpoint that a client calls: read the form once, find out which client is asking.
///
/// # Errors
/// The outer error is ours, the inner one the answer that refuses.
pub async fn called_by(
    provider: &Provider,
    request: &HttpRequest,
    body: &[u8],
) -> Result<Result<(Params, Arc<Client>), HttpResponse>, Fault> {
    let params = match http::form(request, body) {
        Ok(params) => params,
        Err(refused) => return Ok(Err(http::refusal(provider, request, &refused))),
    };
    Ok(match authenticate(provider, request, &params).await? {
        Ok(client) => Ok((params, client)),
        Err(refused) => Err(http::refusal(provider, request, &refused)),
    })
}

/// The client that the header names. Nothing is proven by it.
pub fn unverified_client_id(request: &HttpRequest) -> Option<String> {
    let header = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    latchkey_protocol::client_auth::unverified_client_id(header)
}

/// Finds out which client is asking (RFC 6749 2.3).
///
/// # Errors
/// The outer error is ours, the inner one a refusal.
pub async fn authenticate(
    provider: &Provider,
    request: &HttpRequest,
    params: &Params,
) -> Result<Result<Arc<Client>, Refusal>, Fault> {
    let header = match request
        .headers()
        .get(header::AUTHORIZATION)
        .map(|v| v.to_str())
    {
        Some(Ok(text)) => Some(text),
        Some(Err(_)) => return Ok(Err(Reason::ClientAuthMalformed.into())),
        None => None,
    };
    let presented = match Credentials::parse(header, params) {
        Ok(presented) => presented,
        Err(refused) => return Ok(Err(refused)),
    };
    let Some(client) = provider.store.client(&presented.client_id).await? else {
        let received = unknown_id(&presented.client_id);
        return Ok(Err(
            Reason::ClientAuthUnknownClient.because("a registered client", received)
        ));
    };
    provider.observe_client(request, &client.id);
    let checked = guarded(provider, request, &presented, &client).await;
    Ok(checked.map(|()| client))
}

/// Compares, unless too many secrets of this client were wrong from there.
async fn guarded(
    provider: &Provider,
    request: &HttpRequest,
    presented: &Credentials,
    client: &Client,
) -> Result<(), Refusal> {
    if client.secret.is_none() {
        return presented.authenticate(client, &provider.client_pepper);
    }
    let (guard, address, now) = (
        &provider.client_guard,
        provider.address(request),
        provider.now(),
    );
    let locked = || {
        let received = format!("as many as are allowed, the last from {address}");
        Reason::ClientAuthLocked.because("fewer wrong secrets within ten minutes", received)
    };
    if guard.is_locked(&client.id, address, now) {
        return Err(locked());
    }
    match presented.authenticate(client, &provider.client_pepper) {
        Err(refused) if refused.reason == Reason::ClientSecretWrong => {
            Err(if guard.failed(presented, address, now).await {
                refused
            } else {
                locked()
            })
        }
        Ok(()) => {
            guard.succeeded(&client.id, address);
            Ok(())
        }
        Err(refused) => Err(refused),
    }
}
