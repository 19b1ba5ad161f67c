//! The endpoints. Each loads what the rules need, decides by one pure function, and commits by one storage verb.

mod authorize;
mod bearer;
mod client_auth;
mod custom_claims;
mod discovery;
mod fault;
mod foreign_post;
mod grants;
mod http;
mod introspection;
mod issue;
mod jwks;
pub mod keys;
mod logout;
mod revocation;
mod signing;
mod token;
mod userinfo;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use latchkey_operations::ClientGuard;
use latchkey_protocol::{
    Clock, Entropy, Reason, Secret, Store,
    authorization::Lifetimes,
    authorize::RequestRules,
    client::ReturnTo,
    error::Refusal,
    observe::{Observation, Refusals},
    paths,
    secret::Pepper,
    session::Session,
    time::Timestamp,
    user::User,
};

pub use fault::Fault;
pub use http::refusal;
pub use keys::Keys;
pub use signing::{Busy, Signing};

/// The pages that an endpoint may have to answer with; filled by the one who joins the routes.
pub trait Pages: Send + Sync {
    /// A final error page.
    fn refusal(&self, request: &HttpRequest, reason: Reason, reference: &str) -> HttpResponse;
    /// A page that posts `pairs` to the client (OAuth 2.0 Form Post Response Mode).
    fn form_post(
        &self,
        request: &HttpRequest,
        to: &ReturnTo,
        pairs: &[(&str, &str)],
    ) -> HttpResponse;
    /// A page that posts `pairs` to an address of ours, so that they come with our cookies.
    fn post_again(
        &self,
        request: &HttpRequest,
        action: &str,
        pairs: &[(&str, &str)],
        ui_locales: Option<&str>,
    ) -> HttpResponse;
    /// Asks the user before signing out: whoever is signed in at this browser, if anybody is.
    fn confirm_logout(
        &self,
        request: &HttpRequest,
        here: Option<&(Session, User)>,
        asked: &LogoutRequest,
    ) -> HttpResponse;
    /// Takes the session cookie back.
    fn forget_session(&self, response: &mut HttpResponse);
    /// The browser's own secret, and the cookie to set when it had none.
    fn browser(&self, request: &HttpRequest) -> (String, Option<String>);
    /// Gives the browser another secret of its own.
    fn set_browser(&self, response: &mut HttpResponse, secret: &Secret);
}

/// A sign-out that a user has to confirm.
#[derive(Debug, Clone, Default)]
pub struct LogoutRequest {
    pub client_id: Option<String>,
    pub post_logout_redirect_uri: Option<String>,
    pub state: Option<String>,
    pub ui_locales: Option<String>,
    /// What was wrong with the request, and its reference.
    pub refused: Option<(Reason, String)>,
    /// The session that ends, where it is not this browser's, and its user.
    pub named: Option<(String, String)>,
}

/// Everything that the endpoints share.
pub struct Provider {
    pub issuer: String,
    /// Whether the issuer is https: cookies are then `__Host-` and `Secure`.
    pub secure: bool,
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub keys: Arc<Keys>,
    pub refusals: Arc<dyn Refusals>,
    pub pages: Arc<dyn Pages>,
    pub lifetimes: Lifetimes,
    pub rules: RequestRules,
    /// Audiences whose access tokens are of type `JWT`.
    pub jwt_typ_audiences: Vec<String>,
    pub client_pepper: Pepper,
    /// Keeps whose attempts and rows are counted out of the counts' keys.
    pub count_pepper: Pepper,
    pub client_guard: ClientGuard,
    pub metadata: discovery::Document,
    pub custom_claims: CustomClaimsInForce,
    pub verified: bearer::VerifiedTokens,
    pub signing: Signing,
}

pub use bearer::VerifiedTokens;
pub use custom_claims::CustomClaimsInForce;
pub use discovery::Document;

impl Provider {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// One of our own addresses.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.trim_end_matches('/'))
    }

    /// Who is at the other end, past the trusted proxies.
    pub(crate) fn address(&self, request: &HttpRequest) -> IpAddr {
        request
            .extensions()
            .get::<Observation>()
            .and_then(|o| o.peer)
            .unwrap_or(Ipv4Addr::UNSPECIFIED.into())
    }

    /// Keeps a refusal, notes it for the log line, and returns its reference.
    pub(crate) fn refuse(&self, request: &HttpRequest, refused: &Refusal) -> String {
        let mut extensions = request.extensions_mut();
        extensions
            .get_mut::<Observation>()
            .map_or_else(String::new, |o| {
                o.refuse(&*self.refusals, refused, request.path())
            })
    }

    /// Notes the client for the log line.
    pub(crate) fn observe_client(&self, request: &HttpRequest, client_id: &str) {
        if let Some(observed) = request.extensions_mut().get_mut::<Observation>() {
            observed.client_id = Some(client_id.chars().take(100).collect());
        }
    }
}

/// The published documents: read by every resource server, changed rarely, answered from memory.
pub fn documents(config: &mut web::ServiceConfig) {
    config.service(
        http::resource(paths::JWKS)
            .route(web::get().to(jwks::jwks))
            .route(web::head().to(jwks::jwks)),
    );
    for path in [paths::OPENID_CONFIGURATION, paths::AUTHORIZATION_SERVER] {
        document_at(config, path);
    }
}

/// The metadata document where RFC 8414 3.1 looks for that of an issuer with the path `base`: outside of that path.
pub fn inserted_document(config: &mut web::ServiceConfig, base: &str) {
    document_at(config, &format!("{}{base}", paths::AUTHORIZATION_SERVER));
}

fn document_at(config: &mut web::ServiceConfig, path: &str) {
    let get = web::get().to(discovery::document);
    config.service(
        http::resource(path)
            .route(get)
            .route(web::head().to(discovery::document)),
    );
}

/// The route table.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(http::resource(paths::TOKEN).route(web::post().to(token::token)))
        .service(
            http::resource(paths::USERINFO)
                .route(web::get().to(userinfo::get))
                .route(web::post().to(userinfo::post)),
        )
        .service(http::resource(paths::INTROSPECT).route(web::post().to(introspection::introspect)))
        .service(http::resource(paths::REVOKE).route(web::post().to(revocation::revoke)))
        .service(
            web::resource(paths::AUTHORIZE)
                .route(web::get().to(authorize::begin_get))
                .route(web::post().to(authorize::begin_post)),
        )
        .service(
            web::resource(format!("{}/{{interaction}}", paths::AUTHORIZE))
                .route(web::get().to(authorize::resume)),
        )
        .service(
            web::resource(paths::END_SESSION)
                .route(web::get().to(logout::get))
                .route(web::post().to(logout::post)),
        );
}
