//! The table: each scenario's median beside its limit, and beside another server measured run by run with it.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{
    Load, Measurement, Options,
    bare::Bare,
    median,
    scenarios::{self, WRONG_NAME, WRONG_PASSWORD, World},
    server::{Peer, Server, Target},
    signatures_per_cpu_second,
};

const TWIN_PORT: u16 = 18060;

/// What a scenario is compared with.
pub enum Limit {
    /// So many RS256 signatures.
    Signatures(f64),
    /// A bare actix-web that is sent the same request and answers the same bytes.
    Bare {
        request: Vec<u8>,
        body: Vec<u8>,
    },
    None,
}

/// Another server, measured beside ours.
enum Other {
    Package(Peer),
    /// Our own on SQLite.
    Twin(Server),
    /// Our own, whose tokens have no entry in a status list.
    Plain(Server),
}

impl Other {
    fn start(options: &Options) -> Result<Option<Self>> {
        if options.peer {
            return Ok(Some(Self::Package(Peer::start(&options.cores)?)));
        }
        if let Some(database) = &options.beside_plain {
            let plain = Options {
                database_url: Some(database.clone()).filter(|url| url.starts_with("postgres")),
                nodes: 1,
                ..options.clone()
            };
            let plain = Server::start_without_status_lists(&plain, TWIN_PORT)?;
            plain.prepare()?;
            return Ok(Some(Self::Plain(plain)));
        }
        if !options.beside_sqlite {
            return Ok(None);
        }
        let sqlite = Options {
            database_url: None,
            nodes: 1,
            ..options.clone()
        };
        let twin = Server::start_on(&sqlite, TWIN_PORT)?;
        twin.prepare()?;
        Ok(Some(Self::Twin(twin)))
    }

    fn target(&self) -> Target {
        match self {
            Self::Package(peer) => peer.target(),
            Self::Twin(server) | Self::Plain(server) => server.target(),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Package(_) => "oidc-provider per CPU-s  ratio",
            Self::Twin(_) => "       SQLite per CPU-s  ratio",
            Self::Plain(_) => "    no status per CPU-s  ratio",
        }
    }

    /// The package slows each failure down, to no purpose of ours.
    fn takes(&self, name: &str) -> bool {
        !matches!(self, Self::Package(_)) || ![WRONG_NAME, WRONG_PASSWORD].contains(&name)
    }
}

pub fn run(options: &Options, load: &Load) -> Result<()> {
    let signatures = signatures_per_cpu_second(&options.cores)?;
    println!("RS256 signatures per second and core: {signatures:.0}");
    let started = Instant::now();
    let mut server = Server::start(options)?;
    println!("idle memory: {:.1} MB\n", server.target().memory_mb());
    server.prepare()?;
    let mut ours = World::prepare(server.target(), load)?;
    let other = Other::start(options)?;
    let mut theirs = match &other {
        Some(other) => Some((World::prepare(other.target(), load)?, other)),
        None => None,
    };
    println!(
        "{:18} {:>8} {:>8} {:>8} {:>10} {:>6} {:>6}  {:28} {}",
        "",
        "req/s",
        "p50 ms",
        "p99 ms",
        "per CPU-s",
        "of PG",
        "ratio",
        "limit",
        other.as_ref().map_or("", Other::name)
    );
    let asked = |name: &&str| name.contains(&options.only);
    for name in scenarios::NAMES.into_iter().filter(asked) {
        let beside = theirs.as_mut().filter(|(_, other)| other.takes(name));
        let beside = beside.map(|(world, _)| world);
        row(name, &mut ours, beside, signatures, options, load)?;
    }
    println!(
        "\nmemory after {} requests: {:.1} MB ({:.0} s)",
        ours.answered(),
        server.target().memory_mb(),
        started.elapsed().as_secs_f64()
    );
    let (database, restarted) = server.restart()?;
    println!(
        "start to /readyz on the existing database ({database}): {:.0} ms",
        restarted.as_secs_f64() * 1000.0
    );
    Ok(())
}

/// Measures one scenario and prints it.
fn row(
    name: &str,
    ours: &mut World,
    mut theirs: Option<&mut World>,
    signatures: f64,
    options: &Options,
    load: &Load,
) -> Result<()> {
    let limit = ours.limit(name);
    let bare = match &limit {
        Limit::Bare { request, body } => Some(Bare::start(request, body, &options.cores)?),
        _ => None,
    };
    // Run by run, so that what else the machine does falls on all alike.
    let (mut us, mut them, mut least) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.runs {
        us.push(ours.run(name, load)?);
        if let Some(theirs) = &mut theirs {
            them.push(theirs.run(name, load)?);
        }
        if let Some(bare) = &bare {
            least.push(bare.measure(load)?);
        }
    }
    let (limit, against) = match limit {
        Limit::Signatures(n) => (signatures / n, format!("{n} signatures")),
        Limit::Bare { .. } => {
            let bare = median(least).per_cpu_second;
            (bare, format!("bare actix-web {bare:.0}/CPU-s"))
        }
        Limit::None => (f64::NAN, "-".to_owned()),
    };
    print(name, &median(us), limit, &against, them);
    Ok(())
}

fn print(name: &str, us: &Measurement, limit: f64, against: &str, them: Vec<Measurement>) {
    let beside = if them.is_empty() {
        String::new()
    } else {
        let them = median(them).per_cpu_second;
        format!("{them:>23.0} {:>6.2}", us.per_cpu_second / them)
    };
    let ms = |d: Duration| d.as_secs_f64() * 1000.0;
    println!(
        "{name:18} {:>8.0} {:>8.2} {:>8.2} {:>10.0} {:>6.2} {:>6.2}  {against:28} {beside}",
        us.per_second,
        ms(us.p50),
        ms(us.p99),
        us.per_cpu_second,
        us.database,
        us.per_cpu_second / limit
    );
}
