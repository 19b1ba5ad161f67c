//! Which client is calling.

use std::sync::Arc;

use actix_web::{HttpRequest, http::header};
use latchkey_protocol::{
    ClientId, Params, Reason,
    audit::{ActorKind, AuditOutcome, AuditTarget, Event, TargetKind},
    client::Client,
    client_auth::Credentials,
    reason::unknown_id,
};
use latchkey_ui::{call::Call, failure::Failure};

use crate::{http, state::Provider};

/// The first phases of every endpoint that a client calls: read the form once, find out which client is asking.
///
/// # Errors
/// What makes the form unreadable, and those of [`authenticate`].
pub async fn called_by(
    provider: &Provider,
    call: Call<'_>,
    body: &[u8],
) -> Result<(Params, Arc<Client>), Failure> {
    let params = http::form(call.request, body)?;
    let client = authenticate(provider, call, &params).await?;
    Ok((params, client))
}

/// The client that the header names. Nothing is proven by it.
pub fn unverified_client_id(request: &HttpRequest) -> Option<ClientId> {
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
/// Whatever [`Credentials::parse`] and [`ClientGuard::authenticate`](latchkey_operations::ClientGuard::authenticate) refuse,
/// [`Reason::ClientAuthUnknownClient`], [`Reason::ClientDisabled`]; our own when storage fails.
pub async fn authenticate(
    provider: &Provider,
    call: Call<'_>,
    params: &Params,
) -> Result<Arc<Client>, Failure> {
    let header = call.request.headers().get(header::AUTHORIZATION);
    let header = header
        .map(|value| value.to_str())
        .transpose()
        .map_err(|_| Reason::ClientAuthMalformed)?;
    let presented = Credentials::parse(header, params)?;
    let Some(client) = provider.store.client(&presented.client_id).await? else {
        let received = unknown_id(&presented.client_id);
        let refused = Reason::ClientAuthUnknownClient.because("a registered client", received);
        return Err(refused.into());
    };
    call.observe_client(&client.id);
    let (guard, secrets) = (&provider.client_guard, &provider.client_secrets);
    let proven = guard.authenticate(secrets, &presented, &client, call.address, call.now);
    if let Err(refused) = proven.await {
        record_failure(provider, call, &client, refused.reason);
        return Err(refused.into());
    }
    // Whoever has not proven to be the client does not hear of it.
    client.enabled()?;
    Ok(client)
}

/// A wrong secret, or too many of them, in the audit table: once for each client and network in ten minutes.
fn record_failure(provider: &Provider, call: Call<'_>, client: &Client, reason: Reason) {
    let event = match reason {
        Reason::ClientSecretWrong => Event::ClientAuthenticationFailed,
        Reason::ClientAuthLocked => Event::ClientAuthenticationRefused,
        _ => return,
    };
    let mut entry = call.entry(event, (ActorKind::Client, &client.id));
    // Nobody has shown that they are this client.
    (entry.actor.kind, entry.actor.id) = (ActorKind::Stranger, None);
    entry.outcome = AuditOutcome::Refused;
    entry.target = Some(AuditTarget {
        kind: TargetKind::Client,
        id: Some(client.id.clone().into_string()),
        name: client.metadata.client_name.clone(),
    });
    let failures = &provider.ui.sign_in.failures;
    failures.count_refusal(&client.id, call.address, entry);
}
