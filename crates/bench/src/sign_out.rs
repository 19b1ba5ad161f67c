//! How long a forced sign-out takes to reach the clients: apps that take logout tokens on loopback, some of which never answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use latchkey_jose::Compact;
use latchkey_protocol::{
    ClientId, SessionId,
    deliveries::{DeliveryState, ReceiptFilter, ReceiptsOf},
    page::Page,
    store::Deliveries,
};
use latchkey_storage::Database;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    client::{Connection, post},
    drive::block_on,
    server::{SECRET, Server, Target},
    steps::{basic, code, exchange_form, login, text},
};

/// Apps, of which the last ones never answer.
const APPS: usize = 20;
const DEAD: usize = 2;
/// Of a user that is signed out everywhere, and browsers that sign in at once.
const SESSIONS: usize = 50;
const BROWSERS: usize = 5;
/// Apps of a session that is ended alone.
const FEW: usize = 3;
/// For so many ends of one session one of all sessions.
const ALL_EVERY: usize = 10;
/// The client of the administration API.
const OPERATOR: &str = "operator";
/// How long the receipts of one end may take before the benchmark is given up.
const GIVEN_UP: Duration = Duration::from_secs(60);
const LOOKED_EVERY: Duration = Duration::from_millis(4);

/// An app, and the sessions that it was told of.
#[derive(Clone)]
struct App {
    id: String,
    uri: String,
    told: Arc<Mutex<BTreeSet<String>>>,
}

/// Runs `rounds` ends of one session, and a tenth of it of all sessions of a user.
pub fn run(server: &Server, rounds: usize) -> Result<()> {
    // They answer on threads of their own, as apps do.
    let elsewhere = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut apps = Vec::new();
    for n in 0..APPS {
        let app = elsewhere.block_on(App::start(n, n < APPS - DEAD))?;
        server.add_client(&app.registration())?;
        apps.push(app);
    }
    add_operator(server)?;
    let bench = Bench {
        target: server.target(),
        store: Database::open_current(&server.database())?,
        apps,
    };
    block_on(async {
        heading();
        let mut few = Vec::new();
        for _ in 0..rounds {
            few.push(bench.end_one().await?);
        }
        line(
            &format!("a session with {FEW} apps: all receipts"),
            &mut few,
        );
        let mut all = Vec::new();
        for _ in 0..rounds.div_ceil(ALL_EVERY) {
            all.push(bench.end_all().await?);
        }
        let living = APPS - DEAD;
        line(
            &format!("{SESSIONS} sessions x {APPS} apps, {DEAD} dead: receipts of {living}"),
            &mut all,
        );
        Ok(())
    })
}

/// Registers who ends sessions.
pub fn add_operator(server: &Server) -> Result<()> {
    server.add_client(&json!({
        "client_id": OPERATOR, "client_secret": SECRET, "grant_types": ["client_credentials"], "scope": "latchkey.write",
    }))
}

/// Above the lines.
pub fn heading() {
    println!("{:52} {:>6}  median ms  p99 ms  max ms", "", "rounds");
}

/// Prints the median, the 99th percentile and the longest.
pub fn line(name: &str, times: &mut [Duration]) {
    times.sort();
    let [median, p99, max] = [50, 99, 100].map(|percent| {
        let at = (times.len() * percent / 100).min(times.len() - 1);
        times[at].as_secs_f64() * 1000.0
    });
    println!(
        "{name:52} {:>6}  {median:>9.0}  {p99:>6.0}  {max:>6.0}",
        times.len()
    );
}

/// What is measured, and by whom.
struct Bench {
    target: Target,
    store: Database,
    apps: Vec<App>,
}

impl Bench {
    /// A session in which the user signed in to the first apps, from the call that ends it to the last receipt.
    async fn end_one(&self) -> Result<Duration> {
        let claims = self.sign_in(FEW).await?;
        let sid = SessionId::new(claims["sid"].as_str().context("sid")?);
        let (mut operator, authorization) = self.operator().await?;
        let begun = Instant::now();
        let call = format!("DELETE /admin/api/v1/sessions/{sid} HTTP/1.1");
        operator.send(&bare(&call, &authorization)).await?;
        let receipts = async || {
            let of = ReceiptsOf::Session(&sid);
            let all = self.store.receipts(of, &Page::first(100)).await?;
            let delivered = |receipt: &&_| is_delivered(receipt);
            Ok(all.iter().filter(delivered).count() == FEW)
        };
        until(begun, receipts).await
    }

