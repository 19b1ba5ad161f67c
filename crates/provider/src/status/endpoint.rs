//! The addresses of status lists. They tell everybody the same, so that anybody may keep and pass on what they say.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::header::{self, HeaderName},
    web,
};
use latchkey_protocol::{Reason, status::STATUS_LIST_TYPE};

use super::{Issued, SignedList, StatusLists, Waited};
use crate::{discovery::is_known, http, state::Provider};

/// The longest that anybody waits: proxies give up after a minute.
const LONGEST_WAIT: u64 = 25;
/// RFC 7240 2, 3.
const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The addresses of all lists (draft 9.3). `Prefer: wait=N` (RFC 7240 4.3) beside the entity tag of what is known waits
/// for something new.
pub async fn lists(provider: web::Data<Provider>, request: HttpRequest) -> HttpResponse {
    let Some(status) = &provider.status else {
        return http::refused(Reason::StatusListUnknown);
    };
    let known = |etag: &str| is_known(&request, etag);
    let Some(wait) = preferred_wait(&request) else {
        let (body, etag) = status.aggregation();
        let cache = format!("public, max-age={}", status.settings.ttl);
        return aggregation(known(&etag), &etag, body, &cache).finish();
    };
    let caller = provider.call(&request).address;
    let waited = status.changed(caller, known, wait).await;
    let (body, etag) = status.aggregation();
    // What is true now need not be when it is taken out of a cache.
    let mut answer = aggregation(is_known(&request, &etag), &etag, body, "no-store");
    match waited {
        Waited::Changed | Waited::Same => {
            answer.builder.insert_header((PREFERENCE_APPLIED, "wait"))
        }
        Waited::Full => {
            let ttl = status.settings.ttl.to_string();
            answer.builder.insert_header((header::RETRY_AFTER, ttl))
        }
    };
    answer.finish()
}

/// An answer that is not whole yet.
struct Answer {
    builder: HttpResponseBuilder,
    body: Option<web::Bytes>,
}

impl Answer {
    fn finish(mut self) -> HttpResponse {
        match self.body {
            Some(body) => self.builder.body(body),
            None => self.builder.finish(),
        }
    }
}

fn aggregation(is_known: bool, etag: &str, body: web::Bytes, cache: &str) -> Answer {
    let mut answer = document(is_known, etag, body, cache, "Prefer");
    if answer.body.is_some() {
        answer.builder.content_type("application/json");
    }
    answer
}

/// A public document, or the word that it is the one that the caller has (RFC 9110 13.1.2).
fn document(is_known: bool, etag: &str, body: web::Bytes, cache: &str, vary: &str) -> Answer {
    let mut builder = match is_known {
        true => HttpResponse::NotModified(),
        false => HttpResponse::Ok(),
    };
    let exposed = "ETag, Preference-Applied, Retry-After";
    builder
        .insert_header((header::CACHE_CONTROL, cache))
        .insert_header((header::ETAG, etag))
        .insert_header((header::VARY, vary))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    let body = (!is_known).then_some(body);
    Answer { builder, body }
}

/// One list (draft 8.1, 8.2).
pub async fn list(
    provider: web::Data<Provider>,
    request: HttpRequest,
    number: web::Path<String>,
) -> HttpResponse {
    let (Some(status), Some(number)) = (&provider.status, number_of(&number)) else {
        return http::refused(Reason::StatusListUnknown);
    };
    if asks_for_the_past(&request) {
        return http::refused(Reason::StatusOfThePast);
    }
    if !accepts(&request) {
        return http::refused(Reason::StatusListFormat);
    }
    let ring = provider.ui.only_realm.keys.ring();
    match status.token_or_look(number, &ring).await {
        Some(Issued::Token(token)) => of_token(status, &request, &token),
        Some(Issued::TooOld) => http::refused_for_now(Reason::DatabaseAway),
        Some(Issued::Unknown) => http::refused_for_now(Reason::Busy),
        Some(Issued::Broken) => http::refused(Reason::ServerFault),
        None => http::refused(Reason::StatusListUnknown),
    }
}

fn of_token(status: &StatusLists, request: &HttpRequest, token: &Arc<SignedList>) -> HttpResponse {
    let zipped = token.zipped.as_ref().filter(|_| takes_gzip(request));
    let (body, etag) = zipped.unwrap_or(&token.plain);
    let known = is_known(request, etag);
    let cache = format!("public, max-age={}", status.settings.ttl);
    let mut answer = document(known, etag, body.clone(), &cache, "Accept, Accept-Encoding");
    if !known {
        let media_type = format!("application/{STATUS_LIST_TYPE}");
        answer.builder.content_type(media_type);
        if zipped.is_some() {
            answer
                .builder
                .insert_header((header::CONTENT_ENCODING, "gzip"));
        }
    }
    answer.finish()
}

