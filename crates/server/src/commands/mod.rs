//! One file for each noun.

mod client;
mod key;
mod session;
mod token;
mod user;
mod why;

use std::{io::Read, path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, bail};
use latchkey_protocol::{Clock, Store, Timestamp};

pub use client::register;
pub use user::{NewUser, create as create_user};

use crate::{
    cli::{Cli, Command, ConfigCommand},
    config::{self, Settings},
    dev, log,
    serve::{open_store, start},
    wiring::SystemClock,
};

/// Runs a command.
///
/// # Errors
/// One sentence: what was wrong, and what to do.
pub fn run(cli: Cli) -> Result<ExitCode> {
    let env = |name: &str| std::env::var(name).ok();
    let settings = || Settings::load(cli.config.as_deref(), &env);
    match cli.command {
        Command::Version => {
            println!("latchkey {}", env!("CARGO_PKG_VERSION"));
            Ok(ExitCode::SUCCESS)
        }
        Command::Config(ConfigCommand::Reference { errors }) => {
            print!("{}", if errors { latchkey_protocol::reason::reference() } else { config::reference() });
            Ok(ExitCode::SUCCESS)
        }
        Command::Config(ConfigCommand::Check) => {
            let settings = settings()?;
            settings.check_files()?;
            let unknown = config::unknown_variables();
            if !unknown.is_empty() {
                bail!("{}: there is no such setting; see latchkey config reference", unknown.join(", "));
            }
            for warning in settings.warnings() {
                eprintln!("warning: {warning}");
            }
            println!("the settings are good");
            Ok(ExitCode::SUCCESS)
        }
        Command::Config(ConfigCommand::Show { json }) => {
            show_config(&settings()?, json);
            Ok(ExitCode::SUCCESS)
        }
        Command::Migrate { check } => migrate(&settings()?, check),
        Command::Serve => {
            let settings = settings()?;
            let _logging = log::start(&settings)?;
            for name in config::unknown_variables() {
                tracing::warn!(name, "there is no such setting; see latchkey config reference");
            }
            let told = latchkey_jose::openssl_variable().map_or("OPENSSL_ia32cap", |(name, _)| name);
            let value = std::env::var(told).unwrap_or_default();
            tracing::debug!(value, "what OpenSSL is told of the processor");
            block_on(async {
                let (server, app) = start(&settings).await?;
                tracing::info!(issuer = %app.ui.issuer, listen = %settings.listen, "ready");
                server.await?;
                Ok(ExitCode::SUCCESS)
            })
        }
        Command::Dev { data, app_port, api_port } => dev::run(settings()?, data, app_port, api_port),
        Command::Healthcheck => block_on(healthcheck(settings()?)),
        Command::User(command) => with_store(&settings()?, |at| user::run(at, command)),
        Command::Client(command) => with_store(&settings()?, |at| client::run(at, command)),
        Command::Key(command) => with_store(&settings()?, |at| key::run(at, command)),
        Command::Session(command) => with_store(&settings()?, |at| session::run(at, command)),
        Command::Token(command) => with_store(&settings()?, |at| token::run(at, command)),
        Command::Why { reference, json } => with_store(&settings()?, |at| why::run(at, reference, json)),
    }
}

/// What a command that changes data works with.
pub struct At {
    pub settings: Settings,
    pub store: Arc<dyn Store>,
    pub now: Timestamp,
}

fn with_store<F: Future<Output = Result<()>>>(settings: &Settings, work: impl FnOnce(At) -> F) -> Result<ExitCode> {
    block_on(async {
        let at = At { settings: settings.clone(), store: open_store(settings)?, now: SystemClock.now() };
        work(at).await?;
        Ok(ExitCode::SUCCESS)
    })
}

pub fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    actix_web::rt::System::new().block_on(work)
}

fn show_config(settings: &Settings, json: bool) {
    let rows = settings.show();
    if json {
        let all: serde_json::Map<_, _> = rows
            .into_iter()
            .map(|(path, value, source)| (path, serde_json::json!({ "value": value, "source": source })))
            .collect();
        println!("{}", serde_json::Value::from(all));
        return;
    }
    for (path, value, source) in rows {
        println!("{path:<38} {value:<32} {source}");
    }
}

fn migrate(settings: &Settings, check: bool) -> Result<ExitCode> {
    let options = latchkey_storage::Options { url: settings.database_url.clone(), pool: 1 };
    let mut connection = options.connect().context("database_url")?;
    let pending = latchkey_storage::pending(&mut connection)?;
    for name in &pending {
        println!("{}{name}", if check { "pending: " } else { "applying: " });
    }
    if check {
        return Ok(if pending.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) });
    }
    latchkey_storage::Database::open(&options)?;
    println!("the database is up to date");
    Ok(ExitCode::SUCCESS)
}

async fn healthcheck(settings: Settings) -> Result<ExitCode> {
    let port = settings.listen.rsplit(':').next().unwrap_or("8080").to_owned();
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let address = format!("{scheme}://127.0.0.1:{port}{}/readyz", settings.base());
    // The certificate names the public address, not this one; only liveness is asked.
    let http = reqwest::Client::builder()
        .danger_accept_invalid_certs(true)
        .no_proxy()
        .timeout(std::time::Duration::from_secs(5))
        .build()?;
    let answer = http.get(&address).send().await.with_context(|| format!("{address} does not answer"))?;
    if !answer.status().is_success() {
        bail!("{address} answered {}: {}", answer.status(), answer.text().await.unwrap_or_default().trim());
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads a file, or standard input for `-`.
pub fn read_input(path: &Path) -> Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().take(1 << 20).read_to_string(&mut text).context("standard input cannot be read")?;
    } else {
        text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    }
    Ok(text)
}

/// Reads JSON, or says where it breaks off.
pub fn read_json(path: &Path) -> Result<serde_json::Value> {
    let text = read_input(path)?;
    serde_json::from_str(&text).map_err(|error| anyhow::anyhow!("{}: this is no JSON: {error}", path.display()))
}

/// A table whose columns line up.
pub fn print_table(head: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<_> = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        println!("{}", padded.join("  ").trim_end());
    };
    line(&mut head.iter().copied());
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
}

/// Seconds since the epoch as UTC, for people.
pub fn utc(at: Timestamp) -> String {
    let days = at.div_euclid(86_400);
    let seconds = at.rem_euclid(86_400);
    // Days to a civil date in the proleptic Gregorian calendar, counted from 0000-03-01.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_are_shown_in_utc() {
        assert_eq!(super::utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(super::utc(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(super::utc(1_795_219_199), "2026-11-20T23:59:59Z");
    }
}
