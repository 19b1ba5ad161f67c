//! The console at `/admin`: pages for whoever runs Latchkey, thin front ends of the operations.
#![warn(missing_docs)]

mod address;
mod audit_words;
mod chart;
mod connect;
mod guard;
mod layout;
mod mark;
mod pages;
mod route;
mod setup;
mod shell;
mod sign_in;
mod visit;

use actix_web::web;
use latchkey_operations::ClientSecrets;
use latchkey_protocol::{paths, registration::RegistrationRules};

pub use route::{Method, Needs, table};

/// What all pages share.
pub struct Console {
    /// How recent a sign-in has to be for a change, in seconds.
    pub reauth: i64,
    /// How long a key is published before it signs, in seconds.
    pub announce: i64,
    /// Makes and keeps the secrets of clients.
    pub client_secrets: ClientSecrets,
    /// What the installation allows in registrations.
    pub registration: RegistrationRules,
}

/// The routes of [`table`].
pub fn routes(config: &mut web::ServiceConfig) {
    for path in route::paths() {
        let mut addresses = vec![path.to_owned()];
        if path == paths::CONSOLE {
            addresses.push(format!("{path}/"));
        }
        let mut resource = web::resource(addresses);
        for route in route::ROUTES.iter().filter(|route| route.path == path) {
            resource = resource.route(route.served());
        }
        config.service(resource);
    }
}