    /// As [`Bench::end_one`], of many sessions in all apps: the last receipt of those that live.
    async fn end_all(&self) -> Result<Duration> {
        let browser = async |_: usize| {
            let mut all = Vec::new();
            for _ in 0..SESSIONS / BROWSERS {
                all.push(self.sign_in(APPS).await?);
            }
            anyhow::Ok(all)
        };
        let sessions = try_join_all((0..BROWSERS).map(browser)).await?.concat();
        let sub = sessions[0]["sub"].as_str().context("sub")?;
        let (mut operator, authorization) = self.operator().await?;
        let begun = Instant::now();
        let call = format!("POST /admin/api/v1/users/{sub}/end-sessions HTTP/1.1");
        operator.send(&bare(&call, &authorization)).await?;
        let receipts = async || {
            for app in &self.apps[..APPS - DEAD] {
                if self.waits_for(app).await? || !app.was_told_of(&sessions) {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        until(begun, receipts).await
    }

    async fn waits_for(&self, app: &App) -> Result<bool> {
        let filter = ReceiptFilter {
            state: Some(DeliveryState::Waiting),
            client: Some(ClientId::new(app.id.as_str())),
            ..ReceiptFilter::default()
        };
        let of = ReceiptsOf::Filtered(&filter);
        Ok(!self.store.receipts(of, &Page::first(1)).await?.is_empty())
    }

    /// The user in a new browser, signed in to the first apps. The claims of the first ID token.
    async fn sign_in(&self, apps: usize) -> Result<Value> {
        let mut browser = self.target.connect(0).await?;
        let mut claims = None;
        for (n, app) in self.apps[..apps].iter().enumerate() {
            let code = match n {
                0 => login(&mut browser, &app.id).await?,
                _ => code(&mut browser, &app.id).await?,
            };
            let request = post("/token", &basic(&app.id), &exchange_form(&code));
            let tokens = browser.send(&request).await?.expect(200)?.json()?;
            let token = text(&tokens, "id_token")?;
            claims.get_or_insert(Compact::parse(&token)?.unverified_claims()?);
        }
        claims.context("no app")
    }

    async fn operator(&self) -> Result<(Connection, String)> {
        operator(&self.target).await
    }
}

/// A connection, and what it authorizes itself with.
pub async fn operator(target: &Target) -> Result<(Connection, String)> {
    let mut c = target.connect(0).await?;
    let form = "grant_type=client_credentials&scope=latchkey.write";
    let tokens = c.send(&post("/token", &basic(OPERATOR), form)).await?;
    let token = text(&tokens.expect(200)?.json()?, "access_token")?;
    Ok((c, format!("Bearer {token}")))
}

/// A request without a body.
pub fn bare(call: &str, authorization: &str) -> Vec<u8> {
    format!("{call}\r\nHost: b\r\nAuthorization: {authorization}\r\nContent-Length: 0\r\n\r\n")
        .into_bytes()
}

/// How long after `begun` it is so.
async fn until(begun: Instant, is_so: impl AsyncFn() -> Result<bool>) -> Result<Duration> {
    while !is_so().await? {
        ensure!(begun.elapsed() < GIVEN_UP, "receipts are missing");
        tokio::time::sleep(LOOKED_EVERY).await;
    }
    Ok(begun.elapsed())
}

impl App {
    /// At a host of its own. `lives`: it answers.
    async fn start(n: usize, lives: bool) -> Result<Self> {
        let host = Ipv4Addr::new(127, 0, 0, u8::try_from(n)? + 2);
        let listener = TcpListener::bind((host, 0)).await?;
        let app = Self {
            id: format!("app{n:02}"),
            uri: format!("http://{}/out", listener.local_addr()?),
            told: Arc::default(),
        };
        let at = app.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let at = at.clone();
                // Whoever called may have gone.
                tokio::spawn(async move { at.hear(stream, lives).await.ok() });
            }
        });
        Ok(app)
    }

    fn registration(&self) -> Value {
        json!({
            "client_id": self.id, "client_secret": SECRET, "trusted": true, "redirect_uris": ["https://bench.example/cb"],
            "grant_types": ["authorization_code", "refresh_token"], "backchannel_logout_uri": self.uri,
        })
    }

    async fn hear(&self, mut stream: TcpStream, lives: bool) -> Result<()> {
        let mut read = Vec::new();
        while !is_whole(&read) {
            let count = stream.read_buf(&mut read).await?;
            ensure!(count > 0, "it was given up");
        }
        if !lives {
            std::future::pending::<()>().await;
        }
        let request = String::from_utf8(read)?;
        let (_, token) = request
            .split_once("logout_token=")
            .context("no logout token")?;
        let claims: Value = Compact::parse(token)?.unverified_claims()?;
        let sid = claims["sid"].as_str().context("sid")?.to_owned();
        self.told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(sid);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .await?;
        Ok(())
    }

    fn was_told_of(&self, sessions: &[Value]) -> bool {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let sid = |claims: &Value| claims["sid"].as_str().map(str::to_owned);
        sessions
            .iter()
            .all(|claims| sid(claims).is_some_and(|sid| told.contains(&sid)))
    }
}

/// Whether the body is as long as its head says.
fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|at| at == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let fields: BTreeMap<_, _> = head.lines().filter_map(|l| l.split_once(": ")).collect();
    let length = fields.get("content-length").and_then(|n| n.parse().ok());
    length.is_some_and(|length: usize| request.len() >= end + 4 + length)
}

fn is_delivered(receipt: &latchkey_protocol::deliveries::Receipt) -> bool {
    receipt.state == DeliveryState::Delivered
}
