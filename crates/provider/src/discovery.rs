//! The endpoint of the metadata document, and how a published document is answered.

use actix_web::{HttpRequest, HttpResponse, http::header, web};

use crate::state::Provider;

/// OpenID Connect Discovery 4, RFC 8414 3.
pub async fn document(provider: web::Data<Provider>, request: HttpRequest) -> HttpResponse {
    let (body, etag) = provider.metadata.current();
    cached(&request, &body, &etag, "public, max-age=300")
}

/// Whether the caller has what this entity tag stands for (RFC 9110 13.1.2).
pub fn is_known(request: &HttpRequest, etag: &str) -> bool {
    let known = request
        .headers()
        .get(header::IF_NONE_MATCH)
        .and_then(|v| v.to_str().ok());
    known.is_some_and(|tags| {
        tags.split(',')
            .any(|tag| tag.trim().trim_start_matches("W/") == etag)
    })
}

/// A public document with an entity tag (RFC 9110 13.1.2).
pub fn cached(
    request: &HttpRequest,
    body: &web::Bytes,
    etag: &str,
    cache: &'static str,
) -> HttpResponse {
    let same = is_known(request, etag);
    tracing::debug!(target: "request", path = request.path(), unchanged = same, "document fetched");
    let mut answer = if same {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    answer
        .insert_header((
            header::CACHE_CONTROL,
            header::HeaderValue::from_static(cache),
        ))
        .insert_header((header::ETAG, etag))
        .insert_header((
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            header::HeaderValue::from_static("*"),
        ));
    if same {
        return answer.finish();
    }
    answer
        .insert_header((
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/json"),
        ))
        .body(body.clone())
}
