//! The pages: login, consent, sign-out, errors, start. Cookies and anti-forgery.

#![warn(missing_docs)]

pub mod answer;
pub mod browser;
pub mod call;
pub mod cookies;
pub mod csrf;
pub mod failure;
pub mod foreign_post;
pub mod interaction;
pub mod outbound;
mod pages;
pub mod render;
mod state;
pub mod upstream;
mod words;

use actix_web::web;
use latchkey_protocol::paths;

pub use answer::not_found;
pub use pages::logout::{LogoutQuestion, confirm_logout};
pub use pages::signed_out::{Farewell, farewell, frames_of};
pub use state::Ui;
pub use words::{Language, Words};

/// The route table.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource(format!("{}/{{interaction}}", paths::LOGIN))
                .route(web::get().to(pages::login::show))
                .route(web::post().to(pages::login::submit)),
        )
        .service(
            web::resource(paths::upstream_callback("{name}"))
                .route(web::get().to(upstream::callback))
                .route(web::post().to(upstream::posted)),
        )
        .service(
            web::resource(paths::upstream_logout("{name}")).route(web::post().to(upstream::told)),
        )
        .service(
            web::resource(paths::upstream_begin("{interaction}", "{name}"))
                .route(web::get().to(upstream::begin)),
        )
        .service(
            web::resource(format!("{}/{{interaction}}", paths::LINK))
                .route(web::get().to(pages::link::show))
                .route(web::post().to(pages::link::submit)),
        )
        .service(
            web::resource(format!("{}/{{interaction}}", paths::CONSENT))
                .route(web::get().to(pages::consent::show))
                .route(web::post().to(pages::consent::submit)),
        )
        .service(
            web::resource(format!("{}/{{interaction}}", paths::NO_ACCESS))
                .route(web::get().to(pages::no_access::show))
                .route(web::post().to(pages::no_access::submit)),
        )
        .service(web::resource("/logout/confirm").route(web::post().to(pages::logout::confirmed)))
        .service(web::resource(paths::SIGNED_OUT).route(web::get().to(pages::signed_out::done)))
        .service(web::resource("/assets/{name}").route(web::get().to(pages::assets::asset)))
        .service(
            web::resource("/")
                .route(web::get().to(pages::start::show))
                .route(web::head().to(pages::start::show)),
        );
}
