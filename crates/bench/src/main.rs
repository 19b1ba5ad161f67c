//! Measures the release binary: requests per second and per server-CPU-second, against the limit measured in the same run.
//!
//! `cargo build --release -p latchkey && cargo run --release -p latchkey-bench`

mod bare;
mod client;
mod scenarios;
mod server;

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;
use latchkey_jose::{Signer, SigningKey};
use server::Server;

#[derive(Debug, Parser)]
struct Options {
    /// Seconds for each scenario.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Runs; the median is printed.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Keep-alive connections.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Cores of the server, as taskset takes them; the driver gets the others.
    #[arg(long, default_value = "0,1")]
    cores: String,
    /// postgres://... instead of SQLite.
    #[arg(long)]
    database_url: Option<String>,
    /// Only the scenarios whose name has this in it.
    #[arg(long, default_value = "")]
    only: String,
    /// Answers the bytes of a file; what the program starts for itself to compare with.
    #[arg(long, hide = true)]
    bare: Option<std::path::PathBuf>,
}

/// What one scenario showed.
#[derive(Debug, Clone)]
pub struct Measured {
    pub per_second: f64,
    pub per_cpu_second: f64,
    pub p50: Duration,
    pub p99: Duration,
}

/// What a scenario is compared with.
enum Limit {
    /// So many RS256 signatures.
    Signatures(f64),
    /// A bare actix-web that answers the same bytes.
    Bare(Vec<u8>),
    None,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(file) = options.bare {
        return bare::serve(&file);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(&options))
}

async fn run(options: &Options) -> Result<()> {
    server::keep_off(&options.cores)?;
    let limit = signatures_per_cpu_second(&options.cores)?;
    println!("RS256 signatures per second and core: {limit:.0}\n");
    let started = Instant::now();
    let server = Server::start(options)?;
    println!("idle memory: {:.1} MB", server.memory_mb());
    let mut world = scenarios::World::prepare(&server, options).await?;
    println!("{:<22} {:>9} {:>9} {:>9} {:>12} {:>8}  limit", "", "req/s", "p50 ms", "p99 ms", "per CPU-s", "ratio");
    for name in scenarios::NAMES.into_iter().filter(|n| n.contains(&options.only)) {
        let mut runs = Vec::new();
        for _ in 0..options.runs {
            runs.push(world.run(name, &server, options).await?);
        }
        runs.sort_by(|a, b| a.per_cpu_second.total_cmp(&b.per_cpu_second));
        let median = runs[runs.len() / 2].clone();
        let (ratio, against) = match world.limit(name) {
            Limit::Signatures(n) => (median.per_cpu_second / (limit / n), format!("{n} signatures")),
            Limit::Bare(bytes) => {
                let bare = bare::measure(&bytes, options).await?;
                (
                    median.per_cpu_second / bare.per_cpu_second,
                    format!("bare actix-web {:.0}/CPU-s", bare.per_cpu_second),
                )
            }
            Limit::None => (f64::NAN, "-".to_owned()),
        };
        let ms = |d: Duration| d.as_secs_f64() * 1000.0;
        println!(
            "{name:<22} {:>9.0} {:>9.2} {:>9.2} {:>12.0} {ratio:>8.2}  {against}",
            median.per_second,
            ms(median.p50),
            ms(median.p99),
            median.per_cpu_second
        );
    }
    println!(
        "\nmemory after {} requests: {:.1} MB ({:.0} s)",
        world.answered(),
        server.memory_mb(),
        started.elapsed().as_secs_f64()
    );
    let (database, restarted) = server.restart()?;
    println!("start to /readyz on the existing database ({database}): {:.0} ms", restarted.as_secs_f64() * 1000.0);
    Ok(())
}

/// One thread on the server's cores, signing a token's claims over and over.
fn signatures_per_cpu_second(cores: &str) -> Result<f64> {
    let key = SigningKey::generate(&mut rand::rngs::OsRng, 2048)?;
    let signer = Signer::new(&key)?;
    let claims = serde_json::json!({ "iss": "https://id.example", "sub": "0".repeat(36), "text": "x".repeat(550) });
    let cores = cores.to_owned();
    let thread = std::thread::spawn(move || -> Result<f64> {
        server::pin_thread(&cores)?;
        let mut best = 0.0f64;
        for _ in 0..3 {
            let started = Instant::now();
            let mut count = 0u32;
            while started.elapsed() < Duration::from_secs(1) {
                signer.sign("at+jwt", &claims)?;
                count += 1;
            }
            best = best.max(f64::from(count) / started.elapsed().as_secs_f64());
        }
        Ok(best)
    });
    thread.join().map_err(|_| anyhow::anyhow!("the signing thread ended"))?
}
