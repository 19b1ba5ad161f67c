//! Who is calling, as an argument of a handler.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, header, request::Parts},
};

use super::Caller;

type Refused = (StatusCode, [(header::HeaderName, &'static str); 1]);

/// Where the route is [`Public`](crate::Public) or has no guard at all, there is no caller, and the answer is 401.
impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer realm=\"api\"")];
        let verified = parts.extensions.get::<Self>().cloned();
        verified.ok_or((StatusCode::UNAUTHORIZED, challenge))
    }
}
