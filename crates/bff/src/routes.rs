//! All routes, in one table.

use actix_web::web;

use crate::{
    Bff, files,
    forward::{self, Client},
    pages::{back_channel, callback, health, login, logout, user},
};

impl Bff {
    /// The routes, for `App::configure`: `/bff`, `/api`, `/healthz`, `/readyz`, and for all else the app's files, where the
    /// settings name their folder.
    pub fn routes(&self) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
        let bff = self.clone();
        move |config| {
            let files = bff.0.settings.static_files.is_some();
            config
                .app_data(web::Data::new(bff.clone()))
                // One for each thread: answers are read where they are asked for.
                .app_data(web::Data::new(Client::new()))
                .route("/bff/login", web::get().to(login::login))
                .route("/bff/callback", web::get().to(callback::callback))
                .route("/bff/user", web::get().to(user::user))
                .service(
                    web::resource("/bff/logout")
                        .route(web::post().to(logout::end))
                        .route(web::get().to(logout::go_on)),
                )
                .route(
                    "/bff/backchannel-logout",
                    web::post().to(back_channel::told),
                )
                .route("/healthz", web::get().to(health::healthy))
                .route("/readyz", web::get().to(health::ready))
                .service(web::resource(["/api", "/api/{rest:.*}"]).to(forward::call));
            if files {
                config.default_service(web::to(files::serve));
            }
        }
    }
}