/// One form of each number alone.
fn number_of(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// Whether the query has the parameter `time` (draft 8.4).
fn asks_for_the_past(request: &HttpRequest) -> bool {
    let query = request.query_string().as_bytes();
    url::form_urlencoded::parse(query).any(|(name, _)| name == "time")
}

/// What the headers of this name list.
fn listed<'a>(request: &'a HttpRequest, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = request.headers().get_all(name);
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(str::trim)
}

/// The name of an item, and whether it is refused by `q=0` (RFC 9110 12.4.2).
fn weighed(item: &str) -> (&str, bool) {
    let mut parts = item.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q="));
    let weight = weight.and_then(|weight| weight.trim().parse::<f32>().ok());
    (name, weight == Some(0.0))
}

/// Whether the caller takes what there is: everything, unless it says something else.
fn accepts(request: &HttpRequest) -> bool {
    let own = format!("application/{STATUS_LIST_TYPE}");
    let fits = |name: &str| {
        let ranges = [own.as_str(), "application/*", "*/*"];
        ranges.iter().any(|range| name.eq_ignore_ascii_case(range))
    };
    let mut items = listed(request, &header::ACCEPT).map(weighed).peekable();
    items.peek().is_none() || items.any(|(name, is_refused)| fits(name) && !is_refused)
}

fn takes_gzip(request: &HttpRequest) -> bool {
    let mut items = listed(request, &header::ACCEPT_ENCODING).map(weighed);
    items.any(|(name, is_refused)| name.eq_ignore_ascii_case("gzip") && !is_refused)
}

/// How long the caller would wait (RFC 7240 4.3), as far as that goes.
fn preferred_wait(request: &HttpRequest) -> Option<Duration> {
    let wait = listed(request, &PREFER).find_map(|item| {
        let item = item.split(';').next().unwrap_or_default();
        let (name, value) = item.split_once('=')?;
        let is_wait = name.trim().eq_ignore_ascii_case("wait");
        let value = value.trim().trim_matches('"');
        is_wait.then(|| value.parse::<u64>().ok()).flatten()
    })?;
    Some(Duration::from_secs(wait.min(LONGEST_WAIT)))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn with(name: &str, value: &str) -> HttpRequest {
        TestRequest::default()
            .insert_header((name.to_owned(), value.to_owned()))
            .to_http_request()
    }

    #[test]
    fn who_takes_something_else_alone_is_told_that_there_is_none() {
        assert!(accepts(&TestRequest::default().to_http_request()));
        for (accept, expected) in [
            ("*/*", true),
            ("application/statuslist+jwt", true),
            (
                "application/statuslist+cwt, application/StatusList+JWT;q=0.5",
                true,
            ),
            ("application/*;q=0.1", true),
            ("application/statuslist+cwt", false),
            ("application/statuslist+jwt;q=0", false),
            ("text/html", false),
        ] {
            assert_eq!(accepts(&with("accept", accept)), expected, "{accept}");
        }
    }

    #[test]
    fn a_wait_is_taken_as_it_is_written_and_never_longer_than_25_seconds() {
        for (prefer, expected) in [
            ("wait=10", Some(10)),
            ("respond-async, Wait = \"7\"; x=y", Some(7)),
            ("wait=3600", Some(25)),
            ("wait=18446744073709551616", None),
            ("wait=-1", None),
            ("wait", None),
            ("respond-async", None),
        ] {
            let wait = preferred_wait(&with("prefer", prefer));
            assert_eq!(wait, expected.map(Duration::from_secs), "{prefer}");
        }
    }

    #[test]
    fn a_list_has_one_address() {
        for (text, expected) in [
            ("0", Some(0)),
            ("4294967295", Some(u32::MAX)),
            ("00", None),
            ("+1", None),
            ("-1", None),
            ("4294967296", None),
            ("1%20", None),
            ("", None),
        ] {
            assert_eq!(number_of(text), expected, "{text}");
        }
    }

    #[test]
    fn compressed_is_sent_to_whoever_takes_it() {
        for (encodings, expected) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("br", false),
        ] {
            assert_eq!(
                takes_gzip(&with("accept-encoding", encodings)),
                expected,
                "{encodings}"
            );
        }
    }
}
