//! The doors to programs: each turns a failure into an answer, for one kind of caller. Those to a browser are in
//! `latchkey_ui::answer`.

use actix_web::{HttpRequest, HttpResponse};
use latchkey_operations::{AuditEvent, audit};
use latchkey_protocol::{
    AuthorizationId, Reason,
    audit::{ActorKind, AuditEntry, AuditOutcome, AuditTarget, Event, TargetKind},
};
use latchkey_ui::{
    call::Call,
    failure::{Failure, Fault},
};
use serde_json::Map;

use crate::{bearer, fault::Broken, http, state::Provider};

/// To a client, as JSON (RFC 6749 5.2). Where a rule found a replay, all that came of the authorization ends first.
///
/// # Errors
/// Our own breakage.
pub async fn client(
    provider: &Provider,
    call: Call<'_>,
    answered: Result<HttpResponse, Failure>,
) -> Result<HttpResponse, Broken> {
    match answered {
        Ok(response) => Ok(response),
        Err(Failure::Refused { refusal, revoke }) => {
            if let Some(id) = revoke {
                audit::log(&AuditEvent::ReplayRevoked {
                    authorization: &id,
                    reason: refusal.reason,
                });
                let store = provider.store.recording(replay(call, &id, refusal.reason));
                let ended = store.revoke_authorization(&id, call.now).await;
                ended.map_err(Fault::from)?;
            }
            Ok(http::refusal(provider, call.request, &refusal))
        }
        Err(Failure::Fault(Fault::Busy)) => {
            provider.signing.pace_refusal().await;
            Ok(http::busy(call.request))
        }
        Err(Failure::Fault(fault)) => Err(fault.into()),
    }
}

/// By the client, or by whoever has what is the client's.
fn replay(call: Call<'_>, authorization: &AuthorizationId, reason: Reason) -> AuditEntry {
    let client = call.observed_client().unwrap_or_default();
    let mut entry = call.entry(Event::Replay, (ActorKind::Client, &client));
    entry.target = Some(AuditTarget {
        kind: TargetKind::Authorization,
        id: Some(authorization.as_str().to_owned()),
        name: None,
    });
    entry.outcome = AuditOutcome::Refused;
    entry.details = Map::from_iter([("reason".to_owned(), reason.name().into())]);
    entry
}

/// To whoever presents an access token (RFC 6750 3).
///
/// # Errors
/// Our own breakage.
pub fn bearer(
    provider: &Provider,
    request: &HttpRequest,
    answered: Result<HttpResponse, Failure>,
) -> Result<HttpResponse, Broken> {
    match answered {
        Ok(response) => Ok(response),
        Err(Failure::Refused { refusal, .. }) => Ok(bearer::refusal(provider, request, &refusal)),
        Err(Failure::Fault(fault)) => Err(fault.into()),
    }
}
