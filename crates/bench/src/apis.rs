//! What it costs an API to verify access tokens with latchkey-resource-server, and to look at a status list of a million
//! entries for each: beside the bare signature, and on a route of actix-web beside the same route unprotected. Everything in
//! ratios within one run.

use std::{
    hint::black_box,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use actix_web::{App, HttpServer, web};
use anyhow::{Context, Result, anyhow, ensure};
use async_trait::async_trait;
use http::{Request, Response};
use latchkey_jose::{Compact, Signer, SigningKey};
use latchkey_protocol::{
    Clock,
    status::{ENTRIES, STATUS_LIST_TYPE, StatusList, Width},
};
use latchkey_resource_server::{
    Fetch, FetchError, RequireScope, SystemClock, Verifier,
    actix::{Caller, Routes},
};
use serde_json::{Value, json};

use crate::{
    Load, client, drive, median,
    server::{self, Target},
};

const ISSUER: &str = "https://id.example";
const API: &str = "https://api.example";
const LIST: &str = "https://id.example/status-lists/1";
const PORT: u16 = 18091;
/// So many callers, each with a token.
const TOKENS: usize = 1000;

/// An issuer whose keys and status list never change: the key set has the list beside the keys.
struct Issuer(Value);

#[async_trait]
impl Fetch for Issuer {
    async fn fetch(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, FetchError> {
        let list = self.0["list"].as_str().unwrap_or_default();
        Ok(Response::new(match request.uri().path() {
            "/jwks" => self.0.to_string().into_bytes(),
            _ => list.as_bytes().to_vec(),
        }))
    }
}

async fn verifier(issuer: &Value, tokens_seen: u64) -> Result<Verifier> {
    let builder = Verifier::for_api(ISSUER, API)
        .jwks_uri(format!("{ISSUER}/jwks"))
        .http(Issuer(issuer.clone()))
        .remember_tokens(tokens_seen);
    Ok(builder.start().await?)
}

/// A list of a million entries, of which one in a hundred ended; none of ours.
fn list(key: &SigningKey, now: i64) -> Result<String> {
    let mut list = StatusList::of_bytes(Width::One, vec![0; ENTRIES as usize / 8]);
    for idx in (TOKENS as u64..ENTRIES.into()).step_by(100) {
        list.set(idx, 1);
    }
    let claims = json!({
        "iss": ISSUER, "sub": LIST, "iat": now, "exp": now + 86_400, "ttl": 3600,
        "status_list": { "bits": 1, "lst": list.lst() },
    });
    Ok(Signer::new(key)?.sign(STATUS_LIST_TYPE, &claims)?)
}

/// As the provider issues them: about 700 bytes of claims.
fn tokens(key: &SigningKey) -> Result<Vec<String>> {
    let (signer, now) = (Signer::new(key)?, SystemClock.now().as_seconds());
    let token = |n: usize| {
        let claims = json!({
            "iss": ISSUER, "sub": format!("{n:036}"), "aud": API, "exp": now + 86_400, "iat": now, "client_id": "bench",
            "jti": format!("{n:020}.{n:043}"), "scope": "openid profile email orders:read", "auth_time": now, "sid": "0".repeat(36),
            "roles": ["clerk", "editor"], "groups": ["sales"], "text": "x".repeat(200),
            "status": { "status_list": { "idx": n, "uri": LIST } },
        });
        Ok(signer.sign("at+jwt", &claims)?)
    };
    (0..TOKENS).map(token).collect()
}

/// Prints the ratios.
pub fn run(load: &Load, cores: &str) -> Result<()> {
    let key = SigningKey::generate(&mut rand::rngs::OsRng, 2048)?;
    let list = list(&key, SystemClock.now().as_seconds())?;
    let issuer = json!({ "keys": [key.public()], "list": list });
    let tokens = tokens(&key)?;
    println!(
        "access tokens of {} bytes, RS256, {TOKENS} callers, a status list of {ENTRIES} entries",
        tokens[0].len()
    );
    drive::block_on(verifications(load, &key, &issuer, &tokens))?;
    routes(load, cores, &issuer, &tokens)
}

/// On one thread; run by run, so that what else the machine does is in all of them.
async fn verifications(
    load: &Load,
    key: &SigningKey,
    issuer: &Value,
    tokens: &[String],
) -> Result<()> {
    let bare = latchkey_jose::Verifier::new(key.public())?;
    let parsed: Result<Vec<Compact>, _> = tokens.iter().map(|t| Compact::parse_any(t)).collect();
    let (parsed, forgets) = (parsed?, verifier(issuer, 0).await?);
    let remembers = verifier(issuer, 10_000).await?;
    for token in tokens {
        remembers.verify(token).await?;
    }
    let (mut whole, mut seen) = (Vec::new(), Vec::new());
    for _ in 0..load.runs {
        let signature = rate(load, async |n| Ok(bare.verify(&parsed[n])?)).await?;
        let one = rate(load, async |n| {
            black_box(forgets.verify(&tokens[n]).await?);
            Ok(())
        });
        let one = one.await?;
        let again = rate(load, async |n| {
            let known = remembers.verify_seen(&tokens[n]);
            known
                .map(drop)
                .ok_or_else(|| anyhow!("a token was forgotten"))
        });
        let again = again.await?;
        println!(
            "per second and core: signature alone {signature:.0}, verified {one:.0}, seen before {again:.0}"
        );
        whole.push(one / signature);
        seen.push(again / one);
    }
    println!("verified, of the signature alone: {:.2}", middle(whole));
    println!("seen before, of verified: {:.1} times", middle(seen));
    Ok(())
}

async fn rate(load: &Load, mut one: impl AsyncFnMut(usize) -> Result<()>) -> Result<f64> {
    let (started, time) = (Instant::now(), Duration::from_secs(load.seconds));
    let mut count = 0;
    while started.elapsed() < time {
        for n in 0..100 {
            one((count + n) % TOKENS).await?;
        }
        count += 100;
    }
    Ok(count as f64 / started.elapsed().as_secs_f64())
}

fn middle(mut ratios: Vec<f64>) -> f64 {
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

/// The same request to both: the unprotected one reads the header and looks at nothing.
fn routes(load: &Load, cores: &str, issuer: &Value, tokens: &[String]) -> Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), issuer.to_string())?;
    let mut command = Command::new("taskset");
    command.args(["-c", cores]).arg(std::env::current_exe()?);
    command.arg("--api").arg(file.path());
    let mut child = command.spawn().context(server::TASKSET)?;
    let measured = compare(load, &Target::one(PORT, child.id()), tokens);
    server::end(&mut child);
    measured
}

