//! The answer to a request that is not let through, in the words of its protocol.

use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};

use crate::Challenge;

/// Whether the caller speaks gRPC, and looks for its status in the headers.
pub fn speaks_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
}

/// Without a body: the headers say all.
pub fn answer<R: Default>(challenge: &Challenge, grpc: bool) -> Response<R> {
    let mut response = Response::new(R::default());
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(value) = challenge.www_authenticate.as_deref()
        && let Ok(value) = HeaderValue::from_str(value)
    {
        headers.insert(WWW_AUTHENTICATE, value);
    }
    if let Some(seconds) = challenge.retry_after {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if grpc {
        // A gRPC answer without messages is 200, with its status in the headers.
        let (code, message) = grpc_status(challenge.status);
        headers.insert("grpc-status", HeaderValue::from_static(code));
        headers.insert("grpc-message", HeaderValue::from_static(message));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    } else {
        let status = StatusCode::from_u16(challenge.status);
        *response.status_mut() = status.unwrap_or(StatusCode::UNAUTHORIZED);
    }
    response
}

/// UNAVAILABLE, PERMISSION_DENIED, UNAUTHENTICATED, and what a client shows: nothing that has to be escaped.
fn grpc_status(status: u16) -> (&'static str, &'static str) {
    match status {
        503 => ("14", "access tokens cannot be judged now"),
        403 => ("7", "the access token does not allow this"),
        _ => ("16", "a valid access token is needed"),
    }
}
