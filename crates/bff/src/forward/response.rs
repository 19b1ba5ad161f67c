//! The answer of an API, for the browser: without what belongs to the connection, and without what would change this origin.

use std::any::Any;

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{Method, StatusCode, header as given},
};
use http::{HeaderMap, HeaderValue, Response, header, uri::Uri};
use hyper::body::Incoming;
use url::Url;

use super::{
    Call, Target,
    body::{Download, Length, short},
    target,
    upgrade::ended,
};
use crate::{answer, settings::Upstream, store::Key};

/// What an API does not say to the browser: of its connection (RFC 9110 7.6.1), of this origin's cookies and rules, to a proxy
/// before us.
const KEPT: [&str; 24] = [
    "age",
    "alt-svc",
    "cache-control",
    "clear-site-data",
    "connection",
    "content-length",
    "content-location",
    "content-security-policy",
    "expires",
    "keep-alive",
    "latchkey-session",
    "location",
    "pragma",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-connection",
    "refresh",
    "service-worker-allowed",
    "set-cookie",
    "strict-transport-security",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-sendfile",
];
/// Likewise, by what their names begin with.
const KEPT_STARTS: [&str; 3] = ["access-control-", "x-accel-", "x-content-type-options"];

/// Nothing of an API is a page of this origin.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

pub async fn made(
    call: &Call<'_>,
    answer: Response<Incoming>,
    key: Key,
    seats: Box<dyn Any>,
) -> HttpResponse {
    let (upstream, between) = (call.upstream, call.bff.0.settings.limits.between);
    let (head, mut body) = answer.into_parts();
    let Ok(status) = StatusCode::from_u16(head.status.as_u16()) else {
        return answer::bad_gateway();
    };
    let mut made = HttpResponse::build(status);
    let location = head.headers.get(header::LOCATION);
    let ours = location.map(|to| {
        to.to_str()
            .ok()
            .and_then(|to| back(to, upstream, &call.target))
    });
    match ours {
        Some(Some(ours)) => {
            made.insert_header((given::LOCATION, ours));
        }
        Some(None) if status.is_redirection() => {
            tracing::warn!(
                upstream = upstream.path,
                "an API sends the browser elsewhere"
            );
            return answer::bad_gateway();
        }
        // What was made (201) was made, wherever it is.
        Some(None) | None => {}
    }
    add_head(&head.headers, &mut made);
    if *call.request.method() == Method::HEAD {
        return made.body(Length(said_length(&head.headers)));
    }
    match short(&mut body, between).await {
        Some(Ok(bytes)) => made.body(bytes),
        Some(Err(why)) => {
            tracing::warn!(upstream = upstream.path, why, "an answer is not passed on");
            answer::bad_gateway()
        }
        None => {
            let bff = call.bff.clone();
            let ended = async move { ended(&bff, key).await };
            made.body(Download::begin(body, between, ended, seats))
        }
    }
}

