//! The pages: login, consent, sign-out, errors, start. Cookies and anti-forgery.

mod cookies;
mod headers;
mod known;
mod pages;
mod words;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use latchkey_operations::{Passwords, Throttle};
use latchkey_protocol::{
    Clock, Entropy, Reason, Store,
    authorization::Lifetimes,
    client::Client,
    error::Refusal,
    observe::{Observation, Refusals, first_segment},
    paths,
    secret::Pepper,
};

pub use cookies::browser;
pub use headers::page_headers;
pub use pages::{
    error::error_page,
    form_post::{form_post, post_again},
    logout::{LogoutQuestion, confirm_logout, forget_session},
    set_browser,
};
pub use words::{Language, Words};

/// Everything that the pages share.
pub struct Ui {
    pub issuer: String,
    /// The path of the issuer, without a slash at its end.
    pub base: String,
    /// Whether the issuer is https.
    pub secure: bool,
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub refusals: Arc<dyn Refusals>,
    pub lifetimes: Lifetimes,
    pub form_pepper: Pepper,
    /// For digests of what was typed as a name and is nobody's, in the log.
    pub audit_pepper: Pepper,
    pub passwords: Passwords,
    pub throttle: Throttle,
}

/// Who is at the other end, past the trusted proxies.
pub fn address(request: &HttpRequest) -> IpAddr {
    request
        .extensions()
        .get::<Observation>()
        .and_then(|o| o.peer)
        .unwrap_or(Ipv4Addr::UNSPECIFIED.into())
}

impl Ui {
    pub(crate) fn refuse(&self, request: &HttpRequest, refused: &Refusal) -> HttpResponse {
        let reference = self.note(request, None, refused);
        error_page(self, request, refused.reason, &reference)
    }

    /// Keeps a refusal, with the client where one is known, and returns its reference.
    pub(crate) fn note(
        &self,
        request: &HttpRequest,
        client: Option<&Client>,
        refused: &Refusal,
    ) -> String {
        let mut extensions = request.extensions_mut();
        let Some(observed) = extensions.get_mut::<Observation>() else {
            return String::new();
        };
        if let Some(client) = client {
            observed.client_id = Some(client.id.clone());
        }
        observed.refuse(&*self.refusals, refused, request.path())
    }
}

/// The route table.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource(format!("{}/{{interaction}}", paths::LOGIN))
                .route(web::get().to(pages::login::show))
                .route(web::post().to(pages::login::submit)),
        )
        .service(
            web::resource(format!("{}/{{interaction}}", paths::CONSENT))
                .route(web::get().to(pages::consent::show))
                .route(web::post().to(pages::consent::submit)),
        )
        .service(web::resource("/logout/confirm").route(web::post().to(pages::logout::confirmed)))
        .service(web::resource(paths::SIGNED_OUT).route(web::get().to(pages::logout::done)))
        .service(web::resource("/assets/{name}").route(web::get().to(pages::assets::asset)))
        .service(
            web::resource("/")
                .route(web::get().to(pages::start::show))
                .route(web::head().to(pages::start::show)),
        );
}

/// What is answered where there is nothing.
pub async fn not_found(ui: web::Data<Ui>, request: HttpRequest) -> HttpResponse {
    let received = first_segment(request.path()).to_owned();
    ui.refuse(
        &request,
        &Reason::PageUnknown.because("an address of discovery", received),
    )
}
