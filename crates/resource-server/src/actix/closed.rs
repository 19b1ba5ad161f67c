//! A route and its guard as one service. A middleware around a route costs two boxes and moves each answer three times,
//! which is more than looking a token up.

use actix_web::{
    Error, FromRequest, Handler, HttpMessage, HttpResponse, Responder,
    body::BoxBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse, fn_service},
    http::header::{self, HeaderValue},
};

use super::{
    Caller,
    protect::{Protect, Shared},
};
use crate::{
    Rejection,
    check::{self, Look},
};

/// Answers with `handler` whom `protect` lets pass. Nothing that the handler asks for is read before.
pub fn closed<F, Args>(
    handler: F,
    protect: Protect,
) -> impl ServiceFactory<
    ServiceRequest,
    Config = (),
    Response = ServiceResponse<BoxBody>,
    Error = Error,
    InitError = (),
>
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    fn_service(move |request: ServiceRequest| {
        let (handler, shared) = (handler.clone(), protect.0.clone());
        async move {
            if let Err(rejection) = admit(&shared, &request).await {
                return Ok(request.into_response(shared.refusal(&rejection)));
            }
            let (request, mut payload) = request.into_parts();
            let answer = match Args::from_request(&request, &mut payload).await {
                Ok(arguments) => {
                    let answer = handler.call(arguments).await.respond_to(&request);
                    answer.map_into_boxed_body()
                }
                Err(error) => HttpResponse::from_error(error),
            };
            Ok(ServiceResponse::new(request, answer))
        }
    })
}

/// Whether the request may pass; the handler finds who is calling.
async fn admit(shared: &Shared, request: &ServiceRequest) -> Result<(), Rejection> {
    let Shared { verifier, rule } = shared;
    if rule.is_public() {
        return Ok(());
    }
    let headers = request.headers().get_all(header::AUTHORIZATION);
    let caller = match check::look(verifier, rule, headers.map(HeaderValue::as_bytes)) {
        Look::Done(decided) => decided?,
        Look::New(token) => {
            let access = check::access(request.method().as_str());
            // Seldom, and large: the future of each request stays small.
            Box::pin(check::verify(verifier, rule, &token, access)).await?
        }
    };
    request.extensions_mut().insert(Caller(caller));
    Ok(())
}
