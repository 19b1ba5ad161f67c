//! The request to an API: made anew, with the headers that may be passed on.

use actix_web::{HttpRequest, http::header as given};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header, uri::Uri};

use super::{Body, Target, upgrade::HANDSHAKE};
use crate::{renew::Ready, settings::Upstream};

/// Headers of the browser that are passed on. Nothing that says who somebody is, nothing of the connection.
const PASSED_ON: [&str; 20] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-encoding",
    "content-language",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-event-id",
    "prefer",
    "range",
    "traceparent",
    "tracestate",
    "user-agent",
    "x-request-id",
];

pub fn made(
    request: &HttpRequest,
    upstream: &Upstream,
    target: &Target,
    ready: &Ready,
    body: Body,
) -> Result<Request<Body>, http::Error> {
    let mut parts = upstream.to.clone().into_parts();
    parts.path_and_query = Some(target.path.clone());
    let mut made = Request::builder()
        .method(Method::from_bytes(request.method().as_str().as_bytes())?)
        .uri(Uri::from_parts(parts)?)
        .body(body)?;
    let headers = made.headers_mut();
    pass_on(request.headers(), upstream, headers);
    let token = format!("Bearer {}", ready.session.access_token);
    let mut token = HeaderValue::try_from(token)?;
    token.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, token);
    Ok(made)
}

/// The headers of a websocket's handshake.
pub fn add_handshake(browser: &given::HeaderMap, headers: &mut HeaderMap) {
    let names = HANDSHAKE.into_iter().map(HeaderName::from_static);
    append(browser, names, headers);
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
}

fn pass_on(browser: &given::HeaderMap, upstream: &Upstream, headers: &mut HeaderMap) {
    let usual = PASSED_ON.into_iter().map(HeaderName::from_static);
    append(
        browser,
        usual.chain(upstream.request_headers.iter().cloned()),
        headers,
    );
}

fn append(
    browser: &given::HeaderMap,
    names: impl Iterator<Item = HeaderName>,
    headers: &mut HeaderMap,
) {
    for name in names {
        // One that the settings name is one of the usual ones.
        if headers.contains_key(&name) {
            continue;
        }
        for value in browser.get_all(name.as_str()) {
            // What HTTP allows in a value was checked when it came.
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                headers.append(name.clone(), value);
            }
        }
    }
}
