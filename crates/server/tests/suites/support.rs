//! An in-process provider on a real socket, with clock and entropy in hand, a browser and a relying party.

mod browser;
pub mod receiver;
mod requests;
mod seams;

use std::{
    collections::HashMap,
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use actix_web::{App, HttpServer};
use latchkey_conformance::Flaky;
use latchkey_operations::{Caller, NewUser, Operations};
use latchkey_protocol::{
    Clock, Entropy, Store, Timestamp, UserId, audit_chain::ChainKey, registration::Registration,
};
use latchkey_server::{
    config::Settings,
    serve::configure,
    wiring::{App as Joined, OsEntropy, join, open_keys, outbound},
};
use latchkey_storage::{Database, Options};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

pub use browser::*;
pub use requests::basic;
use seams::{HandClock, Seeded};

pub const START: i64 = 1_800_000_000;
pub const CALLBACK: &str = "https://app.example/callback?tenant=1";
pub const SECRET: &str = "s3cret/with:odd+chars&equals=%20-0123456789";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

pub struct Harness {
    pub issuer: String,
    /// Where it listens; the issuer, unless the settings name another.
    pub address: String,
    pub database: Options,
    /// The store on its way, as [`Harness::store`]: a test can let a verb of it fail.
    pub flaky: Arc<Flaky>,
    pub store: Arc<dyn Store>,
    pub app: Joined,
    pub alice: UserId,
    clock: Arc<HandClock>,
    settings: Settings,
    folder: tempfile::TempDir,
    server: actix_web::dev::ServerHandle,
    dropped: Option<String>,
}

static COUNT: AtomicU64 = AtomicU64::new(0);

/// The PostgreSQL to test on. Without one its half of the tests is skipped, aloud; where it is required, as in CI, that
/// is a failure.
pub fn postgres() -> Option<String> {
    static SAID: std::sync::Once = std::sync::Once::new();
    let named = std::env::var("LATCHKEY_TEST_POSTGRES").ok();
    if named.is_none() {
        let required = std::env::var_os("LATCHKEY_REQUIRE_POSTGRES").is_some();
        assert!(!required, "LATCHKEY_TEST_POSTGRES names no server");
        // Past the capture of the test harness.
        let say =
            b"SKIPPED: no PostgreSQL; LATCHKEY_TEST_POSTGRES names none (see CONTRIBUTING.md)\n";
        SAID.call_once(|| std::io::stderr().write_all(say).unwrap());
    }
    named
}

pub fn operations<'a>(store: &'a dyn Store, entropy: &'a dyn Entropy) -> Operations<'a> {
    Operations {
        store,
        entropy,
        caller: Caller::server(),
        now: Timestamp::from_seconds(START),
    }
}

/// What the tests' entries of the audit table are sealed with.
pub fn chain_key() -> ChainKey {
    ChainKey::derive(&[7; 32])
}

/// Runs a test on both databases.
pub fn on_both<F: Future<Output = ()>>(test: impl Fn(Harness) -> F) {
    on_both_with(&[], test);
}

/// With settings, by their variables; a LATCHKEY_ISSUER that is a path is put behind the address.
pub fn on_both_with<F: Future<Output = ()>>(
    settings: &[(&str, &str)],
    test: impl Fn(Harness) -> F,
) {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        on(kind, settings, &test);
    }
}

pub fn on<F: Future<Output = ()>>(
    kind: Kind,
    settings: &[(&str, &str)],
    test: &impl Fn(Harness) -> F,
) {
    if kind == Kind::Postgres && postgres().is_none() {
        return;
    }
    eprintln!("on {kind:?}");
    let mut dropped = None;
    actix_web::rt::System::new().block_on(async {
        let harness = Harness::start(kind, settings).await;
        dropped = harness.dropped.clone();
        let server = harness.server.clone();
        test(harness).await;
        server.stop(false).await;
    });
    if let Some(name) = dropped {
        let _gone = std::process::Command::new("dropdb")
            .args([
                "--if-exists",
                "--force",
                "--maintenance-db",
                &postgres().unwrap(),
                &name,
            ])
            .status();
    }
}

