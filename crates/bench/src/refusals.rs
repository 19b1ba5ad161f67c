//! How long a forced sign-out takes until the last of three APIs refuses the access token: APIs that verify with
//! latchkey-resource-server and follow the status lists, told of changes, and by time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use async_trait::async_trait;
use futures_util::future::try_join_all;
use http::{Request, Response};
use latchkey_jose::Compact;
use latchkey_resource_server::{
    Builder, Fetch, FetchError, HttpClient, Refusal, Rejection, Verifier,
};
use serde_json::{Value, json};

use crate::{
    client::post,
    drive::block_on,
    server::{ISSUER, SECRET, Server, Target},
    sign_out::{add_operator, bare, heading, line, operator},
    steps::{basic, exchange_form, login, text},
};

const APP: &str = "refused";
const API: &str = "https://api.example";
const APIS: usize = 3;
/// For so many ends of which the APIs are told, one of which they hear by time: that takes seconds.
const BY_TIME_EVERY: usize = 5;
/// Over how long the moments of ends are spread, after a refusal was seen, in milliseconds: by time over as long as a list is
/// kept, or they would all come right after it was fetched.
const TOLD: usize = 500;
const BY_TIME: usize = 5000;
/// Between two calls of an API.
const CALLED_EVERY: Duration = Duration::from_millis(2);
/// How long the refusals of one end may take before the benchmark is given up.
const GIVEN_UP: Duration = Duration::from_secs(30);

/// Never says that it would wait (RFC 7240), so that an issuer tells it of no change.
struct Unpushed(HttpClient);

#[async_trait]
impl Fetch for Unpushed {
    async fn fetch(&self, mut request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, FetchError> {
        request.headers_mut().remove("prefer");
        self.0.fetch(request).await
    }
}

/// Runs `rounds` ends of a session of which the APIs are told, and a part of it by time.
pub fn run(server: &Server, rounds: usize) -> Result<()> {
    add_operator(server)?;
    server.add_client(&json!({
        "client_id": APP, "client_secret": SECRET, "trusted": true, "redirect_uris": ["https://bench.example/cb"],
        "grant_types": ["authorization_code", "refresh_token"], "audience": [API],
    }))?;
    let target = server.target();
    let said = |how: &str| format!("the last of {APIS} APIs refuses: {how}");
    block_on(async {
        heading();
        let told = apis(Ok).await?;
        let mut times = measure(&target, &told, rounds, TOLD).await?;
        line(&said("told"), &mut times);
        drop(told);
        let by_time = apis(|builder| Ok(builder.http(Unpushed(HttpClient::new()?)))).await?;
        let rounds = rounds.div_ceil(BY_TIME_EVERY);
        let mut times = measure(&target, &by_time, rounds, BY_TIME).await?;
        line(&said("by time"), &mut times);
        Ok(())
    })
}

/// Each on its own: none knows what another one has fetched.
async fn apis(with: impl Fn(Builder) -> Result<Builder>) -> Result<Vec<Verifier>> {
    let mut apis = Vec::new();
    for _ in 0..APIS {
        let builder = with(Verifier::for_api(ISSUER, API))?;
        apis.push(builder.start().await?);
    }
    Ok(apis)
}

async fn measure(
    target: &Target,
    apis: &[Verifier],
    rounds: usize,
    spread: usize,
) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for round in 0..rounds {
        let (token, sid) = sign_in(target).await?;
        for api in apis {
            ensure!(
                api.verify(&token).await.is_ok(),
                "the token is refused before"
            );
        }
        let pause = u64::try_from(round * 1371 % spread)?;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let (mut operator, authorization) = operator(target).await?;
        let begun = Instant::now();
        let call = format!("DELETE /admin/api/v1/sessions/{sid} HTTP/1.1");
        let end = async {
            let answer = operator.send(&bare(&call, &authorization)).await?;
            ensure!(answer.status < 300, "the session was not ended");
            Ok(Duration::ZERO)
        };
        let refusals = apis.iter().map(|api| refused(api, &token, begun));
        let (_, refusals) = futures_util::future::try_join(end, try_join_all(refusals)).await?;
        times.extend(refusals.into_iter().max());
    }
    Ok(times)
}

/// An access token of a user in a new browser, and the session that it is of.
async fn sign_in(target: &Target) -> Result<(String, String)> {
    let mut browser = target.connect(0).await?;
    let code = login(&mut browser, APP).await?;
    let request = post("/token", &basic(APP), &exchange_form(&code));
    let tokens = browser.send(&request).await?.expect(200)?.json()?;
    let token = text(&tokens, "access_token")?;
    let claims: Value = Compact::parse_any(&token)?.unverified_claims()?;
    let sid = claims["sid"].as_str().context("sid")?.to_owned();
    Ok((token, sid))
}

/// How long after `begun` the API refuses a token that was revoked.
async fn refused(api: &Verifier, token: &str, begun: Instant) -> Result<Duration> {
    loop {
        match api.verify(token).await {
            Ok(_) => {}
            Err(Rejection::Refused(Refusal::Revoked)) => return Ok(begun.elapsed()),
            Err(other) => bail!("the API answers otherwise: {other:?}"),
        }
        ensure!(begun.elapsed() < GIVEN_UP, "the token is still taken");
        tokio::time::sleep(CALLED_EVERY).await;
    }
}
