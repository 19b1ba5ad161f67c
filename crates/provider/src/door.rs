//! The doors: each turns a failure into an answer, for one kind of caller. Our own faults go on to the boundary, which
//! logs them once, except where a browser has to see them.

use actix_web::{HttpRequest, HttpResponse};
use latchkey_operations::{AuditEvent, audit};
use latchkey_protocol::client::ReturnTo;
use latchkey_ui::{answer, call::Call};

use crate::{bearer, failure::Failure, fault::Fault, http, state::Provider};

/// To a client, as JSON (RFC 6749 5.2). Where a rule found a replay, all that came of the authorization ends first.
///
/// # Errors
/// Our own breakage.
pub async fn client(
    provider: &Provider,
    call: Call<'_>,
    answered: Result<HttpResponse, Failure>,
) -> Result<HttpResponse, Fault> {
    match answered {
        Ok(response) => Ok(response),
        Err(Failure::Refused { refusal, revoke }) => {
            if let Some(id) = revoke {
                audit::log(&AuditEvent::ReplayRevoked {
                    authorization: &id,
                    reason: refusal.reason,
                });
                provider.store.revoke_authorization(&id, call.now).await?;
            }
            Ok(http::refusal(provider, call.request, &refusal))
        }
        Err(Failure::Fault(Fault::Busy(_))) => {
            provider.signing.pace_refusal().await;
            Ok(http::busy(call.request))
        }
        Err(Failure::Fault(fault)) => Err(fault),
    }
}

/// To whoever presents an access token (RFC 6750 3).
///
/// # Errors
/// Our own breakage.
pub fn bearer(
    provider: &Provider,
    request: &HttpRequest,
    answered: Result<HttpResponse, Failure>,
) -> Result<HttpResponse, Fault> {
    match answered {
        Ok(response) => Ok(response),
        Err(Failure::Refused { refusal, .. }) => Ok(bearer::refusal(provider, request, &refusal)),
        Err(Failure::Fault(fault)) => Err(fault),
    }
}

/// To a user, as a page: the only way out before a destination is proven.
pub fn page(
    provider: &Provider,
    request: &HttpRequest,
    answered: Result<HttpResponse, Failure>,
) -> HttpResponse {
    match answered {
        Ok(response) => response,
        Err(Failure::Refused { refusal, .. }) => provider.ui.refuse(request, &refusal),
        Err(Failure::Fault(fault)) => answer::broken(&provider.ui, request, &fault, fault.reason()),
    }
}

/// By the browser to the client, once its address is proven (RFC 6749 4.1.2.1).
pub fn back(
    provider: &Provider,
    request: &HttpRequest,
    to: &ReturnTo,
    answered: Result<HttpResponse, Failure>,
) -> HttpResponse {
    match answered {
        Ok(response) => response,
        Err(Failure::Refused { refusal, .. }) => answer::back(&provider.ui, request, to, &refusal),
        Err(Failure::Fault(fault)) => {
            answer::broken_back(&provider.ui, request, to, &fault, fault.reason())
        }
    }
}
