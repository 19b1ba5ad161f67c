//! The check before a route, a scope or an app.

use std::{
    future::{Ready, ready},
    rc::Rc,
    sync::Arc,
};

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::header,
};
use futures_util::future::{Either, FutureExt, LocalBoxFuture, Map};

use super::{Caller, answer::answer};
use crate::{
    Rejection, Rule, Verifier,
    check::{self, Look},
};

/// Lets a request pass when its token is good and the guard is content. To close a whole app, whatever its routes are:
///
/// ```no_run
/// use actix_web::{App, web};
/// use latchkey_resource_server::{Authenticated, Verifier, actix::Protect};
///
/// # fn app(api: Verifier) {
/// let app = App::new()
///     .route("/", web::get().to(|| async { "for callers with a token" }))
///     .wrap(Protect::new(&api, Authenticated));
/// # }
/// ```
///
/// A narrower guard is put around a single route or scope likewise. [`Routes`](super::Routes) does that for each route.
#[derive(Clone)]
pub struct Protect(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub verifier: Verifier,
    pub rule: Rule,
}

impl Protect {
    /// With the guard, or guards, that a caller has to pass.
    pub fn new(verifier: &Verifier, rule: impl Into<Rule>) -> Self {
        Self(Arc::new(Shared {
            verifier: verifier.clone(),
            rule: rule.into(),
        }))
    }
}

impl Shared {
    pub fn refusal(&self, rejection: &Rejection) -> HttpResponse {
        answer(&self.verifier.challenge(rejection))
    }

    fn refuse<B: MessageBody>(
        &self,
        request: ServiceRequest,
        rejection: &Rejection,
    ) -> ServiceResponse<EitherBody<B>> {
        request.into_response(self.refusal(rejection).map_into_right_body())
    }
}

impl<S, B> Transform<S, ServiceRequest> for Protect
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type InitError = ();
    type Transform = ProtectService<S>;
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(ProtectService {
            service: Rc::new(service),
            shared: self.0.clone(),
        }))
    }
}

/// What [`Protect`] makes of a service.
pub struct ProtectService<S> {
    service: Rc<S>,
    shared: Arc<Shared>,
}

type Answered<B> = Result<ServiceResponse<EitherBody<B>>, Error>;
type Passing<F, B> = Map<F, fn(Result<ServiceResponse<B>, Error>) -> Answered<B>>;

impl<S, B> Service<ServiceRequest> for ProtectService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Either<Passing<S::Future, B>, LocalBoxFuture<'static, Answered<B>>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        if self.shared.rule.is_public() {
            return Either::Left(pass(&*self.service, request));
        }
        let Shared { verifier, rule } = &*self.shared;
        let headers = request.headers().get_all(header::AUTHORIZATION);
        match check::look(verifier, rule, headers.map(header::HeaderValue::as_bytes)) {
            Look::Done(Ok(caller)) => {
                request.extensions_mut().insert(Caller(caller));
                Either::Left(pass(&*self.service, request))
            }
            Look::Done(Err(rejection)) => {
                let response = self.shared.refuse(request, &rejection);
                Either::Right(ready(Ok(response)).boxed_local())
            }
            Look::New(token) => {
                let (service, shared) = (self.service.clone(), self.shared.clone());
                Either::Right(Box::pin(async move {
                    let access = check::access(request.method().as_str());
                    match check::verify(&shared.verifier, &shared.rule, &token, access).await {
                        Ok(caller) => {
                            request.extensions_mut().insert(Caller(caller));
                            pass(&*service, request).await
                        }
                        Err(rejection) => Ok(shared.refuse(request, &rejection)),
                    }
                }))
            }
        }
    }
}

fn pass<S, B>(service: &S, request: ServiceRequest) -> Passing<S::Future, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    service
        .call(request)
        .map(|result| result.map(ServiceResponse::map_into_left_body))
}
