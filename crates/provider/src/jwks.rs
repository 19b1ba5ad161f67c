//! The key set.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::{discovery::cached, state::Provider};

/// The published keys (RFC 7517 5). A new key is announced for much longer than caches are told to keep them, because
/// many verifiers do not ask again when they should.
pub async fn jwks(provider: web::Data<Provider>, request: HttpRequest) -> HttpResponse {
    let call = provider.call(&request);
    let (body, etag) = provider.published.of(&call.realm.keys.ring(), call.now);
    cached(&request, &body, &etag, "public, max-age=15")
}
