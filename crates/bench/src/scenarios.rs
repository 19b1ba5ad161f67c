//! What is driven, and how each answer is checked.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use latchkey_jose::{Compact, JwkSet, Verifier};

use crate::{
    Limit, Measured, Options,
    client::{Answer, Connection, get, post},
    server::{PORT, SECRET, Server, cpu_seconds},
};

pub const NAMES: [&str; 10] = [
    "discovery",
    "jwks",
    "client_credentials",
    "code exchange",
    "refresh",
    "userinfo",
    "introspection",
    "login",
    "refresh, quiet",
    "refresh, 8 logins",
];

const AUTHORIZE: &str = "/authorize?client_id=bench&redirect_uri=https%3A%2F%2Fbench.example%2Fcb&response_type=code&scope=openid%20profile%20email%20offline_access&state=s";

/// Requests answered so far.
static ANSWERED: AtomicUsize = AtomicUsize::new(0);

pub struct World {
    basic: String,
    jwks: JwkSet,
    discovery: Vec<u8>,
    jwks_body: Vec<u8>,
    access: Vec<String>,
    refresh: Vec<String>,
    userinfo: Vec<u8>,
    introspection: Vec<u8>,
}

/// Signs in once on this connection, until the client is answered.
async fn login(c: &mut Connection) -> Result<String> {
    c.cookies.clear();
    let first = c.browse("GET", AUTHORIZE, None).await?.expect(303)?;
    let page = first.header("location").context("location")?.replace("http://127.0.0.1:18080", "");
    let shown = c.browse("GET", &page, None).await?.expect(200)?;
    let html = String::from_utf8_lossy(&shown.body).into_owned();
    let csrf = html.split("name=\"csrf\" value=\"").nth(1).and_then(|r| r.split('"').next()).context("csrf")?;
    let form = format!("csrf={csrf}&username=bench&password=correct+horse");
    let done = c.browse("POST", &page, Some(&form)).await?.expect(303)?;
    let resume = done.header("location").context("location")?.to_owned();
    code_of(&c.browse("GET", &resume, None).await?.expect(303)?)
}

fn code_of(answer: &Answer) -> Result<String> {
    let location = answer.header("location").context("location")?;
    let url = url::Url::parse(location)?;
    let code = url.query_pairs().find(|(name, _)| name == "code").map(|(_, value)| value.into_owned());
    code.with_context(|| location.to_owned())
}

fn exchange_form(code: &str) -> String {
    format!("grant_type=authorization_code&code={code}&redirect_uri=https%3A%2F%2Fbench.example%2Fcb")
}

