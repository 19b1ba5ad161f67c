//! A table of routes, each with the guard that stands beside it.

use std::convert::Infallible;

use axum::{
    Router,
    body::Body,
    extract::Request,
    handler::Handler,
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{
        IntoMakeService, MethodFilter, MethodRouter, RouterIntoService, any, any_service, on,
    },
};
use tower_layer::Layer;
use tower_service::Service;

use crate::{Authenticated, Public, Rule, Verifier, tower::ProtectLayer};

/// Routes of an API that are closed by default: one is made together with its guard, or not at all.
///
/// ```no_run
/// use latchkey_resource_server::{Public, RequireRole, RequireScope, Verifier, axum::{Caller, Routes}};
///
/// # async fn home() -> &'static str { "" }
/// # async fn list(caller: Caller) -> String { caller.sub.clone() }
/// # async fn create() -> &'static str { "" }
/// # fn app(api: Verifier) -> impl Sized {
/// Routes::of(&api)
///     .get("/", home, Public)
///     .get("/orders", list, RequireScope("orders:read"))
///     .post("/orders", create, (RequireScope("orders:write"), RequireRole("clerk")))
///     .metadata()
///     .into_make_service() // for axum::serve
/// # }
/// ```
///
/// Without a guard it does not compile:
///
/// ```compile_fail
/// # use latchkey_resource_server::{Verifier, axum::Routes};
/// # async fn home() -> &'static str { "" }
/// # fn app(api: Verifier) {
/// Routes::<()>::of(&api).get("/", home);
/// # }
/// ```
///
/// Nor can one be added to what they become, which is no `Router`:
///
/// ```compile_fail
/// # use latchkey_resource_server::{Public, Verifier, axum::Routes};
/// # async fn home() -> &'static str { "" }
/// # fn app(api: Verifier) {
/// Routes::<()>::of(&api).get("/", home, Public).into_make_service().route("/open", axum::routing::get(home));
/// # }
/// ```
///
/// Whoever comes without a valid token hears 401 for every other path and method too, so that strangers do not learn which
/// there are. With one it is 404 or 405. `HEAD` passes where `GET` does.
#[must_use]
pub struct Routes<S = ()> {
    verifier: Verifier,
    paths: Vec<Path<S>>,
    /// What was made elsewhere.
    nested: Vec<Router>,
}

/// The routes of one path.
struct Path<S> {
    pattern: String,
    methods: Vec<Method>,
    routes: MethodRouter<S>,
}

/// Routes of one method.
macro_rules! method {
    ($name:ident, $method:ident) => {
        #[doc = concat!("A route for `", stringify!($method), "`.")]
        ///
        /// # Panics
        /// As [`Routes::route`].
        pub fn $name<H, T>(self, path: &str, handler: H, rule: impl Into<Rule>) -> Self
        where
            H: Handler<T, S>,
            T: 'static,
        {
            self.route(Method::$method, path, handler, rule)
        }
    };
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// None yet.
    pub fn of(verifier: &Verifier) -> Self {
        Self {
            verifier: verifier.clone(),
            paths: Vec::new(),
            nested: Vec::new(),
        }
    }

    method!(get, GET);
    method!(head, HEAD);
    method!(post, POST);
    method!(put, PUT);
    method!(patch, PATCH);
    method!(delete, DELETE);

    /// A route for any method that axum knows. `path` is a pattern of axum, such as `/orders/{id}`.
    ///
    /// # Panics
    /// Where axum does: at a second route for the same method and path, and at another method than its own nine.
    #[allow(clippy::expect_used)]
    pub fn route<H, T>(
        mut self,
        method: Method,
        path: &str,
        handler: H,
        rule: impl Into<Rule>,
    ) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).expect("a method that axum knows");
        let route = on(filter, handler).route_layer(ProtectLayer::new(&self.verifier, rule));
        match self.paths.iter_mut().find(|known| known.pattern == path) {
            Some(known) => {
                known.routes = std::mem::take(&mut known.routes).merge(route);
                known.methods.push(method);
            }
            None => self.paths.push(Path {
                pattern: path.to_owned(),
                methods: vec![method],
                routes: route,
            }),
        }
        self
    }

    /// All that lies below `path` is for a service that was made elsewhere, such as a `Router` of axum; the guard stands
    /// before the whole of it, whatever it answers.
    ///
    /// # Panics
    /// Where axum does: at the root, and below a path that is taken.
    pub fn nest<T>(mut self, path: &str, service: T, rule: impl Into<Rule>) -> Self
    where
        T: Service<Request, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        T::Future: Send + 'static,
    {
        let closed = ProtectLayer::new(&self.verifier, rule).layer(service);
        let router = Router::new().nest_service(path, closed);
        self.nested.push(router);
        self
    }

    /// Publishes the API's own metadata (RFC 9728), and names it in refusals: so clients find out which issuer to ask.
    /// Only where the audience is an address; for these routes at the root of the app.
    pub fn metadata(self) -> Self {
        let verifier = self.verifier.clone();
        let Some((path, document)) = verifier.publish_metadata() else {
            tracing::warn!("the audience is no address: there is no metadata to publish");
            return self;
        };
        let document = document.to_string();
        let kind = [(header::CONTENT_TYPE, "application/json")];
        self.get(path, move || async move { (kind, document) }, Public)
    }

    /// Gives the handlers their state.
    pub fn with_state(self, state: S) -> Routes {
        let with = |path: Path<S>| Path {
            pattern: path.pattern,
            methods: path.methods,
            routes: path.routes.with_state(state.clone()),
        };
        Routes {
            verifier: self.verifier,
            paths: self.paths.into_iter().map(with).collect(),
            nested: self.nested,
        }
    }
}

impl Routes {
    /// For `axum::serve`.
    ///
    /// # Panics
    /// Where axum does: at paths that stand in each other's way.
    #[must_use]
    pub fn into_make_service(self) -> IntoMakeService<Router> {
        self.into_router().into_make_service()
    }

    /// For what else takes a service of tower, and for more layers around it.
    ///
    /// # Panics
    /// Where axum does: at paths that stand in each other's way.
    #[must_use]
    pub fn into_service(self) -> RouterIntoService<Body> {
        self.into_router().into_service()
    }

    fn into_router(self) -> Router {
        let closed = ProtectLayer::new(&self.verifier, Authenticated);
        let mut router = Router::new();
        for path in self.paths {
            // In place of axum's own answer, which says the methods to everybody.
            let other = any_service(closed.layer(other_method(&path.methods)));
            router = router.route(&path.pattern, other.merge(path.routes));
        }
        for nested in self.nested {
            router = router.merge(nested);
        }
        let nothing: MethodRouter = any(|| async { StatusCode::NOT_FOUND });
        router.fallback_service(closed.layer(nothing))
    }
}

/// RFC 9110 15.5.6.
fn other_method(methods: &[Method]) -> MethodRouter {
    let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    let allowed = [(header::ALLOW, names.join(", "))];
    any(move || async move { (StatusCode::METHOD_NOT_ALLOWED, allowed).into_response() })
}
