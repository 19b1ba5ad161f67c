//! The single-page app of `examples/spa` behind a backend-for-frontend, and the [stopwatch](crate::stopwatch) beside it.

use std::{net::TcpListener, sync::Arc, time::Duration};

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::Server,
    http::header,
    middleware::DefaultHeaders,
    web::{self, ServiceConfig},
};
use anyhow::{Result, anyhow};
use latchkey_bff::{
    Bff, SealKeys,
    settings::{Lifetimes, Limits, Settings, Upstream, upstream_address},
    store::MemoryStore,
};
use latchkey_protocol::{Clock, Entropy};
use latchkey_resource_server::{HttpClient, Verifier};

use crate::{
    api::{self, SCOPES},
    page::asset,
    stopwatch::{self, EndSession, Stopwatch, on_loopback},
};

const INDEX: &str = include_str!("../../../examples/spa/app/index.html");
const SCRIPT: &str = include_str!("../../../examples/spa/app/app.js");
const STYLE: &str = include_str!("../../../examples/spa/app/app.css");
/// What the example has not: a link to the stopwatch, before this.
const BEFORE: &str = r#"<span id="user">"#;
const LINK: &str = r#"<a href="/stopwatch">Stopwatch</a> "#;

/// How long a caller may take for the head of a request.
const HEAD: Duration = Duration::from_secs(10);

/// The app: which client it is, and where everything is.
pub struct SinglePageApp {
    /// The client.
    pub client_id: &'static str,
    /// The client's secret.
    pub secret: String,
    /// What it is registered as.
    pub name: &'static str,
    /// Where it is found.
    pub address: String,
    /// The provider.
    pub issuer: String,
    /// Where both instances of the API are found.
    pub apis: [String; 2],
}

/// What it needs from whoever starts it.
pub struct Surroundings {
    /// What all go by.
    pub clock: Arc<dyn Clock>,
    /// Where its keys come from.
    pub entropy: Arc<dyn Entropy>,
    /// Ends a session at the provider.
    pub end_session: EndSession,
}

impl SinglePageApp {
    /// What it asks for.
    pub fn scope() -> String {
        format!("openid profile roles offline_access {}", SCOPES.join(" "))
    }

    /// Calls to `/api/first` and `/api/second` reach that instance, those to the stopwatch this app itself, all others the
    /// first instance.
    fn settings(&self, entropy: &dyn Entropy) -> Result<Settings> {
        let upstream = |(path, address): (&str, &String)| {
            let to = upstream_address(&on_loopback(address));
            let (to, prefix) = to.map_err(|why| anyhow!("{path} {why}"))?;
            anyhow::Ok(Upstream {
                path: path.to_owned(),
                to,
                prefix,
                request_headers: Vec::new(),
                websockets: false,
            })
        };
        let [first, second] = &self.apis;
        let own = format!("{}/stopwatch", self.address);
        let upstreams = [
            ("/api", first),
            ("/api/first", first),
            ("/api/second", second),
            ("/api/stopwatch", &own),
        ];
        let mut key = [0; 32];
        entropy.fill(&mut key);
        let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Settings {
            origin: self.address.clone(),
            issuer: self.issuer.clone(),
            client_id: self.client_id.to_owned(),
            client_secret: self.secret.clone(),
            scope: Self::scope(),
            seal_keys: SealKeys::read(&key).map_err(|why| anyhow!(why))?,
            upstreams: upstreams.into_iter().map(upstream).collect::<Result<_>>()?,
            static_files: None,
            content_security_policy: Settings::POLICY.to_owned(),
            lifetimes: Lifetimes::default(),
            limits: Limits::default(),
        })
    }
}

/// Starts the app, and both instances of the API.
///
/// # Errors
/// When the system gives no thread or no client, or an address is none.
pub fn start(
    app: &SinglePageApp,
    listener: TcpListener,
    apis: [TcpListener; 2],
    with: Surroundings,
) -> Result<Vec<Server>> {
    let http = HttpClient::new()?;
    let (issuer, audience) = (&app.issuer, &app.apis[0]);
    // One each: neither instance knows more than an API elsewhere would.
    let verifier = || api::verifier(issuer, audience, http.clone(), with.clock.clone());
    let verifiers = [verifier()?, verifier()?];
    let mut servers = vec![start_app(
        app,
        listener,
        &verifiers[0],
        http.clone(),
        &with,
    )?];
    for (listener, verifier) in apis.into_iter().zip(&verifiers) {
        servers.push(api::start(listener, verifier)?);
    }
    Ok(servers)
}

/// `verifier`: judges who starts the stopwatch.
fn start_app(
    app: &SinglePageApp,
    listener: TcpListener,
    verifier: &Verifier,
    http: HttpClient,
    with: &Surroundings,
) -> Result<Server> {
    let settings = app.settings(&*with.entropy)?;
    let (store, entropy) = (Arc::new(MemoryStore::default()), with.entropy.clone());
    let bff = Bff::start_with(settings, store, entropy, with.clock.clone(), Arc::new(http));
    let routes = bff.map_err(|why| anyhow!(why))?.routes();
    let watch = web::Data::new(Stopwatch::of(app, with.end_session.clone())?);
    let verifier = verifier.clone();
    let server = HttpServer::new(move || {
        App::new()
            .wrap(DefaultHeaders::new().add((header::X_CONTENT_TYPE_OPTIONS, "nosniff")))
            .app_data(watch.clone())
            .configure(routes.clone())
            .configure(|config| stopwatch::routes(config, &verifier))
            .configure(files)
    })
    .workers(1)
    .client_request_timeout(HEAD)
    .h1_allow_half_closed(false)
    .shutdown_timeout(api::LAST_CALLS)
    .listen(listener)?;
    Ok(server.run())
}

/// The files of the example.
fn files(config: &mut ServiceConfig) {
    config
        .route("/", web::get().to(index))
        .route("/app.js", web::get().to(script))
        .route("/app.css", web::get().to(style));
}

async fn index() -> HttpResponse {
    let html = INDEX.replacen(BEFORE, &format!("{LINK}{BEFORE}"), 1);
    HttpResponse::Ok()
        .insert_header((header::CONTENT_SECURITY_POLICY, Settings::POLICY))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .content_type("text/html; charset=utf-8")
        .body(html)
}

async fn script() -> HttpResponse {
    asset("text/javascript; charset=utf-8", SCRIPT.into())
}

async fn style() -> HttpResponse {
    asset("text/css; charset=utf-8", STYLE.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_example_has_the_place_for_the_link() {
        assert_eq!(INDEX.matches(BEFORE).count(), 1);
    }
}
