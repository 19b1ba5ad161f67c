use std::sync::{PoisonError, RwLock};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use latchkey_protocol::{claims::CustomClaims, discovery::metadata};

use crate::{Provider, keys::entity_tag};

/// The metadata document, made again where custom claims change; nothing else in it does while the server runs.
pub struct Document(RwLock<(web::Bytes, String)>);

impl Document {
    pub fn new(issuer: &str) -> Self {
        Self(RwLock::new(made(issuer, &CustomClaims::default())))
    }

    pub(crate) fn renew(&self, issuer: &str, custom: &CustomClaims) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = made(issuer, custom);
    }
}

fn made(issuer: &str, custom: &CustomClaims) -> (web::Bytes, String) {
    let body = web::Bytes::from(metadata(issuer, custom).to_string());
    let etag = entity_tag(&body);
    (body, etag)
}

/// OpenID Connect Discovery 4, RFC 8414 3.
pub async fn document(provider: web::Data<Provider>, request: HttpRequest) -> HttpResponse {
    let (body, etag) = provider
        .metadata
        .0
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    cached(&request, &body, &etag, "public, max-age=300")
}

/// A public document with an entity tag (RFC 9110 13.1.2).
pub fn cached(
    request: &HttpRequest,
    body: &web::Bytes,
    etag: &str,
    cache: &'static str,
) -> HttpResponse {
    let known = request
        .headers()
        .get(header::IF_NONE_MATCH)
        .and_then(|v| v.to_str().ok());
    let same = known.is_some_and(|tags| {
        tags.split(',')
            .any(|tag| tag.trim().trim_start_matches("W/") == etag)
    });
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
