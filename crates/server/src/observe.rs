//! A line per request, with what the endpoints found out, and never a secret.

use std::{
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::PayloadError,
    http::header::{self, HeaderName, HeaderValue},
    middleware::Next,
    web,
};
use latchkey_protocol::{
    Reason,
    error::Refusal,
    observe::{Observation, first_segment},
    paths,
};
use rand::RngCore;

use crate::edge::Edge;

static PROCESS: LazyLock<u32> = LazyLock::new(|| rand::rngs::OsRng.next_u32());
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Names the request, finds out who is calling, and logs what came of it.
///
/// # Errors
/// Those of the endpoint.
pub async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let id = format!(
        "{:08x}{:08x}",
        *PROCESS,
        COUNT.fetch_add(1, Ordering::Relaxed)
    );
    let edge = request
        .app_data::<web::Data<Edge>>()
        .map(|edge| edge.get_ref());
    let strict_transport = edge.is_some_and(|edge| edge.strict_transport);
    let peer = edge.and_then(|edge| edge.peer(&request));
    request.extensions_mut().insert(Observation {
        request_id: id.clone(),
        peer,
        ..Observation::default()
    });
    let mut response = readable(next.call(request).await?);
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
    if strict_transport {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    write_line(&response, &id, started);
    Ok(response)
}

/// Finds out who is calling, and no more: what is published has no line in the log.
///
/// # Errors
/// Those of the endpoint.
pub async fn find_peer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let edge = request.app_data::<web::Data<Edge>>();
    let peer = edge.and_then(|edge| edge.peer(&request));
    request.extensions_mut().insert(Observation {
        peer,
        ..Observation::default()
    });
    next.call(request).await
}

/// The endpoint's answer, or the refusal of a body that never reached it.
fn readable<B: MessageBody>(response: ServiceResponse<B>) -> ServiceResponse<EitherBody<B>> {
    let Some(refused) = unreadable(&response) else {
        return response.map_into_left_body();
    };
    let request = response.into_parts().0;
    let answer = match request.app_data::<web::Data<latchkey_provider::Provider>>() {
        Some(provider) if is_of_api(provider, request.path()) => {
            latchkey_api::unreadable(&provider.ui, &request, &refused)
        }
        Some(provider) => latchkey_provider::refusal(provider, &request, &refused),
        None => HttpResponse::BadRequest().finish(),
    };
    ServiceResponse::new(request, answer).map_into_right_body()
}

fn is_of_api(provider: &latchkey_provider::Provider, path: &str) -> bool {
    let base = provider.ui.only_realm.issuer.base();
    path.strip_prefix(base)
        .is_some_and(|path| path.starts_with(paths::API_V1))
}

/// The line of a request, and a second one where we could not answer.
fn write_line(response: &ServiceResponse<impl MessageBody>, id: &str, started: Instant) {
    let request = response.request();
    let observed = request.extensions_mut().remove::<Observation>();
    let observed = observed.unwrap_or_default();
    let status = response.status().as_u16();
    let (method, path) = (request.method().as_str(), first_segment(request.path()));
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let client = observed.client_id.as_deref().unwrap_or("-");
    if let Some(error) = response.response().error() {
        // Asked to come again: overload, or a database that is away, which has its own line.
        if status == 503 {
            tracing::warn!(request = %id, method, path, %error, "not just now");
        } else {
            tracing::error!(request = %id, method, path, %error, "our own fault");
        }
    }
    match &observed.refused {
        None => {
            tracing::info!(target: "request", request = %id, method, path, status, client, micros)
        }
        Some((Reason::Busy, reference)) if reference.is_empty() => count_busy(),
        Some((reason, reference)) => {
            tracing::info!(target: "request", request = %id, method, path, status, client, micros, refused = reason.name(), reference);
        }
    }
}

/// Refusals for overload come in floods: one line a second counts them.
fn count_busy() {
    static COUNTED: Mutex<(u64, Option<Instant>)> = Mutex::new((0, None));
    let mut counted = COUNTED.lock().unwrap_or_else(PoisonError::into_inner);
    counted.0 += 1;
    if counted
        .1
        .is_none_or(|said| said.elapsed() >= Duration::from_secs(1))
    {
        tracing::warn!(
            refused = counted.0,
            "more tokens are asked for than can be signed in time"
        );
        *counted = (0, Some(Instant::now()));
    }
}

/// A body that never reached the endpoint.
fn unreadable(response: &ServiceResponse<impl MessageBody>) -> Option<Refusal> {
    let error = response.response().error()?.as_error::<PayloadError>()?;
    Some(match error {
        PayloadError::Overflow => Reason::BodyTooLarge.because("at most 64 KiB", "more"),
        error => Reason::BodyUnreadable.because("a whole body", error.to_string()),
    })
}
