//! Who is calling, as an argument of a handler.

use std::{
    future::{Ready, ready},
    ops::Deref,
    sync::Arc,
};

use actix_web::{
    Error, FromRequest, HttpMessage, HttpRequest, HttpResponse, dev::Payload, error::InternalError,
    http::header,
};

use crate::AccessToken;

/// The verified token of the request that a handler answers:
///
/// ```
/// use latchkey_resource_server::actix::Caller;
///
/// async fn orders(caller: Caller) -> String {
///     format!("orders of {}", caller.sub)
/// }
/// ```
///
/// Where the route is [`Public`](crate::Public) or has no guard at all, there is none, and the answer is 401.
#[derive(Debug, Clone)]
pub struct Caller(pub(super) Arc<AccessToken>);

impl Deref for Caller {
    type Target = AccessToken;

    fn deref(&self) -> &AccessToken {
        &self.0
    }
}

impl FromRequest for Caller {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let verified = request.extensions().get::<Self>().cloned();
        ready(verified.ok_or_else(|| {
            let answer = HttpResponse::Unauthorized()
                .insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"api\""))
                .finish();
            InternalError::from_response("no token was verified for this route", answer).into()
        }))
    }
}
