//! The administration API at `/admin/api/v1`: a thin front end of the operations, with its OpenAPI document and its
//! reference page.
#![warn(missing_docs)]

mod answer;
mod asked;
mod condition;
mod document;
mod door;
mod input;
mod parameters;
mod problem;
mod rate;
mod resources;
mod route;
mod serve;
mod table;

use actix_web::{HttpRequest, HttpResponse, web};

use latchkey_operations::{ClientSecrets, Idempotency, MasterKey};
use latchkey_protocol::{Issuer, audit_chain::ChainKey, paths, registration::RegistrationRules};
use latchkey_ui::Ui;
use tokio::sync::Semaphore;

pub use rate::{CALLS, CALLS_OF_ONE};
pub use serve::unreadable;

use route::Method;

/// What all calls share.
pub struct Api {
    secrets: ClientSecrets,
    /// Seals what is kept of other providers.
    master: MasterKey,
    rules: RegistrationRules,
    announce: i64,
    chain_key: ChainKey,
    idempotency: Idempotency,
    rate: rate::Rate,
    /// Going along the chain of the audit log.
    verifying: Semaphore,
    documents: document::Documents,
}

/// What an installation sets.
pub struct Settings {
    /// Makes and keeps the secrets of clients.
    pub secrets: ClientSecrets,
    /// Seals our secrets at other providers.
    pub master: MasterKey,
    /// What is allowed in registrations beyond the specifications.
    pub registration: RegistrationRules,
    /// How long a key is published before it signs, in seconds.
    pub announce: i64,
    /// What the audit log's seals are made with.
    pub chain_key: ChainKey,
    /// Knows calls by their idempotency keys.
    pub idempotency: Idempotency,
}

impl Api {
    /// Of the issuer with this address.
    pub fn new(issuer: &Issuer, settings: Settings) -> Self {
        Self {
            secrets: settings.secrets,
            master: settings.master,
            rules: settings.registration,
            announce: settings.announce,
            chain_key: settings.chain_key,
            idempotency: settings.idempotency,
            rate: rate::Rate::default(),
            verifying: Semaphore::new(1),
            documents: document::Documents::new(issuer),
        }
    }
}

/// A line of the route table, as it is seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// The HTTP method.
    pub method: &'static str,
    /// Under `/admin/api/v1`, with the names of its parts in braces.
    pub path: &'static str,
    /// Whether `latchkey.write` is needed.
    pub writes: bool,
    /// Whether `If-Match` is needed.
    pub is_conditional: bool,
}

/// The route table.
pub fn table() -> impl Iterator<Item = Call> {
    table::ROUTES.iter().map(|route| Call {
        method: route.method.name(),
        path: route.path,
        writes: route.method != Method::Get,
        is_conditional: route.if_match == route::IfMatch::Needed,
    })
}

/// Everything at `/admin/api`.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource(paths::API).route(web::get().to(reference)))
        .service(web::resource(paths::API_DOCUMENT).route(web::get().to(openapi)));
    let mut scope = web::scope(paths::API_V1);
    for path in addresses() {
        let here = || table::ROUTES.iter().filter(move |route| route.path == path);
        let mut resource = web::resource(path);
        for route in here() {
            resource = resource.route(route.served());
        }
        let allowed: Vec<Method> = here().map(|route| route.method).collect();
        let other = move |ui: web::Data<Ui>, request: HttpRequest| {
            serve::method_not_allowed(allowed.clone(), ui, request)
        };
        scope = scope.service(resource.default_service(web::to(other)));
    }
    config.service(scope.default_service(web::to(serve::not_found)));
}

/// Each address once, what is spelled out before what is not.
fn addresses() -> Vec<&'static str> {
    let mut addresses: Vec<_> = table::ROUTES.iter().map(|route| route.path).collect();
    addresses.sort_by_key(|path| (path.contains('{'), *path));
    addresses.dedup();
    addresses
}

async fn openapi(api: web::Data<Api>) -> HttpResponse {
    api.documents.openapi()
}

async fn reference(api: web::Data<Api>) -> HttpResponse {
    api.documents.reference()
}
