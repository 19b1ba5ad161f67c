//! Listens, answers, and keeps house.

use std::{net::TcpListener, sync::Arc, time::Duration};

use actix_web::{HttpResponse, dev::Server, middleware::from_fn, web};
use anyhow::{Context, Result, bail};
use latchkey_jose::{KeyRing, MasterKey};
use latchkey_operations::{Caller, Operations};
use latchkey_protocol::{Clock, Store, audit_chain::ChainKey, paths, rotation::Rotation};
use latchkey_storage::{Database, Options};

use crate::{
    config::Settings,
    connections::{self, Limits},
    deliveries,
    dev::{KNOWN_KEY, is_of_dev},
    key_watch::KeyWatch,
    observe::{find_peer, observe},
    status_watch,
    supervised::Supervised,
    tally,
    tls::Certificate,
    wiring::{App, OsEntropy, SystemClock, join, open_keys, outbound},
    workers::{AdmissionHandler, AuditHandler, BulkEndHandler, JobHandler, SweepHandler, Workers},
};

/// The largest body that is read, in bytes.
const LARGEST_BODY: usize = 64 * 1024;
/// All routes. The published documents stand before the rest: they need no request id and no log line.
pub fn configure(app: App) -> impl Fn(&mut web::ServiceConfig) + Clone {
    move |config| {
        let base = app.ui.only_realm.issuer.base().to_owned();
        config
            .app_data(app.provider.clone())
            .app_data(app.ui.clone())
            .app_data(app.console.clone())
            .app_data(app.api.clone())
            .app_data(app.edge.clone())
            .app_data(web::PayloadConfig::new(LARGEST_BODY));
        let all = |config: &mut web::ServiceConfig| {
            latchkey_provider::documents(config);
            config
                .service(
                    web::scope(paths::STATUS_LISTS)
                        .wrap(from_fn(find_peer))
                        .configure(latchkey_provider::status_lists),
                )
                .service(
                    web::resource(paths::HEALTHZ)
                        .route(web::get().to(healthy))
                        .route(web::head().to(healthy)),
                )
                .service(
                    web::resource(paths::READYZ)
                        .route(web::get().to(ready))
                        .route(web::head().to(ready)),
                )
                .service(
                    web::scope("")
                        .wrap(from_fn(observe))
                        .configure(latchkey_provider::routes)
                        .configure(latchkey_ui::routes)
                        .configure(latchkey_console::routes)
                        .configure(latchkey_api::routes)
                        .default_service(web::to(latchkey_ui::not_found)),
                );
        };
        if base.is_empty() {
            all(config);
        } else {
            latchkey_provider::inserted_document(config, &base);
            config.service(web::scope(&base).configure(all));
        }
    }
}

/// Whether the process lives.
async fn healthy() -> HttpResponse {
    HttpResponse::Ok().body("ok\n")
}

/// Whether it can serve: the database answers with every migration, and there is a key to sign with.
async fn ready(provider: web::Data<latchkey_provider::Provider>) -> HttpResponse {
    let key = provider
        .ui
        .only_realm
        .keys
        .ring()
        .signer(provider.clock.now().as_seconds())
        .is_ok();
    match provider.store.ready().await {
        Ok(true) if key => HttpResponse::Ok().body("ready\n"),
        Ok(true) => HttpResponse::ServiceUnavailable().body("no key to sign with\n"),
        Ok(false) => HttpResponse::ServiceUnavailable().body("migrations are pending\n"),
        Err(_) => HttpResponse::ServiceUnavailable().body("the database does not answer\n"),
    }
}

/// Opens the store, with its threads.
///
/// # Errors
/// A sentence naming the database.
pub fn open_store(settings: &Settings) -> Result<Arc<dyn Store>> {
    let options = Options {
        url: settings.database_url.clone(),
        pool: settings.database_pool,
    };
    Ok(Arc::new(Database::open(&options).context("database_url")?))
}

