use actix_web::{HttpRequest, HttpResponse, web};

use crate::{Provider, discovery::cached};

/// The published keys (RFC 7517 5). Caches keep them for less than a new key is announced.
pub async fn jwks(provider: web::Data<Provider>, request: HttpRequest) -> HttpResponse {
    let (body, etag) = provider.keys.published(provider.now());
    cached(&request, &body, &etag, "public, max-age=15")
}
