//! A line per request, with what the endpoints found out, and never a secret.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    error::PayloadError,
    http::header::{self, HeaderName, HeaderValue},
    middleware::Next,
    web,
};
use latchkey_protocol::{
    Reason,
    error::Refused,
    observe::{Observed, first_segment},
};
use rand::RngCore;

static PROCESS: LazyLock<u32> = LazyLock::new(|| rand::rngs::OsRng.next_u32());
static COUNT: AtomicU32 = AtomicU32::new(0);

/// How callers reach us.
pub struct Edge {
    /// Networks whose word about the caller's address counts.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Whether browsers are told never to come by plain HTTP again (RFC 6797). Not on a developer's own host, whose
    /// other ports they would no longer reach.
    pub strict_transport: bool,
}

/// Names the request, finds out who is calling, and logs what came of it.
///
/// # Errors
/// Those of the endpoint.
pub async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let id = format!("{:08x}{:08x}", *PROCESS, COUNT.fetch_add(1, Ordering::Relaxed));
    let edge = request.app_data::<web::Data<Edge>>().map(|edge| edge.get_ref());
    let strict_transport = edge.is_some_and(|edge| edge.strict_transport);
    let peer = peer(&request, edge);
    request.extensions_mut().insert(Observed { request_id: id.clone(), peer, ..Observed::default() });
    let response = next.call(request).await?;
    let mut response = match unreadable(&response) {
        Some(refused) => {
            let request = response.into_parts().0;
            let answer = match request.app_data::<web::Data<latchkey_provider::Provider>>() {
                Some(provider) => latchkey_provider::refusal(provider, &request, &refused),
                None => HttpResponse::BadRequest().finish(),
            };
            ServiceResponse::new(request, answer).map_into_right_body()
        }
        None => response.map_into_left_body(),
    };
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
    }
    if strict_transport {
        let year = HeaderValue::from_static("max-age=31536000");
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, year);
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

/// A body that never reached the endpoint.
fn unreadable(response: &ServiceResponse<impl MessageBody>) -> Option<Refused> {
    let error = response.response().error()?.as_error::<PayloadError>()?;
    Some(match error {
        PayloadError::Overflow => Reason::BodyTooLarge.because("at most 64 KiB", "more"),
        error => Reason::BodyUnreadable.because("a whole body", error.to_string()),
    })
}

/// The caller's address: the last hop that is no trusted proxy, if a trusted proxy speaks.
fn peer(request: &ServiceRequest, edge: Option<&Edge>) -> Option<IpAddr> {
    let direct = request.peer_addr()?.ip().to_canonical();
    let trusted = &edge?.trusted_proxies;
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    if !is_trusted(&direct) {
        return Some(direct);
    }
    let outermost = |hops: Vec<&str>| {
        let mut last = direct;
        for hop in hops.into_iter().rev().map_while(address) {
            last = hop;
            if !is_trusted(&hop) {
                break;
            }
        }
        last
    };
    let text = |name| -> String {
        let lines = request.headers().get_all(name).filter_map(|value| value.to_str().ok());
        lines.collect::<Vec<_>>().join(",")
    };
    let (customary, standard) = (text("x-forwarded-for"), text("forwarded"));
    Some(match (customary.is_empty(), standard.is_empty()) {
        (_, true) => outermost(customary.split(',').collect()),
        (true, false) => outermost(forwarded_for(&standard)),
        // A proxy writes one of them; the other may be the caller's own words.
        (false, false) => direct,
    })
}

/// The `for` of each hop (RFC 7239 4).
fn forwarded_for(header: &str) -> Vec<&str> {
    let named = |pair: &str| pair.trim().get(..4).is_some_and(|name| name.eq_ignore_ascii_case("for="));
    let hops = header.split(',').map(|hop| hop.split(';').find(|pair| named(pair)));
    hops.map(|pair| pair.map_or("", |pair| &pair.trim()[4..])).collect()
}

/// An address as proxies write it: bare, in quotes, in brackets, with a port.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim().trim_matches('"');
    let bare = hop.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or(hop);
    let parsed = bare.parse().ok().or_else(|| bare.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()));
    parsed.map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_proxies_write_them() {
        for (written, meant) in [
            ("192.0.2.1", "192.0.2.1"),
            (" \"192.0.2.1:4711\"", "192.0.2.1"),
            ("\"[2001:db8::1]:80\"", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::1", "::1"),
        ] {
            assert_eq!(address(written), meant.parse().ok(), "{written}");
        }
        for garbage in ["", "unknown", "_hidden", "[", "1.2.3"] {
            assert_eq!(address(garbage), None, "{garbage}");
        }
        assert_eq!(forwarded_for("proto=https;For=\"[::1]\";by=x, host=a, for=1.2.3.4"), ["\"[::1]\"", "", "1.2.3.4"]);
    }
}
