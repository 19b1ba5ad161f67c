//! Who may move what `latchkey dev` is tested by: a program on this machine, and no page of another site in a browser on it.

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{self, HeaderName},
    },
    middleware::Next,
};
use latchkey_protocol::{Issuer, StoreError, json, uri};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

/// Why a call is refused.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    why: String,
}

impl Problem {
    /// What was asked cannot be done, and why.
    pub fn request(why: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", why)
    }

    /// Our own breakage.
    pub fn fault(error: impl std::fmt::Display) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "server_error", error.to_string())
    }

    pub fn new(status: StatusCode, code: &'static str, why: impl Into<String>) -> Self {
        Self {
            status,
            code,
            why: why.into(),
        }
    }

    fn forbidden(why: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "access_denied", why)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::fault(error)
    }
}

/// An answer in JSON.
pub fn answer(done: Result<Value, Problem>) -> HttpResponse {
    let (status, body) = match done {
        Ok(body) => (StatusCode::OK, body),
        Err(problem) => (
            problem.status,
            json!({ "error": problem.code, "error_description": problem.why }),
        ),
    };
    HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(body)
}

/// Lets a caller in who is on this machine, and no page of another site: neither by the browser's own hand, which names the
/// page's site, nor under a name that leads to this machine by a lie (DNS rebinding), nor through a proxy.
///
/// # Errors
/// 403, with what was seen.
pub fn admit(request: &HttpRequest, issuer: &Issuer) -> Result<(), Problem> {
    let peer = request.peer_addr();
    if !peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback()) {
        return Err(Problem::forbidden("the caller is not on this machine"));
    }
    let passed_on = |name: &HeaderName| {
        name.as_str() == "forwarded" || name.as_str().starts_with("x-forwarded-")
    };
    if request.headers().keys().any(passed_on) {
        return Err(Problem::forbidden(
            "a proxy passed this on; call without one",
        ));
    }
    admit_host(request)?;
    let own = Url::parse(issuer).map(|url| url.origin().ascii_serialization());
    let own = own.unwrap_or_default();
    let foreign = |name: HeaderName, wanted: &str| {
        let mut values = request.headers().get_all(name);
        values.any(|value| value.as_bytes() != wanted.as_bytes())
    };
    let site = HeaderName::from_static("sec-fetch-site");
    if foreign(header::ORIGIN, &own) || foreign(site, "same-origin") {
        return Err(Problem::forbidden(
            "a page of another site calls this; a program does, with no Origin",
        ));
    }
    Ok(())
}

/// Lets a request in that names this machine. Where the signing key is known, a page under a name that leads here by a lie could
/// sign its own access tokens.
///
/// # Errors
/// 403.
fn admit_host(request: &HttpRequest) -> Result<(), Problem> {
    let hosts: Vec<_> = request.headers().get_all(header::HOST).collect();
    let named = match hosts[..] {
        [host] => host.to_str().is_ok_and(is_here),
        _ => false,
    };
    // An absolute target would count before the header (RFC 9112 3.2.2).
    if !named || request.uri().authority().is_some() {
        return Err(Problem::forbidden(
            "the Host is no name of this machine; use the issuer's",
        ));
    }
    Ok(())
}

/// [`admit_host`], before all that is served.
///
/// # Errors
/// Those of what is served.
pub async fn only_here<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match admit_host(request.request()) {
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
        Err(problem) => {
            let refused = answer(Err(problem));
            Ok(request.into_response(refused).map_into_right_body())
        }
    }
}

/// Whether a Host names this machine.
fn is_here(host: &str) -> bool {
    let url = Url::parse(&format!("http://{host}/"));
    // Nothing but a name and a port: no user, no path.
    url.is_ok_and(|url| uri::is_loopback(&url) && !host.contains(['@', '/', '?', '#', '\\']))
}

