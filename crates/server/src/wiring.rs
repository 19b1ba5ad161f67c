//! Fills the seams: the system's clock and randomness, the store, the keys, the pages.

use std::{io::Write, path::Path, sync::Arc, time::Duration};

use actix_web::web;
use anyhow::{Context, Result, bail};
use latchkey_api::Api;
use latchkey_console::Console;
use latchkey_jose::{KeyRing, MasterKey};
use latchkey_operations::{
    Caller, ClientGuard, ClientSecrets, FailureRecorder, Idempotency, Operations, PasswordKey,
    PasswordSignIn, Passwords, Realm, Throttle, UpstreamSecrets, UpstreamSignIn, keys::open_ring,
    token_keys::Keys,
};
use latchkey_protocol::{
    Clock, Entropy, Issuer, Outbound, Store, Timestamp, audit_chain::ChainKey,
    authorize::RequestRules, console, observe::Refusals, paths, secret::Pepper,
};
use latchkey_provider::{
    CustomClaimsInForce, Document, Provider, PublishedKeys, Signing, StatusLists, StatusSettings,
    VerifiedTokens,
};
use latchkey_ui::{
    Ui,
    outbound::{Network, OutboundRules, SystemResolver},
    upstream::Upstreams,
};
use rand::{RngCore, rngs::OsRng};

use crate::{config::Settings, edge::Edge, recorder::Recorder, tls};

/// The system's clock.
pub struct SystemClock;

impl SystemClock {
    /// Since the epoch.
    #[allow(clippy::disallowed_methods)]
    pub fn elapsed(&self) -> Duration {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(i64::try_from(self.elapsed().as_secs()).unwrap_or(i64::MAX))
    }
}

/// The system's generator.
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        OsRng.fill_bytes(bytes);
    }
}

/// The file of the master key.
pub fn master_key_file(keys_dir: &Path) -> std::path::PathBuf {
    keys_dir.join("master.key")
}

/// Reads the master key; makes one where there is none, unless the database already has keys sealed under another.
///
/// # Errors
/// A sentence that says what is wrong with the file and what to do.
pub fn master_key(keys_dir: &Path, may_create: bool) -> Result<MasterKey> {
    let file = master_key_file(keys_dir);
    match std::fs::read_to_string(&file) {
        Ok(text) => {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&file)?.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                bail!(
                    "{} can be read by others (mode {mode:o}): run chmod 600 on it",
                    file.display()
                );
            }
            MasterKey::from_hex(&text)
                .with_context(|| format!("{} is no master key", file.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && may_create => {
            create_master_key(keys_dir)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
            "{} is missing, and the database holds keys sealed under it: bring the file back from a backup or another node",
            file.display()
        ),
        Err(error) => bail!("{} cannot be read: {error}", file.display()),
    }
}

fn create_master_key(keys_dir: &Path) -> Result<MasterKey> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(keys_dir);
    made.with_context(|| format!("cannot make the folder {}", keys_dir.display()))?;
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    let key = MasterKey::from_bytes(bytes);
    let file = master_key_file(keys_dir);
    let opened = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&file);
    match opened {
        Ok(mut out) => {
            writeln!(out, "{}", key.to_hex())?;
            out.sync_all()?;
            Ok(key)
        }
        // Another node on the same folder was faster.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            master_key(keys_dir, false)
        }
        Err(error) => bail!("{} cannot be written: {error}", file.display()),
    }
}

/// Opens master key and ring; makes both where the installation is new.
///
/// # Errors
/// A sentence for whoever runs the server.
pub async fn open_keys(
    store: &dyn Store,
    keys_dir: &Path,
    now: Timestamp,
) -> Result<(MasterKey, KeyRing)> {
    let mut stored = store.signing_keys().await?;
    let master = master_key(keys_dir, stored.is_empty())?;
    if stored.is_empty() {
        let operations = Operations {
            store,
            entropy: &OsEntropy,
            caller: Caller::server(),
            now,
        };
        stored = operations.first_key(&master).await?;
    }
    let ring = open_ring(&master, &stored, None).with_context(|| {
        format!(
            "{} does not fit this database",
            master_key_file(keys_dir).display()
        )
    })?;
    Ok((master, ring))
}

/// The key that goes into hashes of passwords.
pub fn password_key(master: &MasterKey) -> PasswordKey {
    PasswordKey::new(&Pepper::derive(master.bytes(), "passwords"))
}

/// The whole thing, joined.
#[derive(Clone)]
pub struct App {
    /// The endpoints' part.
    pub provider: web::Data<Provider>,
    /// The pages' part.
    pub ui: web::Data<Ui>,
    /// The console's part.
    pub console: web::Data<Console>,
    /// The administration API's part.
    pub api: web::Data<Api>,
    /// Who is believed about the caller's address.
    pub edge: web::Data<Edge>,
    /// What calls out.
    pub outbound: Arc<dyn Outbound>,
}

/// Calls over the network, as the settings allow.
///
/// # Errors
/// A sentence naming the file of certificate authorities.
pub fn outbound(settings: &Settings) -> Result<Arc<dyn Outbound>> {
    let file = settings.outbound_ca_file();
    let rules = OutboundRules {
        allow: settings.outbound_allow.clone(),
        authorities: file.map(tls::chain).transpose()?.unwrap_or_default(),
        ..OutboundRules::default()
    };
    let network = Network::new(rules, Arc::new(SystemResolver));
    let network = network.with_context(|| match file {
        Some(file) => format!(
            "{} (outbound.ca_file) has a certificate in it that cannot be read as a certificate authority",
            file.display()
        ),
        None => "calls out cannot be set up".to_owned(),
    })?;
    Ok(Arc::new(network))
}

