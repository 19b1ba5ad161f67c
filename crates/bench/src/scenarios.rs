//! What is driven, and how each answer is checked.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::future::try_join_all;
use latchkey_jose::{Compact, JwkSet, Verifier};

use crate::{
    Limit, Load, Measurement,
    client::{Answer, Connection, get, post},
    server::{SECRET, Target, USERS},
};

pub const NAMES: [&str; 13] = [
    "discovery",
    "jwks",
    "client_credentials",
    "code exchange",
    "code flow",
    "refresh",
    "userinfo",
    "introspection",
    "login",
    "refresh, quiet",
    "refresh, 8 logins",
    WRONG_NAME,
    WRONG_PASSWORD,
];

/// Sign-ins that fail, which must take the same time; one at a time.
pub const WRONG_NAME: &str = "wrong name";
pub const WRONG_PASSWORD: &str = "wrong password";

/// Codes made in one session before any is spent: the server keeps 20, and the sign-in took one.
const CODES_OF_A_SESSION: usize = 15;

/// A server that has been prepared, and what it must answer.
pub struct World {
    target: Target,
    jwks: JwkSet,
    discovery: Vec<u8>,
    jwks_body: Vec<u8>,
    access: Vec<String>,
    refresh: Vec<String>,
    userinfo: Vec<u8>,
    introspection: Vec<u8>,
    answered: AtomicUsize,
}

fn authorize(client_id: &str) -> String {
    format!(
        "/authorize?client_id={client_id}&redirect_uri=https%3A%2F%2Fbench.example%2Fcb&response_type=code\
         &scope=openid%20profile%20email%20offline_access&state=s"
    )
}

pub fn basic(client_id: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{client_id}:{SECRET}")))
}

fn exchange_form(code: &str) -> String {
    format!(
        "grant_type=authorization_code&code={code}&redirect_uri=https%3A%2F%2Fbench.example%2Fcb"
    )
}

/// What the login page answers to a browser that has just come from the app.
async fn credentials(
    c: &mut Connection,
    client_id: &str,
    username: &str,
    password: &str,
) -> Result<Answer> {
    c.cookies.clear();
    let page = c.browse("GET", &authorize(client_id), None).await?.path()?;
    let shown = c.browse("GET", &page, None).await?.expect(200)?;
    let html = String::from_utf8_lossy(&shown.body).into_owned();
    let csrf = html
        .split("name=\"csrf\" value=\"")
        .nth(1)
        .and_then(|r| r.split('"').next())
        .context("csrf")?;
    let form = format!("csrf={csrf}&username={username}&password={password}");
    c.browse("POST", &page, Some(&form)).await
}

/// Signs in once on this connection, until the client is answered.
pub async fn login(c: &mut Connection, client_id: &str) -> Result<String> {
    login_as(c, client_id, USERS[0]).await
}

async fn login_as(c: &mut Connection, client_id: &str, username: &str) -> Result<String> {
    let resume = credentials(c, client_id, username, "correct+horse")
        .await?
        .path()?;
    code_of(&c.browse("GET", &resume, None).await?)
}

/// The code of another authorization of the user who is signed in on this connection.
async fn code(c: &mut Connection, client_id: &str) -> Result<String> {
    code_of(&c.browse("GET", &authorize(client_id), None).await?)
}

fn code_of(answer: &Answer) -> Result<String> {
    let location = answer.header("location").context("location")?;
    let url = url::Url::parse(location)?;
    let code = url
        .query_pairs()
        .find(|(name, _)| name == "code")
        .map(|(_, value)| value.into_owned());
    code.with_context(|| location.to_owned())
}

fn text(tokens: &serde_json::Value, name: &'static str) -> Result<String> {
    Ok(tokens[name].as_str().context(name)?.to_owned())
}

impl World {
    pub fn prepare(target: Target, load: &Load) -> Result<Self> {
        block_on(Self::prepared(target, load))
    }

