//! A demo relying party, built with the `openidconnect` crate: its addresses, and where it keeps what.

use std::{net::TcpListener, sync::Arc};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    cookie::{Cookie, SameSite},
    dev::Server,
    guard::{self, Guard},
    http::header,
    middleware::DefaultHeaders,
    web,
};
use anyhow::Result;
use latchkey_protocol::Clock;
use openidconnect::{
    ClientId, ClientSecret, IssuerUrl, RedirectUrl,
    core::{CoreClient, CoreProviderMetadata},
};

use crate::{
    calls, keys::PublishedKeys, page, sessions::Sessions, sign_in, sign_out, tokens::Client,
    visit::Visit,
};

/// One of the demo apps: which client it is, and where everything is.
pub struct DemoApp {
    /// The client. Its cookie is called so too: browsers send cookies to every port of a host.
    pub client_id: &'static str,
    /// The client's secret.
    pub secret: String,
    /// What it is registered as.
    pub name: &'static str,
    /// What its mark says, and its name and its colours go by: 1 or 2.
    pub number: u8,
    /// Where it is found.
    pub address: String,
    /// Where the other app is found.
    pub other: String,
    /// The provider.
    pub issuer: String,
    /// Where the demo API is found.
    pub api: String,
    /// Where the single-page app is found.
    pub spa: String,
}

/// What its handlers share.
pub struct Demo {
    pub app: DemoApp,
    pub http: reqwest::Client,
    pub keys: PublishedKeys,
    pub clock: Arc<dyn Clock>,
    pub sessions: Sessions,
}

/// Starts an app.
///
/// # Errors
/// When the system gives no thread or no client.
pub fn start(app: DemoApp, listener: TcpListener, clock: Arc<dyn Clock>) -> Result<Server> {
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(std::time::Duration::from_secs(10))
        .build()?;
    let demo = web::Data::new(Demo {
        keys: PublishedKeys::of(&app.issuer, http.clone(), clock.clone()),
        app,
        http,
        clock,
        sessions: Sessions::default(),
    });
    let server = HttpServer::new(move || {
        let address = demo.app.address.clone();
        App::new()
            .app_data(demo.clone())
            .wrap(DefaultHeaders::new().add((header::X_CONTENT_TYPE_OPTIONS, "nosniff")))
            .configure(move |config| routes(config, &address))
    })
    .workers(1)
    .listen(listener)?;
    Ok(server.run())
}

fn routes(config: &mut web::ServiceConfig, address: &str) {
    let form = || web::post().guard(own_form(address));
    config
        .route("/", web::get().to(page::home))
        .route("/state", web::get().to(page::state))
        .route("/login", web::get().to(sign_in::login))
        .route("/callback", web::get().to(sign_in::callback))
        .route("/refresh", form().to(calls::refresh))
        .route("/userinfo", form().to(calls::userinfo))
        .route("/api", form().to(calls::call_api))
        .route("/sign-out", form().to(sign_out::leave))
        .route("/backchannel-logout", web::post().to(sign_out::told))
        .route("/frontchannel-logout", web::get().to(sign_out::framed))
        .configure(page::assets);
}

/// A form of the app's own pages: what listens on another port of this host gets the cookie sent along, but its forms
/// name where they come from.
fn own_form(address: &str) -> impl Guard + use<> {
    let address = address.to_owned();
    guard::fn_guard(move |context| {
        let origin = context.head().headers().get(header::ORIGIN);
        origin.is_none_or(|origin| origin.as_bytes() == address.as_bytes())
    })
}

impl Demo {
    pub async fn client(&self) -> Result<Client> {
        let issuer = IssuerUrl::new(self.app.issuer.clone())?;
        let metadata = CoreProviderMetadata::discover_async(issuer, &self.http).await?;
        let id = ClientId::new(self.app.client_id.into());
        let secret = ClientSecret::new(self.app.secret.clone());
        let client = CoreClient::from_provider_metadata(metadata, id, Some(secret));
        let back = RedirectUrl::new(format!("{}/callback", self.app.address))?;
        Ok(client.set_redirect_uri(back))
    }

    /// What its cookie says, if it has one.
    pub fn id_of(&self, request: &HttpRequest) -> Option<String> {
        Some(request.cookie_raw(self.app.client_id)?.value().to_owned())
    }

    pub fn visit(&self, request: &HttpRequest) -> Option<(String, Visit)> {
        let id = self.id_of(request)?;
        let visit = self.sessions.find(&id)?;
        Some((id, visit))
    }

    pub fn cookie(&self, id: String) -> Cookie<'static> {
        Cookie::build(self.app.client_id, id)
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .finish()
    }
}

/// To an address; after a form to the page that shows what came of it, so that it can be loaded again.
pub fn see_other(to: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, to))
        .finish()
}
