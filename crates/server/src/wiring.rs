//! Fills the seams: the system's clock and randomness, the store, the keys, the pages.

use std::{io::Write, path::Path, sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, web};
use anyhow::{Context, Result, bail};
use latchkey_jose::{KeyRing, MasterKey, RingKey, SigningKey};
use latchkey_operations::{ClientGuard, PasswordKey, Passwords, Throttle};
use latchkey_protocol::{
    Clock, Entropy, Reason, Secret, Store, Timestamp, authorize::RequestRules, client::ReturnTo,
    observe::Refusals, secret::Pepper, session::Session, store::StoredKey, user::User,
};
use latchkey_provider::{
    CustomClaimsInForce, Document, Keys, LogoutRequest, Pages, Provider, Signing, VerifiedTokens,
};
use latchkey_ui::Ui;
use rand::{RngCore, rngs::OsRng};

use crate::{config::Settings, edge::Edge, recorder::Recorder};

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
        i64::try_from(self.elapsed().as_secs()).unwrap_or(i64::MAX)
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

/// Makes a key and seals it.
///
/// # Errors
/// When the libraries fail.
pub fn new_key(
    master: &MasterKey,
    created_at: Timestamp,
    activates_at: Timestamp,
) -> Result<StoredKey> {
    let key = SigningKey::generate(&mut OsRng, 2048)?;
    let sealed = master.seal(key.pem())?;
    Ok(StoredKey {
        kid: key.kid().to_owned(),
        sealed: Some(sealed),
        created_at,
        activates_at,
        retires_at: None,
    })
}

/// Opens the keys of the store that have not been forgotten.
///
/// # Errors
/// When one was sealed under another master key.
pub fn open_ring(
    master: &MasterKey,
    stored: &[StoredKey],
    previous: Option<&KeyRing>,
) -> Result<KeyRing> {
    let open = |s: &StoredKey| -> Option<Result<RingKey>> {
        let opened = master
            .open(s.sealed.as_ref()?)
            .and_then(|pem| SigningKey::from_pem(&pem));
        let named = opened.with_context(|| format!("signing key {}", s.kid));
        let (created_at, activates_at, retires_at) = (s.created_at, s.activates_at, s.retires_at);
        Some(named.map(|key| RingKey {
            key,
            created_at,
            activates_at,
            retires_at,
        }))
    };
    Ok(KeyRing::new(
        stored.iter().filter_map(open).collect::<Result<_>>()?,
        previous,
    )?)
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
        store.add_first_key(&new_key(&master, now, now)?).await?;
        stored = store.signing_keys().await?;
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

/// The key that client secrets are digested under.
pub fn client_pepper(master: &MasterKey) -> Pepper {
    Pepper::derive(master.bytes(), "client secrets")
}

/// Answers the provider's pages with the ui's.
struct UiPages(web::Data<Ui>);

impl Pages for UiPages {
    fn refusal(&self, request: &HttpRequest, reason: Reason, reference: &str) -> HttpResponse {
        latchkey_ui::error_page(&self.0, request, reason, reference)
    }

    fn form_post(
        &self,
        request: &HttpRequest,
        to: &ReturnTo,
        pairs: &[(&str, &str)],
    ) -> HttpResponse {
        latchkey_ui::form_post(&self.0, request, to, pairs)
    }

    fn post_again(
        &self,
        request: &HttpRequest,
        action: &str,
        pairs: &[(&str, &str)],
        ui_locales: Option<&str>,
    ) -> HttpResponse {
        latchkey_ui::post_again(&self.0, request, action, pairs, ui_locales)
    }

    fn confirm_logout(
        &self,
        request: &HttpRequest,
        here: Option<&(Session, User)>,
        asked: &LogoutRequest,
    ) -> HttpResponse {
        let question = latchkey_ui::LogoutQuestion {
            here,
            named: asked
                .named
                .as_ref()
                .map(|(session, user)| (session.as_str(), user.as_str())),
            client_id: asked.client_id.as_deref(),
            redirect: asked.post_logout_redirect_uri.as_deref(),
            state: asked.state.as_deref(),
            ui_locales: asked.ui_locales.as_deref(),
            refused: asked
                .refused
                .as_ref()
                .map(|(reason, reference)| (*reason, reference.as_str())),
        };
        latchkey_ui::confirm_logout(&self.0, request, &question)
    }

    fn forget_session(&self, response: &mut HttpResponse) {
        latchkey_ui::forget_session(&self.0, response);
    }

    fn browser(&self, request: &HttpRequest) -> (String, Option<String>) {
        latchkey_ui::browser(request, self.0.secure, &*self.0.entropy)
    }

    fn set_browser(&self, response: &mut HttpResponse, secret: &Secret) {
        latchkey_ui::set_browser(&self.0, response, secret);
    }
}

/// The whole thing, joined.
#[derive(Clone)]
pub struct App {
    pub provider: web::Data<Provider>,
    pub ui: web::Data<Ui>,
    pub edge: web::Data<Edge>,
}

/// Joins the parts.
pub fn join(
    settings: &Settings,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
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
    let ui = web::Data::new(Ui {
        issuer: settings.issuer.clone(),
        base: settings.base(),
        secure: settings.is_secure(),
        store: store.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        refusals: refusals.clone(),
        lifetimes: settings.lifetimes,
        form_pepper: Pepper::derive(master.bytes(), "forms"),
        audit_pepper: Pepper::derive(master.bytes(), "audit"),
        passwords: Passwords::new((cores / 2).clamp(1, 4), password_key(master)),
        throttle: Throttle::new(store.clone(), count_pepper.clone()),
    });
    let provider = web::Data::new(Provider {
        issuer: settings.issuer.clone(),
        secure: settings.is_secure(),
        store: store.clone(),
        clock,
        entropy,
        keys: Arc::new(Keys::new(ring, &settings.issuer)),
        refusals,
        pages: Arc::new(UiPages(ui.clone())),
        lifetimes: settings.lifetimes,
        rules: RequestRules {
            require_pkce: settings.require_pkce,
        },
        jwt_typ_audiences: settings.jwt_typ_audiences.clone(),
        client_pepper: client_pepper(master),
        client_guard: ClientGuard::new(store.clone(), count_pepper.clone()),
        count_pepper,
        metadata: Document::new(&settings.issuer),
        custom_claims: CustomClaimsInForce::default(),
        verified: VerifiedTokens::new(20_000),
        signing: Signing::new(cores),
    });
    let strict_transport = settings.is_secure() && !settings.is_loopback();
    let edge = Edge::new(
        settings.trusted_proxies.clone(),
        &settings.forwarded_header,
        strict_transport,
    );
    App {
        provider,
        ui,
        edge: web::Data::new(edge),
    }
}