    async fn prepared(target: Target, load: &Load) -> Result<Self> {
        let mut c = target.connect(0).await?;
        let discovery = c
            .send(&get("/.well-known/openid-configuration", ""))
            .await?
            .expect(200)?
            .body;
        let jwks_body = c.send(&get("/jwks.json", "")).await?.expect(200)?.body;
        let tokens = async |client_id: &str| {
            let mut c = target.connect(0).await?;
            login(&mut c, client_id).await?;
            let mut all = Vec::new();
            for _ in 0..load.connections {
                let form = exchange_form(&code(&mut c, client_id).await?);
                all.push(
                    c.send(&post("/token", &basic(client_id), &form))
                        .await?
                        .expect(200)?
                        .json()?,
                );
            }
            anyhow::Ok(all)
        };
        let refresh: Result<Vec<_>> = tokens("bench")
            .await?
            .iter()
            .map(|t| text(t, "refresh_token"))
            .collect();
        let access: Result<Vec<_>> = tokens(target.reader)
            .await?
            .iter()
            .map(|t| text(t, "access_token"))
            .collect();
        let (refresh, access) = (refresh?, access?);
        let userinfo = c
            .send(&get("/userinfo", &format!("Bearer {}", access[0])))
            .await?
            .expect(200)?
            .body;
        let form = format!("token={}", access[0]);
        let introspection = c
            .send(&post("/introspect", &basic(target.reader), &form))
            .await?
            .expect(200)?
            .body;
        Ok(Self {
            target,
            jwks: serde_json::from_slice(&jwks_body)?,
            discovery,
            jwks_body,
            access,
            refresh,
            userinfo,
            introspection,
            answered: AtomicUsize::new(0),
        })
    }

    /// One of the access tokens that it reads with.
    pub fn access_token(&self) -> String {
        self.access[0].clone()
    }

    /// Requests answered so far.
    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    pub fn limit(&self, name: &str) -> Limit {
        let bare = |request, body: &Vec<u8>| Limit::Bare {
            request,
            body: body.clone(),
        };
        match name {
            "discovery" => bare(
                get("/.well-known/openid-configuration", ""),
                &self.discovery,
            ),
            "jwks" => bare(get("/jwks.json", ""), &self.jwks_body),
            "userinfo" => bare(self.ask_userinfo(&self.access[0]), &self.userinfo),
            "introspection" => bare(self.ask_introspection(&self.access[0]), &self.introspection),
            "client_credentials" => Limit::Signatures(1.0),
            "code exchange" | "code flow" | "refresh" | "refresh, quiet" => Limit::Signatures(3.0),
            _ => Limit::None,
        }
    }

    fn ask_userinfo(&self, access: &str) -> Vec<u8> {
        get("/userinfo", &format!("Bearer {access}"))
    }

    fn ask_introspection(&self, access: &str) -> Vec<u8> {
        post(
            "/introspect",
            &basic(self.target.reader),
            &format!("token={access}"),
        )
    }

    /// Verifies a sample of the signatures.
    fn check(&self, n: usize, tokens: &serde_json::Value) -> Result<()> {
        let token = text(tokens, "access_token")?;
        if n.is_multiple_of(64) {
            let compact = Compact::parse(&token)?;
            Verifier::new(self.jwks.keys.first().context("no key")?)?.verify(&compact)?;
        }
        Ok(())
    }