impl Harness {
    async fn start(kind: Kind, given: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut address = format!("http://{}", listener.local_addr().unwrap());
        let mut issuer = address.clone();
        match given.iter().find(|(name, _)| *name == "LATCHKEY_ISSUER") {
            Some((_, path)) if path.starts_with('/') => {
                address += path;
                issuer.clone_from(&address);
            }
            Some((_, elsewhere)) => issuer = (*elsewhere).to_owned(),
            None => {}
        }
        let mut dropped = None;
        let url = match kind {
            Kind::Sqlite => format!("sqlite://{}/db", folder.path().display()),
            Kind::Postgres => {
                let admin = postgres().unwrap();
                let name = format!(
                    "lk_{}_{}",
                    std::process::id(),
                    COUNT.fetch_add(1, Ordering::SeqCst)
                );
                let made = std::process::Command::new("createdb")
                    .args(["--maintenance-db", &admin, &name])
                    .status()
                    .unwrap();
                assert!(made.success(), "createdb {name}");
                dropped = Some(name.clone());
                let mut url = url::Url::parse(&admin).unwrap();
                url.set_path(&name);
                url.to_string()
            }
        };
        let mut env: HashMap<&str, String> = given
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        env.insert("LATCHKEY_ISSUER", issuer.clone());
        env.insert(
            "LATCHKEY_KEYS_DIR",
            folder.path().join("keys").display().to_string(),
        );
        let file = folder.path().join("latchkey.toml");
        std::fs::write(&file, "").unwrap();
        let settings = Settings::load(Some(&file), &|name| env.get(name).cloned()).unwrap();
        let database = Options { url, pool: 4 };
        let flaky = Arc::new(Flaky::new(Arc::new(Database::open(&database).unwrap())));
        let store: Arc<dyn Store> = flaky.clone();
        let clock = Arc::new(HandClock(AtomicI64::new(START), AtomicU64::new(0)));
        let entropy = Arc::new(Seeded(std::sync::Mutex::new(StdRng::seed_from_u64(7))));
        let (master, ring) = open_keys(&*store, &settings.keys_dir, Timestamp::from_seconds(START))
            .await
            .unwrap();
        let app = join(
            &settings,
            store.clone(),
            clock.clone(),
            entropy.clone(),
            outbound(&settings).unwrap(),
            &master,
            ring,
        );
        let handle = listen(&app, listener);

        let claims = json!({
            "given_name": "Alice", "family_name": "Kim", "middle_name": "Q", "nickname": "Al", "profile": "https://a.example/",
            "picture": "https://a.example/p.png", "website": "https://a.example/w", "gender": "female", "birthdate": "2000-01-02",
            "zoneinfo": "Asia/Seoul", "locale": "ko-KR", "email_verified": true, "phone_number": "+82 10 0000 0000",
            "phone_number_verified": false, "address": { "country": "KR" },
        });
        let user = |username: &str, claims: Value| NewUser {
            username: username.into(),
            email: Some(format!("{username}@example.org")),
            name: Some(format!("{username} name")),
            roles: vec!["editor".into()],
            groups: vec!["blue".into()],
            claims: claims.as_object().cloned().unwrap_or_default(),
            password: Some(format!("{username} password")),
            ..NewUser::default()
        };
        let operations = operations(&*store, &*entropy);
        let key = app.ui.sign_in.password_key();
        let alice = operations.create_user(key, user("alice", claims)).await;
        let alice = alice.unwrap().id;
        let bob = operations.create_user(key, user("bob", json!({}))).await;
        bob.unwrap();
        let harness = Self {
            issuer,
            address,
            database,
            flaky,
            store,
            app,
            alice,
            clock,
            settings,
            folder,
            server: handle,
            dropped,
        };
        harness.client(json!({
            "client_id": "app", "client_secret": SECRET, "client_name": "The App", "redirect_uris": [CALLBACK, "https://app.example/other"],
            "post_logout_redirect_uris": ["https://app.example/bye?x=1"],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        })).await;
        harness.client(json!({
            "client_id": "post", "client_secret": SECRET, "redirect_uris": [CALLBACK], "trusted": true,
            "token_endpoint_auth_method": "client_secret_post", "grant_types": ["authorization_code", "refresh_token"],
        })).await;
        harness.client(json!({
            "client_id": "native", "redirect_uris": ["http://127.0.0.1/cb", "com.example.app:/cb"], "application_type": "native",
            "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"], "trusted": true,
        })).await;
        harness
    }

    /// Another node on the same database and keys, with the same clock: its address, which is its issuer too.
    pub async fn another_node(&self) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let mut settings = self.settings.clone();
        settings.issuer.clone_from(&address);
        let store: Arc<dyn Store> = Arc::new(Database::open(&self.database).unwrap());
        let entropy = Arc::new(Seeded(std::sync::Mutex::new(StdRng::seed_from_u64(8))));
        let (master, ring) = open_keys(&*store, &settings.keys_dir, Timestamp::from_seconds(START))
            .await
            .unwrap();
        let (clock, out) = (self.clock.clone(), outbound(&settings).unwrap());
        listen(
            &join(&settings, store, clock, entropy, out, &master, ring),
            listener,
        );
        address
    }

    /// Runs SQL behind the server's back.
    pub fn sql(&self, text: &str) {
        self.database.script(text).unwrap();
    }

    pub async fn client(&self, metadata: Value) {
        let registration = Registration::parse(&metadata).unwrap();
        let operations = Operations {
            now: self.moment(),
            ..operations(&*self.store, &OsEntropy)
        };
        operations
            .register_client(&self.app.provider.client_secrets, registration)
            .await
            .unwrap();
    }

    pub fn keys_dir(&self) -> std::path::PathBuf {
        self.folder.path().join("keys")
    }

    /// As rules take it.
    pub fn moment(&self) -> Timestamp {
        self.clock.now()
    }

    /// As documents and tokens say it.
    pub fn now(&self) -> i64 {
        self.moment().as_seconds()
    }

    /// How often the clock has been read.
    pub fn looks_at_the_clock(&self) -> u64 {
        self.clock.1.load(Ordering::SeqCst)
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// A browser at another node.
    pub fn browser_at(&self, address: &str) -> Browser {
        Browser::new(address.to_owned(), reqwest::header::HeaderMap::new())
    }

    pub fn browser(&self) -> Browser {
        self.browser_sending(&[])
    }

    /// A browser whose every request carries these headers, as a proxy adds them.
    pub fn browser_sending(&self, headers: &[(&str, &str)]) -> Browser {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        Browser::new(self.address.clone(), headers)
    }
}

fn listen(app: &Joined, listener: std::net::TcpListener) -> actix_web::dev::ServerHandle {
    let routes = configure(app.clone());
    let server = HttpServer::new(move || App::new().configure(routes.clone()))
        .workers(2)
        .h1_allow_half_closed(false)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    handle
}
