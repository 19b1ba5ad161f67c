//! Measures the release binary: requests per second and per server-CPU-second, against the limit measured in the same run.
//!
//! `cargo build --release -p latchkey && cargo run --release -p latchkey-bench`

mod apis;
mod bare;
mod bff;
mod client;
mod crowd;
mod database;
mod drive;
mod large;
mod refusals;
mod scenarios;
mod server;
mod sign_out;
mod status_lists;
mod steps;
mod table;

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use latchkey_jose::{Signer, SigningKey};
use server::Server;

#[derive(Debug, Clone, Parser)]
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
    /// Nodes on that PostgreSQL, all on the same cores.
    #[arg(long, default_value_t = 1)]
    nodes: u16,
    /// Measures the npm package oidc-provider too, run by run beside us; needs Node.
    #[arg(long)]
    peer: bool,
    /// Measures a server of its own on SQLite too, run by run beside the one on PostgreSQL.
    #[arg(long, conflicts_with = "peer")]
    beside_sqlite: bool,
    /// Measures a server of its own without status lists too, run by run beside this one: on this postgres://..., which has to
    /// be there and empty, or on SQLite.
    #[arg(long, num_args = 0..=1, default_missing_value = "sqlite", conflicts_with_all = ["peer", "beside_sqlite"])]
    beside_plain: Option<String>,
    /// Only status lists: what they weigh, and how long a list takes to be made, for a million and ten million live tokens.
    #[arg(long)]
    status_lists: bool,
    /// Only a small SQLite database beside one with 100,000 users and a million sign-ins.
    #[arg(long)]
    large: bool,
    /// Only the scenarios whose name has this in it.
    #[arg(long, default_value = "")]
    only: String,
    /// Only the crowds: twice the capacity from so many impatient callers, bystanders beside floods, 2,000 connections at once.
    #[arg(long, num_args = 0..=1, default_missing_value = "3000")]
    crowd: Option<usize>,
    /// Only forced sign-outs: how long until all receipts are there, of so many ends of a session.
    #[arg(long, num_args = 0..=1, default_missing_value = "200")]
    sign_out: Option<usize>,
    /// Only forced sign-outs: how long until the last of three APIs refuses, of so many ends of a session.
    #[arg(long, num_args = 0..=1, default_missing_value = "200")]
    refusals: Option<usize>,
    /// Only what verifying tokens costs an API, with latchkey-resource-server.
    #[arg(long)]
    apis: bool,
    /// Only what a backend-for-frontend adds to a call, beside nginx.
    #[arg(long)]
    bff: bool,
    /// The app has a backchannel_logout_uri, so that each code exchange notes it in the session.
    #[arg(long)]
    logout_uri: bool,
    /// The program to measure.
    #[arg(long, default_value = "target/release/latchkey")]
    binary: std::path::PathBuf,
    /// Answers the bytes of a file; what the program starts for itself to compare with.
    #[arg(long, hide = true)]
    bare: Option<std::path::PathBuf>,
    /// An API that knows the keys of a file; likewise.
    #[arg(long, hide = true)]
    api: Option<std::path::PathBuf>,
    /// Prints signatures per second; likewise.
    #[arg(long, hide = true)]
    signatures: bool,
}

/// How hard a server is driven.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub seconds: u64,
    pub connections: usize,
    pub threads: usize,
    pub runs: usize,
    pub spin: bool,
}

/// What one scenario showed.
#[derive(Debug, Clone)]
pub struct Measurement {
    pub count: usize,
    pub per_second: f64,
    /// Per CPU second of the server's processes and of PostgreSQL's, where that runs here.
    pub per_cpu_second: f64,
    /// What of that CPU was PostgreSQL's.
    pub database: f64,
    pub p50: Duration,
    pub p99: Duration,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(file) = options.bare {
        return bare::serve(&file);
    }
    if let Some(file) = options.api {
        return apis::serve(&file);
    }
    if options.signatures {
        println!("{}", sign()?);
        return Ok(());
    }
    run(&options)
}

fn run(options: &Options) -> Result<()> {
    // Databases and logs go there: on a disk, where /tmp may be memory.
    std::fs::create_dir_all("target").context("no folder target can be made here")?;
    let drivers = server::keep_off(&options.cores)?;
    let load = Load {
        seconds: options.seconds,
        connections: options.connections,
        threads: drivers,
        runs: options.runs,
        // PostgreSQL needs the drivers' cores.
        spin: options.database_url.is_none(),
    };
    if options.apis {
        return apis::run(&load, &options.cores);
    }
    if let Some(callers) = options.crowd {
        let server = Server::start(options)?;
        server.prepare()?;
        return crowd::run(&server.target(), &load, callers);
    }
    if options.bff {
        let server = Server::start(options)?;
        server.prepare()?;
        return bff::run(&server, options, &load);
    }
    if let Some(rounds) = options.sign_out {
        let server = Server::start(options)?;
        server.prepare()?;
        return sign_out::run(&server, rounds);
    }
    if let Some(rounds) = options.refusals {
        let server = Server::start(options)?;
        server.prepare()?;
        return refusals::run(&server, rounds);
    }
    if options.status_lists {
        let server = Server::start(options)?;
        server.prepare()?;
        return status_lists::run(&server);
    }
    if options.large {
        return large::run(options, &load);
    }
    table::run(options, &load)
}

/// The run in the middle.
fn median(mut runs: Vec<Measurement>) -> Measurement {
    runs.sort_by(|a, b| a.per_cpu_second.total_cmp(&b.per_cpu_second));
    runs.swap_remove(runs.len() / 2)
}

/// A process on the server's cores that signs over and over, set up as the server is.
fn signatures_per_cpu_second(cores: &str) -> Result<f64> {
    let mut command = Command::new("taskset");
    command
        .args(["-c", cores])
        .arg(std::env::current_exe()?)
        .arg("--signatures");
    let said = command.output().context(server::TASKSET)?;
    ensure!(
        said.status.success(),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
    Ok(String::from_utf8(said.stdout)?.trim().parse()?)
}

/// Signs a token's claims over and over on one thread; the best of three seconds.
fn sign() -> Result<f64> {
    let key = SigningKey::generate(&mut rand::rngs::OsRng, 2048)?;
    let signer = Signer::new(&key)?;
    let claims = serde_json::json!({ "iss": "https://id.example", "sub": "0".repeat(36), "text": "x".repeat(550) });
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
}