    pub fn run(&mut self, name: &str, load: &Load) -> Result<Measurement> {
        let few = Load {
            connections: 4,
            ..*load
        };
        match name {
            "discovery" => self.fixed(
                load,
                get("/.well-known/openid-configuration", ""),
                &self.discovery,
            ),
            "jwks" => self.fixed(load, get("/jwks.json", ""), &self.jwks_body),
            "userinfo" => {
                let requests: Vec<_> = self.access.iter().map(|t| self.ask_userinfo(t)).collect();
                self.drive(load, async |c, n| {
                    let answer = c.send(&requests[n % requests.len()]).await?.expect(200)?;
                    ensure!(answer.body == self.userinfo, "another answer");
                    Ok(())
                })
            }
            "introspection" => {
                let requests: Vec<_> = self
                    .access
                    .iter()
                    .map(|t| self.ask_introspection(t))
                    .collect();
                self.drive(load, async |c, n| {
                    let answer = c.send(&requests[n % requests.len()]).await?.expect(200)?;
                    ensure!(
                        answer.body.windows(13).any(|w| w == b"\"active\":true"),
                        "not active"
                    );
                    Ok(())
                })
            }
            "client_credentials" => {
                let request = post("/token", &basic("bench"), "grant_type=client_credentials");
                self.drive(load, async |c, n| {
                    self.check(n, &c.send(&request).await?.expect(200)?.json()?)
                })
            }
            "code exchange" => self.exchange(load),
            "code flow" => {
                let cookies = self.signed_in()?;
                let authorization = basic("bench");
                self.drive(load, async |c, n| {
                    c.cookies.clone_from(&cookies);
                    let form = exchange_form(&code(c, "bench").await?);
                    self.check(
                        n,
                        &c.send(&post("/token", &authorization, &form))
                            .await?
                            .expect(200)?
                            .json()?,
                    )
                })
            }
            "login" => self.drive(load, async |c, _| login(c, "bench").await.map(|_| ())),
            "refresh, 8 logins" => {
                let (stop, target) = (AtomicBool::new(false), self.target.clone());
                let one = async |n| {
                    let mut c = target.connect(n).await?;
                    while !stop.load(Ordering::Relaxed) {
                        login(&mut c, "bench").await?;
                    }
                    anyhow::Ok(())
                };
                std::thread::scope(|scope| {
                    let logins = scope.spawn(|| block_on(try_join_all((0..8).map(one))));
                    let measured = self.refresh(&few);
                    stop.store(true, Ordering::Relaxed);
                    logins
                        .join()
                        .map_err(|_| anyhow::anyhow!("the logins panicked"))??;
                    measured
                })
            }
            "refresh, quiet" => self.refresh(&few),
            WRONG_NAME => self.wrong(load, "nobody"),
            WRONG_PASSWORD => self.wrong(load, "bench"),
            _ => self.refresh(load),
        }
    }

    fn drive(
        &self,
        load: &Load,
        step: impl AsyncFn(&mut Connection, usize) -> Result<()> + Sync,
    ) -> Result<Measurement> {
        let measured = drive(&self.target, load, step)?;
        self.answered.fetch_add(measured.count, Ordering::Relaxed);
        Ok(measured)
    }

    fn fixed(&self, load: &Load, request: Vec<u8>, body: &[u8]) -> Result<Measurement> {
        self.drive(load, async |c, _| {
            ensure!(
                c.send(&request).await?.expect(200)?.body == body,
                "another answer"
            );
            Ok(())
        })
    }

    /// Each connection rotates a family of its own.
    fn refresh(&mut self, load: &Load) -> Result<Measurement> {
        let families: Vec<_> = std::mem::take(&mut self.refresh)
            .into_iter()
            .map(tokio::sync::Mutex::new)
            .collect();
        let authorization = basic("bench");
        let measured = self.drive(load, async |c, n| {
            let mut token = families[n % load.connections].lock().await;
            let form = format!("grant_type=refresh_token&refresh_token={token}");
            let tokens = c
                .send(&post("/token", &authorization, &form))
                .await?
                .expect(200)?
                .json()?;
            *token = text(&tokens, "refresh_token")?;
            self.check(n, &tokens)
        });
        self.refresh = families
            .into_iter()
            .map(tokio::sync::Mutex::into_inner)
            .collect();
        measured
    }

