//! A BFF on a real socket, a provider with keys and faults, an API, a browser, and a clock that is moved by hand.

mod browser;
mod flaky;
mod issuer;
#[path = "../../../../server/tests/suites/support/postgres.rs"]
mod postgres;
mod raw;
mod redis;
mod stores;
mod upstream;

use std::{
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use actix_web::{App, HttpServer, dev::ServerHandle};
use latchkey_bff::{
    Bff, SealKeys,
    settings::{Lifetimes, Limits, Settings, Upstream, upstream_address},
    store::SessionStore,
};
use latchkey_protocol::{Clock, Entropy, Timestamp};
use rand::{RngCore, SeedableRng, rngs::StdRng};

pub use browser::{Answer, Browser};
pub use flaky::Flaky;
pub use issuer::{Fault, ISSUER, Issuer};
pub use raw::{Raw, head};
pub use redis::Redis;
pub use stores::{on_each_store, on_postgres, on_stores_that_sweep};
pub use upstream::Api;

pub const BEGIN: i64 = 4_000_000_000;
pub const CLIENT: &str = "shop";
pub const SECRET: &str = "the secret of the shop, 0123456789";
/// How long an access token of the provider lasts, in seconds.
pub const ACCESS: i64 = 300;

/// A clock that is set.
pub struct At(AtomicI64);

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::SeqCst))
    }
}

/// Randomness of a seed.
pub struct Seeded(Mutex<StdRng>);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap().fill_bytes(bytes);
    }
}

/// All of it.
pub struct World {
    /// Where the BFF is, for browsers and for sockets.
    pub origin: String,
    pub issuer: Issuer,
    pub api: Api,
    pub store: Arc<dyn SessionStore>,
    clock: Arc<At>,
    servers: Mutex<Vec<ServerHandle>>,
    keys: &'static str,
}

/// What a world begins with.
pub struct Plan {
    pub limits: Limits,
    pub lifetimes: Lifetimes,
    /// One hexadecimal digit for each sealing key.
    pub keys: &'static str,
    /// The app's folder.
    pub files: Option<std::path::PathBuf>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            lifetimes: Lifetimes::default(),
            keys: "a",
            files: None,
        }
    }
}

impl World {
    pub async fn start(store: Arc<dyn SessionStore>) -> Self {
        Self::start_with(store, Plan::default()).await
    }

    pub async fn start_with(store: Arc<dyn SessionStore>, plan: Plan) -> Self {
        let clock = Arc::new(At(AtomicI64::new(BEGIN)));
        let issuer = Issuer::new(clock.clone());
        let api = Api::start(issuer.clone()).await;
        let (listener, origin) = listen();
        let world = Self {
            origin,
            issuer,
            api,
            store,
            clock,
            servers: Mutex::default(),
            keys: plan.keys,
        };
        world.serve(listener, &world.origin, plan, 1);
        world
    }

    /// Another instance, for the same origin and on the same store; where it listens.
    pub fn another_instance(&self) -> String {
        let (listener, address) = listen();
        let plan = Plan {
            keys: self.keys,
            ..Plan::default()
        };
        self.serve(listener, &self.origin, plan, 2);
        address
    }

    /// One that has other keys.
    pub fn another_installation(&self, keys: &'static str) -> String {
        let (listener, address) = listen();
        let plan = Plan {
            keys,
            ..Plan::default()
        };
        self.serve(listener, &self.origin, plan, 3);
        address
    }

    fn serve(&self, listener: TcpListener, origin: &str, plan: Plan, seed: u64) {
        let settings = settings(origin, &self.api.address, plan);
        let bff = Bff::start_with(
            settings,
            self.store.clone(),
            Arc::new(Seeded::new(seed)),
            self.clock.clone(),
            Arc::new(self.issuer.clone()),
        );
        let routes = bff.unwrap().routes();
        let server = HttpServer::new(move || App::new().configure(routes.clone()))
            .workers(2)
            .h1_allow_half_closed(false)
            .disable_signals()
            .shutdown_timeout(0)
            .listen(listener)
            .unwrap()
            .run();
        self.servers.lock().unwrap().push(server.handle());
        actix_web::rt::spawn(server);
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.origin)
    }

    /// A browser that alice has signed in with, and that has loaded the app.
    pub async fn signed_in(&self) -> Browser {
        let browser = self.browser();
        browser.sign_in(&self.issuer, "alice").await;
        assert_eq!(browser.get("/bff/user").await.status, 200);
        browser
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub async fn stop(self) {
        let servers = std::mem::take(&mut *self.servers.lock().unwrap());
        for server in servers {
            server.stop(false).await;
        }
        self.api.stop().await;
    }
}

pub fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (listener, address)
}

fn settings(origin: &str, api: &str, plan: Plan) -> Settings {
    let upstream = |path: &str, to: &str| {
        let (to, prefix) = upstream_address(to).unwrap();
        Upstream {
            path: path.into(),
            to,
            prefix,
            request_headers: vec!["x-tenant".parse().unwrap()],
            websockets: path == "/api/sockets",
        }
    };
    let keys: Vec<_> = plan
        .keys
        .chars()
        .map(|c| c.to_string().repeat(64))
        .collect();
    Settings {
        origin: origin.into(),
        issuer: ISSUER.into(),
        client_id: CLIENT.into(),
        client_secret: SECRET.into(),
        scope: "openid profile offline_access".into(),
        seal_keys: SealKeys::read(&keys.join("\n")).unwrap(),
        upstreams: vec![
            upstream("/api", api),
            upstream("/api/orders", &format!("{api}/v1/orders")),
            upstream("/api/sockets", &format!("{api}/sockets")),
            upstream("/api/nobody", "http://127.0.0.1:9"),
        ],
        static_files: plan.files,
        content_security_policy: Settings::POLICY.into(),
        lifetimes: plan.lifetimes,
        limits: plan.limits,
    }
}

/// Until it is so, or five seconds have passed.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}");
}
