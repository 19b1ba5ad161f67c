use actix_web::{HttpRequest, HttpResponse, http::header, web};
use latchkey_protocol::discovery::metadata;

use crate::{Provider, keys::entity_tag};

/// The metadata document, made once: nothing in it changes while the server runs.
pub struct Document {
    body: web::Bytes,
    etag: String,
}

impl Document {
    pub fn new(issuer: &str) -> Self {
        let body = web::Bytes::from(metadata(issuer).to_string());
        Self { etag: entity_tag(&body), body }
    }
}

/// OpenID Connect Discovery 4, RFC 8414 3.
pub async fn document(provider: web::Data<Provider>, request: HttpRequest) -> HttpResponse {
    cached(&request, &provider.metadata.body, &provider.metadata.etag, "public, max-age=300")
}

/// A public document with an entity tag (RFC 9110 13.1.2).
pub fn cached(request: &HttpRequest, body: &web::Bytes, etag: &str, cache: &'static str) -> HttpResponse {
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok());
    let same = known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag));
    let mut answer = if same { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer
        .insert_header((header::CACHE_CONTROL, header::HeaderValue::from_static(cache)))
        .insert_header((header::ETAG, etag))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, header::HeaderValue::from_static("*")));
    if same {
        return answer.finish();
    }
    answer
        .insert_header((header::CONTENT_TYPE, header::HeaderValue::from_static("application/json")))
        .body(body.clone())
}
