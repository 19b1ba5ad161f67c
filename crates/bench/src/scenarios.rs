//! What is driven, and how each answer is checked.

mod reads;
mod tokens;

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use latchkey_jose::{Compact, JwkSet, Verifier};

use crate::{
    Load, Measurement,
    client::{Connection, get, post},
    drive::{block_on, drive},
    server::Target,
    steps::{basic, code, exchange_form, login, text},
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

const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Sign-ins that fail, which must take the same time; one at a time.
pub const WRONG_NAME: &str = "wrong name";
pub const WRONG_PASSWORD: &str = "wrong password";

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
        let discovery = c.send(&get(DISCOVERY, "")).await?.expect(200)?.body;
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
            "discovery" => bare(get(DISCOVERY, ""), &self.discovery),
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
            "discovery" => self.fixed(load, get(DISCOVERY, ""), &self.discovery),
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

fn poisoned() -> anyhow::Error {
    anyhow::anyhow!("poisoned")
}