fn add_head(headers: &HeaderMap, made: &mut HttpResponseBuilder) {
    pass_on(headers, made);
    made.insert_header((given::CACHE_CONTROL, caching(headers)))
        .insert_header((given::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((given::CONTENT_SECURITY_POLICY, POLICY));
    if is_events(headers) {
        // A proxy before us holds no event back.
        made.insert_header(("x-accel-buffering", "no"));
    }
}

/// Whether it is a stream of server-sent events.
pub fn is_events(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// What an answer to HEAD says of the one to GET.
fn said_length(headers: &HeaderMap) -> u64 {
    let said = headers.get(header::CONTENT_LENGTH);
    let said = said.and_then(|said| said.to_str().ok());
    said.and_then(|said| said.parse().ok()).unwrap_or(0)
}

fn pass_on(headers: &HeaderMap, made: &mut HttpResponseBuilder) {
    let named = headers.get_all(header::CONNECTION).iter();
    let named = named.filter_map(|value| value.to_str().ok());
    let of_connection: Vec<_> = named
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    for (name, value) in headers {
        let name = name.as_str();
        let is_kept = KEPT.contains(&name)
            || KEPT_STARTS.iter().any(|start| name.starts_with(start))
            || of_connection.iter().any(|kept| kept == name);
        if !is_kept && !asks_for_password(name, value) {
            made.append_header((name, value.as_bytes()));
        }
    }
}

/// Browsers would ask the user for a password of this origin (RFC 7617, RFC 7616).
fn asks_for_password(name: &str, value: &HeaderValue) -> bool {
    let is_bearer = |text: &str| {
        let start = text.get(..6);
        start.is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"))
    };
    name == "www-authenticate" && !value.to_str().is_ok_and(is_bearer)
}

/// What belongs to one user is for no shared cache, and the browser asks again before it shows it: after a sign-out another
/// user may sit there, and `Vary: Authorization` means nothing to a browser that sends none.
fn caching(headers: &HeaderMap) -> &'static str {
    let said = headers.get_all(header::CACHE_CONTROL).iter();
    let mut said = said.map(|value| value.to_str().unwrap_or("no-store").to_ascii_lowercase());
    let is_kept = headers.contains_key(header::CACHE_CONTROL) && headers.contains_key(header::ETAG);
    if !is_kept || said.any(|said| said.contains("no-store")) {
        return "no-store";
    }
    "private, no-cache"
}

/// Where a redirect of the API leads in this origin; none where it leads out of what is forwarded there.
fn back(location: &str, upstream: &Upstream, target: &Target) -> Option<String> {
    let mut asked = upstream.to.clone().into_parts();
    asked.path_and_query = Some(target.path.clone());
    let asked = Uri::from_parts(asked).ok()?.to_string();
    // As it was written: the library would take `..` out of it.
    let written = location.split(['?', '#']).next().unwrap_or_default();
    if written.contains(['\\', '%']) || written.split('/').any(|segment| segment == "..") {
        return None;
    }
    let asked = Url::parse(&asked).ok()?;
    let to = asked.join(location).ok()?;
    if to.origin() != asked.origin() || !to.username().is_empty() || to.password().is_some() {
        return None;
    }
    let rest = to.path().strip_prefix(&*upstream.prefix)?;
    if !rest.is_empty() && !rest.starts_with('/') {
        return None;
    }
    let mut ours = format!("{}{rest}", upstream.path);
    target::check(&ours).ok()?;
    for (joint, part) in [('?', to.query()), ('#', to.fragment())] {
        if let Some(part) = part {
            ours.push(joint);
            ours.push_str(part);
        }
    }
    Some(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_of_an_api_stays_below_its_path() {
        let upstream = Upstream {
            path: "/api/orders".into(),
            to: Uri::from_static("http://127.0.0.1:9104/"),
            prefix: "/v1/orders".into(),
            request_headers: Vec::new(),
            websockets: false,
        };
        let target = Target {
            upstream: 0,
            path: "/v1/orders/7?x".parse().unwrap(),
        };
        let back = |location: &str| back(location, &upstream, &target);
        for (location, expected) in [
            ("http://127.0.0.1:9104/v1/orders/8", "/api/orders/8"),
            ("/v1/orders", "/api/orders"),
            ("/v1/orders/8?a=b#c", "/api/orders/8?a=b#c"),
            ("8", "/api/orders/8"),
            ("?page=2", "/api/orders/7?page=2"),
            ("//127.0.0.1:9104/v1/orders/8", "/api/orders/8"),
        ] {
            assert_eq!(back(location).as_deref(), Some(expected), "{location}");
        }
        for bad in [
            "https://evil.example/v1/orders",
            "//evil.example/v1/orders",
            "http://127.0.0.1:9105/v1/orders",
            "https://127.0.0.1:9104/v1/orders",
            "http://u@127.0.0.1:9104/v1/orders/8",
            "/v2/orders",
            "/v1/ordersx",
            "/v1/orders/../admin",
            "../admin",
            "/v1/orders/%2e%2e/x",
            "/v1/orders//x",
            "/\\evil.example",
            "\\\\evil.example",
            "javascript:alert(1)",
            "/",
        ] {
            assert_eq!(back(bad), None, "{bad}");
        }
    }

    /// RFC 9110 7.6.1.
    #[test]
    fn what_an_api_says_of_its_connection_is_not_passed_on() {
        let said = [
            ("connection", "close, X-Private"),
            ("x-private", "1"),
            ("x-shown", "2"),
            ("x-shown", "3"),
        ];
        let mut headers = HeaderMap::new();
        for (name, value) in said {
            headers.append(name, HeaderValue::from_static(value));
        }
        let mut made = HttpResponse::Ok();
        pass_on(&headers, &mut made);
        let made = made.finish();
        let names: Vec<_> = made
            .headers()
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["x-shown", "x-shown"]);
    }

    #[test]
    fn what_belongs_to_one_user_is_for_no_shared_cache() {
        let caching = |said: &[&'static str]| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ETAG, HeaderValue::from_static("\"a\""));
            for value in said {
                headers.append(header::CACHE_CONTROL, HeaderValue::from_static(value));
            }
            super::caching(&headers)
        };
        assert_eq!(caching(&[]), "no-store");
        assert_eq!(caching(&["public, max-age=60"]), "private, no-cache");
        assert_eq!(
            caching(&["max-age=60, immutable", "s-maxage=9"]),
            "private, no-cache"
        );
        assert_eq!(caching(&["max-age=60", "No-Store"]), "no-store");
        // Nothing to ask again by.
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("max-age=60"),
        );
        assert_eq!(super::caching(&headers), "no-store");
    }
}
