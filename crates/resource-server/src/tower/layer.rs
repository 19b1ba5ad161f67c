//! The layer, and the service that it makes.

use std::{
    collections::{HashMap, HashSet},
    mem,
    ops::Deref,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::{Either, Ready, ready};
use http::{Request, Response, header::AUTHORIZATION};
use latchkey_protocol::Timestamp;
use tower_layer::Layer;
use tower_service::Service;

use super::answer::{answer, speaks_grpc};
use crate::{
    AccessToken, Guard, Public, Refusal, Rejection, Rule, Verifier,
    check::{self, Look},
    status::Access,
};

/// The verified token of a request, in its extensions.
#[derive(Debug, Clone)]
pub struct Caller(Arc<AccessToken>);

impl Deref for Caller {
    type Target = AccessToken;

    fn deref(&self) -> &AccessToken {
        &self.0
    }
}

/// Lets a request pass when its token is good and the guard is content.
#[derive(Clone)]
pub struct ProtectLayer {
    verifier: Verifier,
    paths: HashMap<String, Arc<Rule>>,
    otherwise: Arc<Rule>,
    grpc: bool,
    reads: HashSet<String>,
}

/// Lets nobody pass.
struct Nobody;

impl Guard for Nobody {
    fn check(&self, _: &AccessToken, _: Timestamp) -> Result<(), Refusal> {
        Err(Refusal::Forbidden("no rule is there for this path"))
    }
}

impl ProtectLayer {
    /// With one guard, or several, for every path.
    pub fn new(verifier: &Verifier, rule: impl Into<Rule>) -> Self {
        Self {
            verifier: verifier.clone(),
            paths: HashMap::new(),
            otherwise: Arc::new(rule.into()),
            grpc: false,
            reads: HashSet::new(),
        }
    }

    /// Refuses callers who speak gRPC in its words: 200, with the status in `grpc-status`. Without it the status is that of
    /// HTTP for everybody, as whoever looks at no more than that has to see it: a proxy that asks first, a log.
    #[must_use]
    pub fn grpc(mut self) -> Self {
        self.grpc = true;
        self
    }

    /// With a table of paths. What it does not name is closed, to callers with a token as well.
    pub fn of(verifier: &Verifier) -> Self {
        Self::new(verifier, Nobody)
    }

    /// A path that is open to everybody, as it is sent: nothing is decoded.
    #[must_use]
    pub fn open(self, path: impl Into<String>) -> Self {
        self.require(path, Public)
    }

    /// A path, as it is sent, and the guard that stands before it.
    #[must_use]
    pub fn require(mut self, path: impl Into<String>, rule: impl Into<Rule>) -> Self {
        self.paths.insert(path.into(), Arc::new(rule.into()));
        self
    }

    /// A path whose calls change nothing, whatever their method is: those of gRPC are all `POST`. They pass as `GET` does
    /// where the API allows reads by a stale status list ([`WhenStale::AllowReads`](crate::WhenStale::AllowReads)).
    #[must_use]
    pub fn reads(mut self, path: impl Into<String>) -> Self {
        self.reads.insert(path.into());
        self
    }

    fn access<B>(&self, request: &Request<B>) -> Access {
        if self.reads.contains(request.uri().path()) {
            Access::Read
        } else {
            check::access(request.method().as_str())
        }
    }

    fn rule(&self, path: &str) -> &Arc<Rule> {
        self.paths.get(path).unwrap_or(&self.otherwise)
    }
}

impl<S> Layer<S> for ProtectLayer {
    type Service = ProtectService<S>;

    fn layer(&self, inner: S) -> ProtectService<S> {
        ProtectService {
            inner,
            layer: Arc::new(self.clone()),
        }
    }
}

/// What [`ProtectLayer`] makes of a service.
#[derive(Clone)]
pub struct ProtectService<S> {
    inner: S,
    layer: Arc<ProtectLayer>,
}

type Boxed<R, E> = Pin<Box<dyn Future<Output = Result<Response<R>, E>> + Send>>;
type Refused<R, E> = Ready<Result<Response<R>, E>>;

impl<S, B, R> Service<Request<B>> for ProtectService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Send + 'static,
    R: Default + Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Either<S::Future, Either<Refused<R, S::Error>, Boxed<R, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let (verifier, rule) = (&self.layer.verifier, self.layer.rule(request.uri().path()));
        if rule.is_public() {
            return Either::Left(self.inner.call(request));
        }
        let headers = request.headers().get_all(AUTHORIZATION);
        match check::look(verifier, rule, headers.iter().map(|v| v.as_bytes())) {
            Look::Done(Ok(caller)) => {
                request.extensions_mut().insert(Caller(caller));
                Either::Left(self.inner.call(request))
            }
            Look::Done(Err(rejection)) => {
                let refused = self.layer.refuse(&rejection, &request);
                Either::Right(Either::Left(ready(Ok(refused))))
            }
            Look::New(token) => {
                let (layer, rule) = (self.layer.clone(), rule.clone());
                // The one that is ready; the next call has to ask its clone anew.
                let clone = self.inner.clone();
                let mut inner = mem::replace(&mut self.inner, clone);
                Either::Right(Either::Right(Box::pin(async move {
                    let access = layer.access(&request);
                    match check::verify(&layer.verifier, &rule, &token, access).await {
                        Ok(caller) => {
                            request.extensions_mut().insert(Caller(caller));
                            inner.call(request).await
                        }
                        Err(rejection) => Ok(layer.refuse(&rejection, &request)),
                    }
                })))
            }
        }
    }
}

impl ProtectLayer {
    fn refuse<B, R: Default>(&self, rejection: &Rejection, request: &Request<B>) -> Response<R> {
        let challenge = self.verifier.challenge(rejection);
        answer(&challenge, self.grpc && speaks_grpc(request.headers()))
    }
}