    /// Each from an address of its own, and fewer than a name may fail from anywhere: it is not the lockout that is measured.
    fn wrong(&self, load: &Load, username: &str) -> Result<Measurement> {
        let left = AtomicUsize::new(90 / load.runs);
        self.drive(
            &Load {
                connections: 1,
                ..*load
            },
            async |_, n| {
                if left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                        left.checked_sub(1)
                    })
                    .is_err()
                {
                    return Err(Spent.into());
                }
                let mut c = self
                    .target
                    .connect_from([127, 1, 0, u8::try_from(n)?].into())
                    .await?;
                credentials(&mut c, "bench", username, "wrong")
                    .await?
                    .expect(401)?;
                Ok(())
            },
        )
    }

    /// The cookies of a user who is signed in.
    fn signed_in(&self) -> Result<Vec<(String, String)>> {
        block_on(async {
            let mut c = self.target.connect(0).await?;
            login(&mut c, "bench").await?;
            Ok(c.cookies)
        })
    }

    /// Codes are made beforehand, as many as can be spent in the time.
    fn exchange(&self, load: &Load) -> Result<Measurement> {
        let (codes, browsers) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        let begun = AtomicUsize::new(0);
        let poisoned = || anyhow::anyhow!("poisoned");
        self.drive(load, async |c, _| {
            let waiting = browsers.lock().map_err(|_| poisoned())?.pop();
            let left = match waiting {
                Some((cookies, left)) => {
                    c.cookies = cookies;
                    left
                }
                None => {
                    // In turn, so that nobody has so many sessions that the oldest end.
                    let username = USERS[begun.fetch_add(1, Ordering::Relaxed) % USERS.len()];
                    login_as(c, "bench", username)
                        .await
                        .map(|_| CODES_OF_A_SESSION)?
                }
            };
            let made = code(c, "bench").await?;
            codes.lock().map_err(|_| poisoned())?.push(made);
            if left > 1 {
                browsers
                    .lock()
                    .map_err(|_| poisoned())?
                    .push((c.cookies.clone(), left - 1));
            }
            Ok(())
        })?;
        let authorization = basic("bench");
        self.drive(load, async |c, n| {
            let Some(code) = codes.lock().ok().and_then(|mut codes| codes.pop()) else {
                return Err(Spent.into());
            };
            self.check(
                n,
                &c.send(&post("/token", &authorization, &exchange_form(&code)))
                    .await?
                    .expect(200)?
                    .json()?,
            )
        })
    }
}

/// There is nothing left to drive with.
#[derive(Debug, thiserror::Error)]
#[error("all codes are spent")]
struct Spent;

/// Drives `step` on all connections for the time, and counts what the server's processes spent.
///
/// Each driver's thread asks for what has come without ever sleeping: the server would be charged for waking it, most
/// where it is slowest.
pub fn drive(
    target: &Target,
    load: &Load,
    step: impl AsyncFn(&mut Connection, usize) -> Result<()> + Sync,
) -> Result<Measurement> {
    let (before, started) = (target.cpu_seconds(), Instant::now());
    let until = started + Duration::from_secs(load.seconds);
    let one = async |index: usize| -> Result<Vec<Duration>> {
        let mut c = target.connect(index).await?;
        let mut times = Vec::new();
        let mut n = index;
        while Instant::now() < until {
            let begun = Instant::now();
            match step(&mut c, n).await {
                Ok(()) => times.push(begun.elapsed()),
                Err(error) if error.is::<Spent>() => break,
                Err(error) => return Err(error),
            }
            n += load.connections;
        }
        Ok(times)
    };
    let share = |thread: usize| {
        block_on(async {
            let all = try_join_all((thread..load.connections).step_by(load.threads).map(one));
            let awake = async {
                if !load.spin {
                    std::future::pending::<()>().await;
                }
                loop {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! { times = all => Ok(times?.concat()), never = awake => never }
        })
    };
    let times: Result<Vec<Vec<Duration>>> = std::thread::scope(|scope| {
        let share = &share;
        let threads: Vec<_> = (0..load.threads)
            .map(|n| scope.spawn(move || share(n)))
            .collect();
        threads
            .into_iter()
            .map(|t| t.join().map_err(|_| anyhow::anyhow!("a driver panicked"))?)
            .collect()
    });
    let (cpu, wall) = (target.cpu_seconds() - before, started.elapsed());
    let mut times = times?.concat();
    ensure!(!times.is_empty(), "nothing was answered");
    times.sort();
    Ok(Measurement {
        count: times.len(),
        per_second: times.len() as f64 / wall.as_secs_f64(),
        per_cpu_second: times.len() as f64 / cpu.max(0.01),
        p50: times[times.len() / 2],
        p99: times[times.len() * 99 / 100],
    })
}

/// Runs to its end on this thread.
pub fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(future)
}