/// The body, which only a program can send as JSON without being asked first.
///
/// # Errors
/// 415 for another media type, 400 with what cannot be read.
pub fn read<T: DeserializeOwned>(request: &HttpRequest, body: &[u8]) -> Result<T, Problem> {
    let sent = request.headers().get(header::CONTENT_TYPE);
    let sent = sent.and_then(|sent| sent.to_str().ok()).unwrap_or_default();
    let media = sent.split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("application/json") {
        let why = format!("Content-Type is {sent:?}, and has to be application/json");
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "invalid_request",
            why,
        ));
    }
    let members = json::object(body)
        .map_err(|why| Problem::request(format!("the body is no JSON object: {why}")))?;
    serde_json::from_value(Value::Object(members))
        .map_err(|error| Problem::request(error.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::SocketAddr;

    use actix_web::test::TestRequest;

    use super::*;

    /// Whether a call with these headers is let in.
    fn admits(peer: &str, target: &str, headers: &[(&str, &str)]) -> bool {
        let peer: SocketAddr = peer.parse().unwrap();
        let mut request = TestRequest::post().uri(target).peer_addr(peer);
        for (name, value) in headers {
            request = request.append_header((*name, *value));
        }
        admit(
            &request.to_http_request(),
            &Issuer::new("http://localhost:9/id"),
        )
        .is_ok()
    }

    #[test]
    fn programs_on_this_machine_are_let_in() {
        for (peer, host) in [
            ("127.0.0.1:1", "localhost:9"),
            ("127.0.0.9:1", "127.0.0.1:9"),
            ("[::1]:1", "[::1]:9"),
            ("[::ffff:127.0.0.1]:1", "LOCALHOST"),
        ] {
            assert!(
                admits(peer, "/dev/clock", &[("Host", host)]),
                "{peer} {host}"
            );
        }
        let own = [
            ("Host", "localhost:9"),
            ("Origin", "http://localhost:9"),
            ("Sec-Fetch-Site", "same-origin"),
        ];
        assert!(
            admits("127.0.0.1:1", "/dev/clock", &own),
            "a page of the provider"
        );
    }

    #[test]
    fn nobody_else_is() {
        let here = "127.0.0.1:1";
        for (peer, headers) in [
            ("192.0.2.1:1", &[("Host", "localhost:9")] as &[_]),
            (here, &[]),
            (here, &[("Host", "evil.example")]),
            (here, &[("Host", "localhost.evil.example:9")]),
            (here, &[("Host", "localhost@evil.example")]),
            (here, &[("Host", "evil.example/localhost")]),
            (here, &[("Host", "192.0.2.1:9")]),
            (here, &[("Host", "localhost:9"), ("Host", "evil.example")]),
            (
                here,
                &[("Host", "localhost:9"), ("Origin", "https://evil.example")],
            ),
            (here, &[("Host", "localhost:9"), ("Origin", "null")]),
            (
                here,
                &[("Host", "localhost:9"), ("Origin", "http://localhost:10")],
            ),
            (
                here,
                &[("Host", "localhost:9"), ("Sec-Fetch-Site", "cross-site")],
            ),
            (
                here,
                &[("Host", "localhost:9"), ("Sec-Fetch-Site", "same-site")],
            ),
            (here, &[("Host", "localhost:9"), ("Sec-Fetch-Site", "none")]),
            (
                here,
                &[("Host", "localhost:9"), ("X-Forwarded-For", "127.0.0.1")],
            ),
            (
                here,
                &[("Host", "localhost:9"), ("Forwarded", "for=127.0.0.1")],
            ),
        ] {
            assert!(!admits(peer, "/dev/clock", headers), "{peer} {headers:?}");
        }
        let host = [("Host", "localhost:9")];
        assert!(!admits(here, "http://evil.example/dev/clock", &host));
    }

    #[test]
    fn a_body_is_an_object_of_json_and_says_so() {
        let sent = |media: &str, body: &str| {
            let request = TestRequest::post().insert_header((header::CONTENT_TYPE, media));
            read::<std::collections::BTreeMap<String, i32>>(
                &request.to_http_request(),
                body.as_bytes(),
            )
        };
        assert!(sent("application/json; charset=utf-8", "{\"a\":1}").is_ok());
        for media in [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp",
        ] {
            assert_eq!(sent(media, "{\"a\":1}").unwrap_err().status, 415, "{media}");
        }
        for body in ["", "[]", "{", "{\"a\":1,\"a\":2}", "{\"a\":\"x\"}"] {
            assert_eq!(
                sent("application/json", body).unwrap_err().status,
                400,
                "{body}"
            );
        }
    }
}