impl World {
    pub async fn prepare(server: &Server, options: &Options) -> Result<Self> {
        server.command(
            &["user", "create", "bench", "--email", "bench@example.org", "--password-stdin"],
            "correct horse",
        )?;
        let metadata = format!(
            r#"{{"client_id":"bench","client_secret":"{SECRET}","trusted":true,"redirect_uris":["https://bench.example/cb"],
                "grant_types":["authorization_code","refresh_token","client_credentials"]}}"#
        );
        server.command(&["client", "create", "--from", "-"], &metadata)?;
        let mut c = Connection::open(PORT).await?;
        let discovery = c.send(&get("/.well-known/openid-configuration", "")).await?.expect(200)?.body;
        let jwks_body = c.send(&get("/jwks.json", "")).await?.expect(200)?.body;
        let basic = format!("Basic {}", STANDARD.encode(format!("bench:{SECRET}")));
        let mut world = Self {
            basic,
            jwks: serde_json::from_slice(&jwks_body)?,
            discovery,
            jwks_body,
            access: Vec::new(),
            refresh: Vec::new(),
            userinfo: Vec::new(),
            introspection: Vec::new(),
        };
        login(&mut c).await?;
        for _ in 0..options.connections {
            let code = code_of(&c.browse("GET", AUTHORIZE, None).await?.expect(303)?)?;
            let tokens = c.send(&post("/token", &world.basic, &exchange_form(&code))).await?.expect(200)?.json()?;
            world.access.push(tokens["access_token"].as_str().context("access_token")?.to_owned());
            world.refresh.push(tokens["refresh_token"].as_str().context("refresh_token")?.to_owned());
        }
        let bearer = format!("Bearer {}", world.access[0]);
        world.userinfo = c.send(&get("/userinfo", &bearer)).await?.expect(200)?.body;
        let form = format!("token={}", world.access[0]);
        world.introspection = c.send(&post("/introspect", &world.basic, &form)).await?.expect(200)?.body;
        Ok(world)
    }

    pub fn answered(&self) -> usize {
        ANSWERED.load(Ordering::Relaxed)
    }

    pub fn limit(&self, name: &str) -> Limit {
        match name {
            "discovery" => Limit::Bare(self.discovery.clone()),
            "jwks" => Limit::Bare(self.jwks_body.clone()),
            "userinfo" => Limit::Bare(self.userinfo.clone()),
            "introspection" => Limit::Bare(self.introspection.clone()),
            "client_credentials" => Limit::Signatures(1.0),
            "code exchange" | "refresh" | "refresh, quiet" => Limit::Signatures(3.0),
            _ => Limit::None,
        }
    }

    /// Verifies a sample of the signatures.
    fn check(&self, n: usize, tokens: &serde_json::Value) -> Result<()> {
        let token = tokens["access_token"].as_str().context("access_token")?;
        if n.is_multiple_of(64) {
            let compact = Compact::parse(token)?;
            Verifier::new(self.jwks.keys.first().context("no key")?)?.verify(&compact)?;
        }
        Ok(())
    }

    pub async fn run(&mut self, name: &str, server: &Server, options: &Options) -> Result<Measured> {
        let pid = server.pid();
        match name {
            "discovery" => {
                self.fixed(pid, options, get("/.well-known/openid-configuration", ""), &self.discovery).await
            }
            "jwks" => self.fixed(pid, options, get("/jwks.json", ""), &self.jwks_body).await,
            "userinfo" => {
                let requests: Vec<_> = self.access.iter().map(|t| get("/userinfo", &format!("Bearer {t}"))).collect();
                drive(PORT, pid, options, async |c, n| {
                    let answer = c.send(&requests[n % requests.len()]).await?.expect(200)?;
                    ensure!(answer.body == self.userinfo, "another answer");
                    Ok(())
                })
                .await
            }
            "introspection" => {
                let form = |t: &String| post("/introspect", &self.basic, &format!("token={t}"));
                let requests: Vec<_> = self.access.iter().map(form).collect();
                drive(PORT, pid, options, async |c, n| {
                    let answer = c.send(&requests[n % requests.len()]).await?.expect(200)?;
                    ensure!(answer.body.windows(13).any(|w| w == b"\"active\":true"), "not active");
                    Ok(())
                })
                .await
            }
            "client_credentials" => {
                let request = post("/token", &self.basic, "grant_type=client_credentials");
                drive(PORT, pid, options, async |c, n| self.check(n, &c.send(&request).await?.expect(200)?.json()?))
                    .await
            }
            "code exchange" => self.exchange(pid, options).await,
            "login" => drive(PORT, pid, options, async |c, _| login(c).await.map(|_| ())).await,
            "refresh, 8 logins" => {
                let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
                let logins: Vec<_> = (0..8)
                    .map(|_| {
                        let stop = stop.clone();
                        tokio::spawn(async move {
                            let mut c = Connection::open(PORT).await?;
                            while !stop.load(Ordering::Relaxed) {
                                login(&mut c).await?;
                            }
                            anyhow::Ok(())
                        })
                    })
                    .collect();
                let measured = self.refresh(pid, &Options { connections: 4, ..copy(options) }).await;
                stop.store(true, Ordering::Relaxed);
                for login in logins {
                    login.await??;
                }
                measured
            }
            "refresh, quiet" => self.refresh(pid, &Options { connections: 4, ..copy(options) }).await,
            _ => self.refresh(pid, options).await,
        }
    }

    async fn fixed(&self, pid: u32, options: &Options, request: Vec<u8>, body: &[u8]) -> Result<Measured> {
        drive(PORT, pid, options, async |c, _| {
            ensure!(c.send(&request).await?.expect(200)?.body == body, "another answer");
            Ok(())
        })
        .await
    }

    /// Each connection rotates a family of its own.
    async fn refresh(&mut self, pid: u32, options: &Options) -> Result<Measured> {
        let families: Vec<_> = self.refresh.iter().map(|t| tokio::sync::Mutex::new(t.clone())).collect();
        let measured = drive(PORT, pid, options, async |c, n| {
            let mut token = families[n % options.connections].lock().await;
            let form = format!("grant_type=refresh_token&refresh_token={token}");
            let tokens = c.send(&post("/token", &self.basic, &form)).await?.expect(200)?.json()?;
            *token = tokens["refresh_token"].as_str().context("refresh_token")?.to_owned();
            self.check(n, &tokens)
        })
        .await;
        self.refresh = families.into_iter().map(tokio::sync::Mutex::into_inner).collect();
        measured
    }

    /// Codes are made beforehand, as many as can be spent in the time.
    async fn exchange(&self, pid: u32, options: &Options) -> Result<Measured> {
        let mut c = Connection::open(PORT).await?;
        login(&mut c).await?;
        let cookies = c.cookies.clone();
        let codes = tokio::sync::Mutex::new(Vec::new());
        let making = Options { seconds: options.seconds.min(3), ..copy(options) };
        drive(PORT, pid, &making, async |c, _| {
            if c.cookies.is_empty() {
                c.cookies = cookies.clone();
            }
            let code = code_of(&c.browse("GET", AUTHORIZE, None).await?.expect(303)?)?;
            codes.lock().await.push(code);
            Ok(())
        })
        .await?;
        let codes = std::sync::Mutex::new(codes.into_inner());
        drive(PORT, pid, options, async |c, n| {
            let code = codes.lock().ok().and_then(|mut codes| codes.pop());
            let Some(code) = code else { return Err(Spent.into()) };
            self.check(n, &c.send(&post("/token", &self.basic, &exchange_form(&code))).await?.expect(200)?.json()?)
        })
        .await
    }
}