fn compare(load: &Load, target: &Target, tokens: &[String]) -> Result<()> {
    server::ready(PORT, "/open")?;
    let requests = |path: &str| -> Vec<_> {
        let one = |token: &String| client::get(path, &format!("Bearer {token}"));
        tokens.iter().map(one).collect()
    };
    let measure = |requests: &[Vec<u8>]| {
        drive::drive(target, load, async |c, n| {
            c.send(&requests[n % TOKENS]).await?.expect(200).map(drop)
        })
    };
    let (open, closed) = (requests("/open"), requests("/orders"));
    let (mut bare, mut guarded) = (Vec::new(), Vec::new());
    for _ in 0..load.runs {
        bare.push(measure(&open)?);
        guarded.push(measure(&closed)?);
    }
    let (bare, guarded) = (median(bare), median(guarded));
    println!(
        "route per CPU second: unprotected {:.0}, protected {:.0}: {:.2}",
        bare.per_cpu_second,
        guarded.per_cpu_second,
        guarded.per_cpu_second / bare.per_cpu_second
    );
    Ok(())
}

/// An API with one route twice: open, and with a guard.
pub fn serve(file: &Path) -> Result<()> {
    let issuer: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    ensure!(issuer["keys"].is_array(), "no key set");
    actix_web::rt::System::new().block_on(async move {
        let api = verifier(&issuer, 10_000).await?;
        HttpServer::new(move || {
            let routes = Routes::of(&api).get("/orders", orders, RequireScope("orders:read"));
            App::new()
                .route("/open", web::get().to(async || "the orders"))
                .configure(routes.into_config())
        })
        .workers(2)
        .bind(("127.0.0.1", PORT))?
        .run()
        .await?;
        Ok(())
    })
}

async fn orders(_: Caller) -> &'static str {
    "the orders"
}
