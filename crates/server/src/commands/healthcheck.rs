//! Asks the server where it listens, not where the world finds it.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use latchkey_protocol::{Issuer, paths};

use crate::config::Settings;

/// What is at the address that is listened on.
pub enum Server {
    Ready,
    /// It takes connections, and is not ready.
    Starting,
    Silent,
}

pub async fn server(settings: &Settings) -> Server {
    let Ok(addresses) = addresses(settings).await else {
        return Server::Silent;
    };
    let mut found = Server::Silent;
    for address in addresses {
        let connected = tokio::time::timeout(
            Duration::from_secs(1),
            tokio::net::TcpStream::connect(address),
        )
        .await;
        if !matches!(connected, Ok(Ok(_))) {
            continue;
        }
        match ask(settings, address, Duration::from_millis(500)).await {
            Ok(()) => return Server::Ready,
            Err(_) => found = Server::Starting,
        }
    }
    found
}

/// # Errors
/// A sentence: who did not answer, or what they said.
pub async fn run(settings: Settings) -> Result<ExitCode> {
    let mut failed = None;
    for address in addresses(&settings).await? {
        match ask(&settings, address, Duration::from_secs(5)).await {
            Ok(()) => return Ok(ExitCode::SUCCESS),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    match failed {
        Some(error) => Err(error),
        None => bail!("listen is {:?}, which has no address", settings.listen),
    }
}

/// The addresses to connect to; one that stands for all of this host's is asked at its loopback address.
async fn addresses(settings: &Settings) -> Result<Vec<SocketAddr>> {
    let listened = tokio::net::lookup_host(&settings.listen);
    let resolved = listened
        .await
        .with_context(|| format!("listen is {:?}, which has no address", settings.listen))?;
    let reachable = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, address.port()).into(),
        _ => address,
    };
    Ok(resolved.map(reachable).collect())
}

async fn ask(settings: &Settings, address: SocketAddr, patience: Duration) -> Result<()> {
    let scheme = settings.tls().map_or("http", |_| "https");
    let issuer = Issuer::new(&settings.issuer);
    let url = format!("{scheme}://{address}{}{}", issuer.base(), paths::READYZ);
    // The certificate names the public address, not this one; nothing is said or believed beyond being ready.
    let http = reqwest::Client::builder()
        .danger_accept_invalid_certs(true)
        .no_proxy()
        .timeout(patience)
        .build()?;
    let answer = http
        .get(&url)
        .send()
        .await
        .with_context(|| format!("{url} does not answer"))?;
    if !answer.status().is_success() {
        bail!(
            "{url} answered {}: {}",
            answer.status(),
            answer.text().await.unwrap_or_default().trim()
        );
    }
    Ok(())
}