/// There is nothing left to drive with.
#[derive(Debug)]
struct Spent;

impl std::fmt::Display for Spent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("all codes are spent")
    }
}

impl std::error::Error for Spent {}

fn copy(options: &Options) -> Options {
    Options {
        seconds: options.seconds,
        runs: options.runs,
        connections: options.connections,
        cores: options.cores.clone(),
        database_url: options.database_url.clone(),
        only: String::new(),
        bare: None,
    }
}

/// Drives `step` on all connections for the time, and counts what the server's process spent.
pub async fn drive(
    port: u16,
    pid: u32,
    options: &Options,
    step: impl AsyncFn(&mut Connection, usize) -> Result<()>,
) -> Result<Measured> {
    let mut connections = Vec::new();
    for _ in 0..options.connections {
        connections.push(Connection::open(port).await?);
    }
    let (before, started) = (cpu_seconds(pid), Instant::now());
    let until = started + Duration::from_secs(options.seconds);
    let one = async |mut c: Connection, index: usize| -> Result<Vec<Duration>> {
        let mut times = Vec::new();
        let mut n = index;
        while Instant::now() < until {
            let begun = Instant::now();
            match step(&mut c, n).await {
                Ok(()) => times.push(begun.elapsed()),
                Err(error) if error.is::<Spent>() => break,
                Err(error) => return Err(error),
            }
            n += options.connections;
        }
        Ok(times)
    };
    let mut all: Vec<_> = connections.into_iter().enumerate().map(|(i, c)| Box::pin(one(c, i))).collect();
    let mut results: Vec<Option<Result<Vec<Duration>>>> = all.iter().map(|_| None).collect();
    // Woken one by one: a set of futures that are polled only when something came for them.
    std::future::poll_fn(|cx| {
        let mut waiting = false;
        for (future, slot) in all.iter_mut().zip(&mut results) {
            if slot.is_none() {
                match future.as_mut().poll(cx) {
                    std::task::Poll::Ready(done) => *slot = Some(done),
                    std::task::Poll::Pending => waiting = true,
                }
            }
        }
        if waiting { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    drop(all);
    let (cpu, wall) = (cpu_seconds(pid) - before, started.elapsed());
    let mut times = Vec::new();
    for result in results.into_iter().flatten() {
        times.extend(result?);
    }
    ensure!(!times.is_empty(), "nothing was answered");
    times.sort();
    ANSWERED.fetch_add(times.len(), Ordering::Relaxed);
    let count = times.len() as f64;
    Ok(Measured {
        per_second: count / wall.as_secs_f64(),
        per_cpu_second: count / cpu.max(0.01),
        p50: times[times.len() / 2],
        p99: times[times.len() * 99 / 100],
    })
}
