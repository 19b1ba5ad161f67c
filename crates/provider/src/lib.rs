//! The endpoints. Each loads what the rules need, decides by one pure function, and commits by one storage verb.
#![warn(missing_docs)]

mod authorize;
mod bearer;
mod client_auth;
mod custom_claims;
mod discovery;
mod document;
mod door;
mod fault;
mod grants;
mod http;
pub mod id_token;
mod introspection;
mod jwks;
mod keys;
mod logout;
mod logout_token;
mod revocation;
mod signing;
mod state;
mod status;
mod token;
mod userinfo;
mod verified;

use actix_web::web;
use latchkey_protocol::paths;

pub use custom_claims::CustomClaimsInForce;
pub use document::Document;
pub use http::refusal;
pub use keys::PublishedKeys;
pub use logout_token::logout_token;
pub use signing::{Busy, Signing};
pub use state::Provider;
pub use status::{StatusLists, StatusSettings};
pub use verified::VerifiedTokens;

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

/// The status lists, below their path: as [`documents`], but who calls is known.
pub fn status_lists(config: &mut web::ServiceConfig) {
    config.service(
        http::resource("")
            .route(web::get().to(status::lists))
            .route(web::head().to(status::lists)),
    );
    config.service(
        http::resource("/{list}")
            .route(web::get().to(status::list))
            .route(web::head().to(status::list)),
    );
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
