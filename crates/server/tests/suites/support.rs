//! An in-process provider on a real socket, with clock and entropy in hand, a browser and a relying party.

mod browser;
mod postgres;
pub mod receiver;
mod requests;
mod seams;
pub mod status;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use actix_web::{App, HttpServer};
use latchkey_conformance::Flaky;
use latchkey_operations::{Caller, NewUser, Operations};
use latchkey_protocol::{
    Clock, Entropy, Outbound, Store, Timestamp, UserId, audit_chain::ChainKey,
    registration::Registration,
};
use latchkey_server::{
    config::Settings,
    serve::configure,
    wiring::{App as Joined, OsEntropy, join, open_keys, outbound},
};
use latchkey_storage::{Database, Options};
use serde_json::{Value, json};

pub use browser::*;
use postgres::Scratch;
pub use postgres::postgres;
pub use requests::basic;
use seams::{HandClock, Seeded};

pub const START: i64 = 1_800_000_000;
pub const CALLBACK: &str = "https://app.example/callback?tenant=1";
pub const SECRET: &str = "s3cret/with:odd+chars&equals=%20-0123456789";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// For an API whose clock jumps: lists that are a minute old say nothing. `status_api.rs` has an API that follows them.
pub const WITHOUT_LISTS: [(&str, &str); 1] = [("LATCHKEY_TOKENS__STATUS_LIST", "false")];

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
    entropy: Arc<Seeded>,
    settings: Settings,
    folder: tempfile::TempDir,
    server: actix_web::dev::ServerHandle,
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
    let scratch = match kind {
        Kind::Sqlite => None,
        Kind::Postgres => match Scratch::new() {
            None => return,
            scratch => scratch,
        },
    };
    eprintln!("on {kind:?}");
    let url = scratch.as_ref().map(|scratch| scratch.url.as_str());
    actix_web::rt::System::new().block_on(async {
        let harness = Harness::start(url, settings).await;
        let server = harness.server.clone();
        test(harness).await;
        server.stop(false).await;
    });
}

impl Harness {
    /// On a database of PostgreSQL, or a new one of SQLite.
    async fn start(postgres: Option<&str>, given: &[(&str, &str)]) -> Self {
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
        let sqlite = || format!("sqlite://{}/db", folder.path().display());
        let url = postgres.map_or_else(sqlite, str::to_owned);
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
        let entropy = Arc::new(Seeded::new(7));
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
            entropy,
            settings,
            folder,
            server: handle,
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

    /// Another installation, on a database of its own, which calls back here.
    pub async fn elsewhere() -> Self {
        Self::start(None, &[("LATCHKEY_OUTBOUND__ALLOW", "127.0.0.1")]).await
    }

    /// Another node on the same database and keys, with the same clock: its address, which is its issuer too, unless that of
    /// this one is elsewhere.
    pub async fn another_node(&self) -> String {
        self.another_app().await.0
    }

    /// As [`Harness::another_node`], with its parts.
    pub async fn another_app(&self) -> (String, Joined) {
        self.another_app_with(|_| {}).await
    }

    /// As [`Harness::another_app`], with settings of its own.
    pub async fn another_app_with(&self, set: impl FnOnce(&mut Settings)) -> (String, Joined) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let mut settings = self.settings.clone();
        set(&mut settings);
        if self.issuer == self.address {
            settings.issuer.clone_from(&address);
        }
        let store: Arc<dyn Store> = Arc::new(Database::open(&self.database).unwrap());
        let entropy = Arc::new(Seeded::new(8));
        let (master, ring) = open_keys(&*store, &settings.keys_dir, Timestamp::from_seconds(START))
            .await
            .unwrap();
        let (clock, out) = (self.clock.clone(), outbound(&settings).unwrap());
        let app = join(&settings, store, clock, entropy, out, &master, ring);
        listen(&app, listener);
        (address, app)
    }

    /// How many passwords were hashed to be stored, or something else took 16 random bytes.
    pub fn salts(&self) -> u64 {
        self.entropy.salts.load(Ordering::SeqCst)
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
    /// What a further node calls out with.
    pub fn outbound(&self) -> Arc<dyn Outbound> {
        outbound(&self.settings).unwrap()
    }

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
