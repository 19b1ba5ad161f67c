//! A table of routes, each with the guard that stands beside it.

use actix_web::{
    FromRequest, Handler, HttpResponse, Resource, Responder, Route,
    http::{Method, header},
    web::{self, ServiceConfig},
};

use super::{Protect, closed::closed};
use crate::{Authenticated, Public, Rule, Verifier};

/// Routes of an API that are closed by default: one is made together with its guard, or not at all.
///
/// ```no_run
/// use actix_web::App;
/// use latchkey_resource_server::{Public, RequireRole, RequireScope, StepUp, Verifier, actix::Routes};
///
/// # async fn home() -> &'static str { "" }
/// # async fn list() -> &'static str { "" }
/// # async fn create() -> &'static str { "" }
/// # async fn remove() -> &'static str { "" }
/// # fn app(api: Verifier) {
/// let app = App::new().configure(Routes::of(&api)
///     .get("/", home, Public)
///     .get("/orders", list, RequireScope("orders:read"))
///     .post("/orders", create, (RequireScope("orders:write"), RequireRole("clerk")))
///     .delete("/orders/{id}", remove, (RequireRole("admin"), StepUp::within(300)))
///     .metadata()
///     .into_config());
/// # }
/// ```
///
/// Without a guard it does not compile:
///
/// ```compile_fail
/// # use latchkey_resource_server::{Verifier, actix::Routes};
/// # async fn home() -> &'static str { "" }
/// # fn app(api: Verifier) {
/// Routes::of(&api).get("/", home);
/// # }
/// ```
///
/// Whoever comes without a valid token hears 401 for every other path and method too, so that strangers do not learn which
/// there are. With one it is 404 or 405.
pub struct Routes {
    verifier: Verifier,
    paths: Vec<Path>,
}

/// The routes of one path: actix takes the first resource that fits.
struct Path {
    pattern: String,
    methods: Vec<Method>,
    resource: Resource,
}

/// Routes of one method.
macro_rules! method {
    ($name:ident, $method:ident) => {
        #[doc = concat!("A route for `", stringify!($method), "`.")]
        #[must_use]
        pub fn $name<F, Args>(self, path: &str, handler: F, rule: impl Into<Rule>) -> Self
        where
            F: Handler<Args>,
            Args: FromRequest + 'static,
            F::Output: Responder + 'static,
        {
            self.route(Method::$method, path, handler, rule)
        }
    };
}

impl Routes {
    /// None yet.
    pub fn of(verifier: &Verifier) -> Self {
        Self {
            verifier: verifier.clone(),
            paths: Vec::new(),
        }
    }

    method!(get, GET);
    method!(head, HEAD);
    method!(post, POST);
    method!(put, PUT);
    method!(patch, PATCH);
    method!(delete, DELETE);

    /// A route for any method. `path` is a pattern of actix-web, such as `/orders/{id}`.
    #[must_use]
    pub fn route<F, Args>(
        self,
        method: Method,
        path: &str,
        handler: F,
        rule: impl Into<Rule>,
    ) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let protect = Protect::new(&self.verifier, rule);
        let route = web::method(method.clone()).service(closed(handler, protect));
        self.add(path, method, route)
    }

    /// Publishes the API's own metadata (RFC 9728), and names it in refusals: so clients find out which issuer to ask.
    /// Only where the audience is an address; for these routes at the root of the app.
    #[must_use]
    pub fn metadata(self) -> Self {
        let verifier = self.verifier.clone();
        let Some((path, document)) = verifier.publish_metadata() else {
            tracing::warn!("the audience is no address: there is no metadata to publish");
            return self;
        };
        let document = document.clone();
        let answer = move || {
            let document = document.clone();
            async move { web::Json(document) }
        };
        self.get(path, answer, Public)
    }

    /// For [`App::configure`](actix_web::App::configure), or that of a scope.
    pub fn into_config(self) -> impl FnOnce(&mut ServiceConfig) {
        move |config| {
            let closed = Protect::new(&self.verifier, Authenticated);
            for path in self.paths {
                let names: Vec<&str> = path.methods.iter().map(Method::as_str).collect();
                // RFC 9110 15.5.6.
                let allowed = (header::ALLOW, names.join(", "));
                let other = web::to(move || {
                    let answer = HttpResponse::MethodNotAllowed()
                        .insert_header(allowed.clone())
                        .finish();
                    async { answer }
                });
                let other = other.wrap(closed.clone());
                config.service(path.resource.default_service(other));
            }
            config.default_service(web::to(HttpResponse::NotFound).wrap(closed));
        }
    }

    fn add(mut self, pattern: &str, method: Method, route: Route) -> Self {
        let known = self.paths.iter().position(|path| path.pattern == pattern);
        let mut path = match known {
            Some(at) => self.paths.remove(at),
            None => Path {
                pattern: pattern.to_owned(),
                methods: Vec::new(),
                resource: web::resource(pattern),
            },
        };
        path.resource = path.resource.route(route);
        path.methods.push(method);
        self.paths.insert(known.unwrap_or(self.paths.len()), path);
        self
    }
}