/// What serves.
pub struct Service {
    /// Ends with the process's signals, and finishes what is in flight.
    pub server: Server,
    /// To be stopped after the server.
    pub workers: Workers,
    /// As the workers: sends logout tokens.
    pub deliveries: Supervised,
    /// As the workers: adds up what is counted.
    pub tally: Supervised,
    /// What it serves.
    pub app: App,
}

impl Service {
    /// Serves until the process is told to end.
    ///
    /// # Errors
    /// When the server fails.
    pub async fn run(self) -> std::io::Result<()> {
        let ended = self.server.await;
        let (workers, deliveries) = (self.workers.stop(), self.deliveries.stop());
        futures_util::future::join3(workers, deliveries, self.tally.stop()).await;
        ended
    }
}

/// What a server stands on, before it answers anybody.
pub struct Base {
    listener: TcpListener,
    certificate: Option<Arc<Certificate>>,
    /// The store, open, with its threads.
    pub store: Arc<dyn Store>,
    /// The time that all is judged by.
    pub clock: Arc<dyn Clock>,
}

impl Base {
    /// Opens what the settings name. `listener` is bound before anything is made, so that a port in use leaves nothing behind.
    ///
    /// # Errors
    /// A sentence: a broken certificate, an unreachable database.
    pub fn open(settings: &Settings, listener: TcpListener, clock: Arc<dyn Clock>) -> Result<Self> {
        for warning in settings.warnings() {
            tracing::warn!("{warning}");
        }
        let certificate = settings
            .tls()
            .map(|(certificate, key)| Certificate::load(certificate, key))
            .transpose()?;
        Ok(Self {
            listener,
            certificate,
            store: open_store(settings)?,
            clock,
        })
    }

    /// Starts serving the routes that are made of the whole, with these keys.
    ///
    /// # Errors
    /// A sentence: a broken list of certificate authorities, an unreachable database.
    pub async fn launch<R>(
        self,
        settings: &Settings,
        (master, ring): (MasterKey, KeyRing),
        routes: impl FnOnce(App) -> R,
    ) -> Result<Service>
    where
        R: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
    {
        let outbound = outbound(settings)?;
        let (store, clock) = (self.store, self.clock);
        let entropy = Arc::new(OsEntropy);
        let app = join(settings, store, clock, entropy, outbound, &master, ring);
        app.provider
            .use_custom_claims(app.provider.store.custom_claims().await?);
        if let Some(lists) = &app.provider.status {
            // Before anybody asks: a list without what ended would say that it has not.
            lists.follow().await?;
        }
        let rotation = Rotation {
            after: settings.rotate_after,
            announce: settings.announce,
        };
        let chain_key = ChainKey::derive(master.bytes());
        let keys = KeyWatch::new(master, rotation);
        keep_house(&app, keys, self.certificate.clone());

        let (listener, limits) = (self.listener, limits(settings));
        let routes = routes(app.clone());
        let server = connections::serve(listener, &limits, self.certificate.as_ref(), routes)?;
        let workers = start_workers(&app, settings.audit_keep, chain_key);
        let deliveries = deliveries::start(app.provider.clone(), app.outbound.clone());
        let (provider, counted) = (&app.provider, app.ui.tally.clone());
        let tally = tally::start(counted, provider.store.clone(), provider.clock.clone());
        Ok(Service {
            server,
            workers,
            deliveries,
            tally,
            app,
        })
    }
}

/// Starts serving.
///
/// # Errors
/// A sentence: a port in use, a broken certificate, a wrong key file, an unreachable database, a database that `latchkey dev`
/// has made.
pub async fn start(settings: &Settings) -> Result<Service> {
    let listener = connections::bind(&settings.listen)?;
    let base = Base::open(settings, listener, Arc::new(SystemClock))?;
    let keys = open_keys(&*base.store, &settings.keys_dir, base.clock.now()).await?;
    refuse_dev(settings, &*base.store).await?;
    base.launch(settings, keys, configure).await
}

