//! `latchkey dev`: everything at once, for a first look, and as the provider of an app's own tests.

mod announcement;
mod clock;
mod demos;
mod door;
mod faults;
mod key;
mod lines;
mod place;
mod providers;
mod records;
mod routes;
mod seed;
mod sign_in;

use std::{
    net::{Ipv4Addr, Ipv6Addr, TcpListener, ToSocketAddrs},
    process::ExitCode,
    sync::Arc,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use latchkey_operations::{Caller, Operations};
use latchkey_protocol::{Clock, Entropy};
use serde_json::Value;

use crate::{
    cli::DevOptions,
    config::Settings,
    connections, log,
    runtime::block_on,
    serve::Base,
    wiring::{OsEntropy, open_keys},
};

use announcement::Announcement;
use clock::DevClock;
use demos::Demos;
use place::Place;
use providers::Providers;
use records::Records;
use routes::routes;
use seed::Seed;

pub use key::KNOWN_KEY;
pub use place::is_of_dev;

/// Runs the provider, the demo apps and the demo APIs until they are interrupted.
///
/// # Errors
/// For an issuer that others can reach, a seed with a fault, a port that is taken, and all that `serve` refuses.
pub fn run(mut settings: Settings, options: DevOptions) -> Result<ExitCode> {
    let started = Instant::now();
    refuse_others(&settings)?;
    let seed = match &options.seed {
        Some(file) => Seed::read(file, settings.registration)?,
        None => Seed::of_known_users(),
    };
    // Before anything is made, so that a port in use leaves nothing behind.
    let listener = listen(&mut settings, options.port)?;
    let demos = (!options.no_demo).then(|| Demos::listen(&settings.issuer, &options));
    let demos = demos.transpose()?;
    let providers = (!options.no_demo).then(|| Providers::listen(&settings.issuer, &options));
    let providers = providers.transpose()?;
    let json = options.json || options.port == Some(0);
    if !json {
        println!("latchkey dev: making a database, keys and users ...");
    }
    if settings.log_level == "info" {
        settings.log_level = "warn".into();
    }
    let _logging = log::start(&settings);
    let _place = Place::take(&mut settings, options.data)?;
    allow_loopback(&mut settings);
    let dev = Dev {
        settings,
        listener,
        demos,
        providers,
        seed,
        json,
        started,
    };
    block_on(dev.serve())
}

/// What is about to run.
struct Dev {
    settings: Settings,
    listener: TcpListener,
    demos: Option<Demos>,
    providers: Option<Providers>,
    seed: Seed,
    /// Says where everything is to a program.
    json: bool,
    started: Instant,
}

impl Dev {
    async fn serve(self) -> Result<ExitCode> {
        let settings = &self.settings;
        let clock = Arc::new(DevClock::default());
        let base = Base::open(settings, self.listener, clock.clone())?;
        let (store, now) = (base.store.clone(), clock.now());
        key::plant(&*store, &settings.keys_dir, now).await?;
        let keys = open_keys(&*store, &settings.keys_dir, now).await?;
        let operations = Operations {
            store: &*store,
            entropy: &OsEntropy,
            caller: Caller::server(),
            // As old as the key: what a clock that was set back makes is not older than its client.
            now: now - key::AGE,
        };
        // Before anything answers: of a seed that cannot be planted nothing is to be seen.
        let records = Records::add(&operations, &keys.0, self.seed, self.demos.as_ref()).await?;
        if let Some(providers) = &self.providers {
            providers.add(&operations, &keys.0).await?;
        }
        let service = base
            .launch(settings, keys, |app| routes(app, clock.clone()))
            .await?;
        let announcement = Announcement {
            settings,
            demos: self.demos.as_ref(),
            providers: self.providers.as_ref(),
            records: &records,
        };
        let (text, mut line) = (announcement.text(), announcement.line());
        let providers = self.providers.map(|all| all.run(settings, clock.clone()));
        let start = |demos: Demos| demos.start(clock, store);
        let demos = self.demos.map(start);
        let demos = demos.transpose()?;
        let demos = async {
            futures_util::future::OptionFuture::from(demos)
                .await
                .transpose()
        };
        let told = async {
            line["ready_ms"] = millis(self.started).into();
            tell(self.json, &text, &line);
        };
        // Told last: by then the servers answer, and end when they are told to. Those beside take calls from the beginning, and
        // answer a moment later: nobody waits for them to be made.
        let providers = async {
            futures_util::future::OptionFuture::from(providers)
                .await
                .transpose()
        };
        let (provider, demos, (), providers) =
            futures_util::future::join4(service.run(), demos, told, providers).await;
        provider?;
        demos?;
        providers?;
        Ok(ExitCode::SUCCESS)
    }
}

/// To a program, or to whoever reads it.
fn tell(json: bool, text: &str, line: &Value) {
    if json {
        eprintln!("{text}");
        println!("{line}");
    } else {
        println!("{text}");
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Its users are known and their passwords shown: it is for this machine alone.
fn refuse_others(settings: &Settings) -> Result<()> {
    if !settings.is_loopback() {
        bail!(
            "dev has known users and shows passwords: it runs on a loopback issuer only, not on {}",
            settings.issuer
        );
    }
    let mut listened = settings
        .listen
        .to_socket_addrs()
        .with_context(|| format!("listen is {:?}", settings.listen))?;
    if !listened.all(|address| address.ip().is_loopback()) {
        bail!(
            "dev listens on loopback addresses only, not on {}",
            settings.listen
        );
    }
    Ok(())
}

/// Listens where the settings say, or on the port that was asked for, which the issuer has then.
fn listen(settings: &mut Settings, port: Option<u16>) -> Result<TcpListener> {
    let Some(port) = port else {
        return connections::bind(&settings.listen);
    };
    let listener = connections::bind(&format!("{}:{port}", Ipv4Addr::LOCALHOST));
    let other = || format!("cannot listen on port {port}; choose another with --port");
    let listener = listener.with_context(other)?;
    let address = listener.local_addr()?;
    settings.listen = address.to_string();
    settings.issuer = format!("http://localhost:{}", address.port());
    Ok(listener)
}

/// The apps are on this machine too.
fn allow_loopback(settings: &mut Settings) {
    let v4 = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
    let v6 = Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128);
    let loopback = [IpNet::V4(v4), IpNet::V6(v6)];
    settings.outbound_allow.extend(loopback);
}

/// A random word of letters and digits that are hard to mistake for one another.
fn word(length: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789x";
    let mut bytes = vec![0; length];
    OsEntropy.fill(&mut bytes);
    bytes
        .iter()
        .map(|b| char::from(ALPHABET[usize::from(b % 32)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apps_on_this_machine_may_be_called_and_nothing_else_of_the_network() {
        let mut settings = Settings::default();
        allow_loopback(&mut settings);
        let may = |address: &str| {
            let address = address.parse::<std::net::IpAddr>();
            address.is_ok_and(|a| settings.outbound_allow.iter().any(|n| n.contains(&a)))
        };
        assert!(may("127.0.0.1") && may("127.0.0.9") && may("::1"));
        assert!(!may("10.0.0.1") && !may("::2") && !may("192.168.0.1"));
    }
}
