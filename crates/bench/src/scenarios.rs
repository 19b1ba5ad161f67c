//! What is driven, and how each answer is checked.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use latchkey_jose::{Compact, JwkSet, Verifier};

use crate::{
    Load, Measurement,
    client::{Connection, get, post},
    drive::{Spent, block_on, drive},
    server::{Target, USERS},
    steps::{basic, code, credentials, exchange_form, login, login_as, text},
    table::Limit,
};

pub const NAMES: [&str; 14] = [
    "discovery",
    "jwks",
    "client_credentials",
    "code exchange",
    "code flow",
    "refresh",
    "userinfo",
    "introspection",
    "revocation",
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
            "userinfo" => self.read_userinfo(load),
            "introspection" => self.introspect(load),
            "revocation" => self.revoke(load),
            "client_credentials" => self.client_credentials(load),
            "code exchange" => self.exchange(load),
            "code flow" => self.code_flow(load),
            "login" => self.drive(load, async |c, _| login(c, "bench").await.map(|_| ())),
            "refresh, 8 logins" => self.refresh_beside_logins(&few),
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
}

/// The endpoints that answer about tokens, or end them.
impl World {
    fn read_userinfo(&self, load: &Load) -> Result<Measurement> {
        let requests: Vec<_> = self.access.iter().map(|t| self.ask_userinfo(t)).collect();
        self.drive(load, async |c, n| {
            let answer = c.send(&requests[n % requests.len()]).await?.expect(200)?;
            ensure!(answer.body == self.userinfo, "another answer");
            Ok(())
        })
    }

    fn introspect(&self, load: &Load) -> Result<Measurement> {
        let tokens = self.access.iter();
        let requests: Vec<_> = tokens.map(|t| self.ask_introspection(t)).collect();
        self.drive(load, async |c, n| {
            let answer = c.send(&requests[n % requests.len()]).await?.expect(200)?;
            let is_active = answer.body.windows(13).any(|w| w == b"\"active\":true");
            ensure!(is_active, "not active");
            Ok(())
        })
    }

    /// Each access token once; they are made beforehand, as many as in twice the time.
    fn revoke(&self, load: &Load) -> Result<Measurement> {
        let authorization = basic("bench");
        let request = post("/token", &authorization, "grant_type=client_credentials");
        let made = Mutex::new(Vec::new());
        let making = Load {
            seconds: load.seconds * 2,
            ..*load
        };
        self.drive(&making, async |c, _| {
            let tokens = c.send(&request).await?.expect(200)?.json()?;
            let token = text(&tokens, "access_token")?;
            made.lock().map_err(|_| poisoned())?.push(token);
            Ok(())
        })?;
        self.drive(load, async |c, _| {
            let token = made.lock().map_err(|_| poisoned())?.pop();
            let form = format!("token={}", token.ok_or(Spent)?);
            let request = post("/revoke", &authorization, &form);
            c.send(&request).await?.expect(200).map(|_| ())
        })
    }
}

/// The token endpoint.
impl World {
    fn client_credentials(&self, load: &Load) -> Result<Measurement> {
        let request = post("/token", &basic("bench"), "grant_type=client_credentials");
        self.drive(load, async |c, n| {
            self.check(n, &c.send(&request).await?.expect(200)?.json()?)
        })
    }

    /// Each connection is a browser of its own, with a session.
    fn code_flow(&self, load: &Load) -> Result<Measurement> {
        let browsers: Result<Vec<_>> = (0..load.connections)
            .map(|n| self.signed_in(USERS[n % USERS.len()]))
            .collect();
        let (browsers, authorization) = (browsers?, basic("bench"));
        self.drive(load, async |c, n| {
            c.cookies.clone_from(&browsers[n % browsers.len()]);
            let form = exchange_form(&code(c, "bench").await?);
            let request = post("/token", &authorization, &form);
            self.check(n, &c.send(&request).await?.expect(200)?.json()?)
        })
    }

    fn refresh_beside_logins(&mut self, load: &Load) -> Result<Measurement> {
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
            let measured = self.refresh(load);
            stop.store(true, Ordering::Relaxed);
            let ended = logins.join();
            ended.map_err(|_| anyhow::anyhow!("the logins panicked"))??;
            measured
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
    fn signed_in(&self, username: &str) -> Result<Vec<(String, String)>> {
        block_on(async {
            let mut c = self.target.connect(0).await?;
            login_as(&mut c, "bench", username).await?;
            Ok(c.cookies)
        })
    }

    /// Codes are made beforehand, as many as can be spent in the time.
    fn exchange(&self, load: &Load) -> Result<Measurement> {
        let (codes, browsers) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        let begun = AtomicUsize::new(0);
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

fn poisoned() -> anyhow::Error {
    anyhow::anyhow!("poisoned")
}