/// What is signed with a key that everybody has proves nothing, and its users have passwords that everybody may have seen.
async fn refuse_dev(settings: &Settings, store: &dyn Store) -> Result<()> {
    // One that signs no more counts too.
    let keys = store.signing_keys().await?;
    let is_known = keys.iter().any(|key| key.kid == KNOWN_KEY);
    let url = settings.database_url.clone();
    let options = Options { url, pool: 1 };
    if is_known || options.file().is_some_and(is_of_dev) {
        bail!(
            "this database was made by latchkey dev: its signing key is published with the program, and anybody can sign \
             with it. Name another database, such as a new file, in database_url"
        );
    }
    Ok(())
}

/// The address at which the first administrator is created, where there is none: a new one at each start.
///
/// # Errors
/// When the database fails.
pub async fn setup_link(app: &App) -> Result<Option<String>> {
    let operations = Operations {
        store: &*app.provider.store,
        entropy: &OsEntropy,
        caller: Caller::server(),
        now: app.provider.clock.now(),
    };
    let link = operations.offer_setup().await?;
    let realm = &app.ui.only_realm;
    Ok(link.map(|link| realm.at(&format!("{}?link={}", paths::CONSOLE_SETUP, link.expose()))))
}

/// As the settings say, and no more connections than the system lets us have.
fn limits(settings: &Settings) -> Limits {
    let room = connections::raise_descriptors();
    if room < settings.connections {
        let wanted = settings.connections;
        tracing::warn!(
            wanted,
            room,
            "limits.connections is more than the limit of open descriptors leaves room for"
        );
    }
    Limits {
        connections: settings.connections.min(room),
        connections_per_address: settings.connections_per_address,
        trusted_proxies: settings.trusted_proxies.clone(),
        patience: settings.patience,
        workers: settings.workers,
    }
}

/// Works off the jobs.
fn start_workers(app: &App, audit_keep: i64, chain_key: ChainKey) -> Workers {
    let (store, clock) = (app.provider.store.clone(), app.provider.clock.clone());
    let sweep = SweepHandler::new(store.clone(), clock.clone(), audit_keep, chain_key.clone());
    let audit = AuditHandler::new(store.clone(), clock.clone(), chain_key);
    let ends = BulkEndHandler::new(store.clone(), clock.clone());
    let admissions = AdmissionHandler::new(store.clone(), clock.clone());
    let handlers: Vec<Arc<dyn JobHandler>> = vec![
        Arc::new(audit),
        Arc::new(sweep),
        Arc::new(ends),
        Arc::new(admissions),
    ];
    Workers::start(store, clock, Arc::new(OsEntropy), handlers)
}

/// Keys and claims that other nodes or commands change, certificates that are replaced.
fn keep_house(app: &App, mut keys: KeyWatch, certificate: Option<Arc<Certificate>>) {
    let provider = app.provider.clone();
    actix_web::rt::spawn(async move {
        loop {
            keys.look(&provider).await;
            actix_web::rt::time::sleep(Duration::from_millis(400)).await;
        }
    });
    actix_web::rt::spawn(watch_custom_claims(app.provider.clone()));
    actix_web::rt::spawn(status_watch::follow(app.provider.clone()));
    actix_web::rt::spawn(status_watch::answer_at_the_end(app.provider.clone()));
    if let Some(certificate) = certificate {
        actix_web::rt::spawn(async move {
            loop {
                actix_web::rt::time::sleep(Duration::from_secs(1)).await;
                certificate.refresh();
            }
        });
    }
}

/// Custom claims that commands, here or at other nodes, change.
async fn watch_custom_claims(provider: actix_web::web::Data<latchkey_provider::Provider>) {
    loop {
        actix_web::rt::time::sleep(Duration::from_millis(700)).await;
        match provider.store.custom_claims().await {
            Ok(claims) => {
                if provider.use_custom_claims(claims) {
                    tracing::info!("custom claims changed");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "custom claims could not be read; the old ones stay")
            }
        }
    }
}
