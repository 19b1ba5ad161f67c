//! A line per request, with what the endpoints found out, and never a secret.

use std::{
    net::IpAddr,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderName, HeaderValue},
    middleware::Next,
    web,
};
use latchkey_protocol::observe::{Observed, first_segment};
use rand::RngCore;

static PROCESS: LazyLock<u32> = LazyLock::new(|| rand::rngs::OsRng.next_u32());
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Networks whose word about the caller's address counts.
pub struct TrustedProxies(pub Arc<Vec<ipnet::IpNet>>);

/// Names the request, finds out who is calling, and logs what came of it.
///
/// # Errors
/// Those of the endpoint.
pub async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let id = format!("{:08x}{:08x}", *PROCESS, COUNT.fetch_add(1, Ordering::Relaxed));
    let peer = peer(&request);
    request.extensions_mut().insert(Observed { request_id: id.clone(), peer, ..Observed::default() });
    let mut response = next.call(request).await?;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
    }
    let observed = response.request().extensions_mut().remove::<Observed>().unwrap_or_default();
    let status = response.status().as_u16();
    let (method, path) = (response.request().method().as_str(), first_segment(response.request().path()));
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let client = observed.client_id.as_deref().unwrap_or("-");
    if let Some(error) = response.response().error() {
        tracing::error!(request = %id, method, path, %error, "our own fault");
    }
    match &observed.refused {
        Some((reason, reference)) => {
            tracing::info!(target: "request", request = %id, method, path, status, client, micros, refused = reason.name(), reference);
        }
        None => tracing::info!(target: "request", request = %id, method, path, status, client, micros),
    }
    Ok(response)
}

/// The caller's address: the last one in X-Forwarded-For that is no trusted proxy, if a trusted proxy speaks.
fn peer(request: &ServiceRequest) -> Option<IpAddr> {
    let direct = request.peer_addr()?.ip();
    let trusted = request.app_data::<web::Data<TrustedProxies>>()?;
    let is_trusted = |ip: &IpAddr| trusted.0.iter().any(|net| net.contains(ip));
    if !is_trusted(&direct) {
        return Some(direct);
    }
    let header = request.headers().get("x-forwarded-for").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let hops = header.rsplit(',').map_while(|hop| hop.trim().parse::<IpAddr>().ok());
    let mut last = direct;
    for hop in hops {
        last = hop;
        if !is_trusted(&hop) {
            break;
        }
    }
    Some(last)
}