/// The one issuer there is.
fn realm(settings: &Settings, master: &MasterKey, ring: KeyRing) -> Realm {
    let issuer = Issuer::new(&settings.issuer);
    Realm {
        lifetimes: settings.lifetimes,
        keys: Keys::new(ring, master.clone(), &issuer),
        rules: RequestRules {
            require_pkce: settings.require_pkce,
        },
        jwt_typ_audiences: settings.jwt_typ_audiences.clone(),
        has_status_lists: settings.status_list,
        console: console::client(&issuer.at(paths::CONSOLE_CALLBACK)),
        issuer,
    }
}

/// Joins the parts.
pub fn join(
    settings: &Settings,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    outbound: Arc<dyn Outbound>,
    master: &MasterKey,
    ring: KeyRing,
) -> App {
    let count_pepper = Pepper::derive(master.bytes(), "counts");
    let refusals: Arc<dyn Refusals> = Arc::new(Recorder::new(
        store.clone(),
        clock.clone(),
        entropy.clone(),
        count_pepper.clone(),
    ));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let sign_in = PasswordSignIn {
        store: store.clone(),
        entropy: entropy.clone(),
        passwords: Passwords::new((cores / 2).clamp(1, 4), password_key(master)),
        throttle: Throttle::new(store.clone(), count_pepper.clone()),
        lifetimes: settings.lifetimes,
        browser_pepper: Pepper::derive(master.bytes(), "forms"),
        audit_pepper: Pepper::derive(master.bytes(), "audit"),
        failures: FailureRecorder::new(store.clone()),
    };
    let seams = (store.clone(), entropy.clone(), outbound.clone());
    let upstreams = upstreams(settings, master, seams);
    let ui = web::Data::new(Ui {
        only_realm: Arc::new(realm(settings, master, ring)),
        store: store.clone(),
        clock: clock.clone(),
        entropy,
        refusals,
        form_pepper: Pepper::derive(master.bytes(), "forms"),
        count_pepper: count_pepper.clone(),
        tally: Arc::default(),
        sign_in,
        upstreams,
    });
    let provider = web::Data::new(Provider {
        ui: ui.clone(),
        store: store.clone(),
        client_secrets: ClientSecrets::new(master),
        client_guard: ClientGuard::new(store.clone(), count_pepper),
        status: status_lists(settings, master, (store, clock.clone())),
        clock,
        metadata: Document::new(&Issuer::new(&settings.issuer), settings.status_list),
        published: PublishedKeys::default(),
        custom_claims: CustomClaimsInForce::default(),
        verified: VerifiedTokens::new(20_000),
        signing: Signing::new(cores),
    });
    App {
        provider,
        ui,
        console: web::Data::new(Console {
            reauth: settings.admin_reauth,
            announce: settings.announce,
            client_secrets: ClientSecrets::new(master),
            registration: settings.registration,
        }),
        api: web::Data::new(api(settings, master)),
        edge: web::Data::new(edge(settings)),
        outbound,
    }
}

/// The ways to other providers.
fn upstreams(
    settings: &Settings,
    master: &MasterKey,
    (store, entropy, outbound): (Arc<dyn Store>, Arc<dyn Entropy>, Arc<dyn Outbound>),
) -> Upstreams {
    let sign_in = UpstreamSignIn {
        store,
        entropy,
        lifetimes: settings.lifetimes,
    };
    Upstreams::new(outbound, UpstreamSecrets::new(master), sign_in)
}

/// Who is believed about callers, and whether browsers are told to come by https alone.
fn edge(settings: &Settings) -> Edge {
    let strict_transport = Issuer::new(&settings.issuer).is_https() && !settings.is_loopback();
    Edge::new(
        settings.trusted_proxies.clone(),
        &settings.forwarded_header,
        strict_transport,
    )
}

/// The status lists, where tokens have entries in them.
fn status_lists(
    settings: &Settings,
    master: &MasterKey,
    seams: (Arc<dyn Store>, Arc<dyn Clock>),
) -> Option<StatusLists> {
    let published = StatusSettings {
        ttl: settings.status_list_ttl,
        lifetime: settings.status_list_lifetime,
        // Who waits holds a connection, and others want one too.
        waiting: settings.status_waiting.min(settings.connections / 4),
    };
    let issuer = Issuer::new(&settings.issuer);
    let pepper = Pepper::derive(master.bytes(), "status indices");
    settings
        .status_list
        .then(|| StatusLists::new(&issuer, seams, pepper, &settings.lifetimes, published))
}

/// The administration API's part.
fn api(settings: &Settings, master: &MasterKey) -> Api {
    let shared = latchkey_api::Settings {
        secrets: ClientSecrets::new(master),
        master: master.clone(),
        registration: settings.registration,
        announce: settings.announce,
        chain_key: ChainKey::derive(master.bytes()),
        idempotency: Idempotency::new(master),
    };
    Api::new(&Issuer::new(&settings.issuer), shared)
}
