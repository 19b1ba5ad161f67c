//! One file for each noun. Each reads its input, calls an operation and prints what came of it.
#![deny(clippy::print_stdout)]

mod at;
mod audit;
mod bff;
mod claim;
mod client;
mod config;
mod consent;
mod delivery;
mod healthcheck;
pub(crate) mod input;
mod installation;
mod key;
mod manual;
mod moment;
mod overview;
mod print;
mod progress;
mod refusal;
mod session;
mod token;
mod token_status;
mod upstream;
mod user;
mod user_identities;
mod why;

use std::{io::Write, process::ExitCode};

use anyhow::Result;
use clap::Parser;

use at::at_installation;
use print::say;

use crate::{
    cli::{Cli, Command},
    config::{Settings, unknown_variables},
    dev, log,
    runtime::block_on,
    serve::{setup_link, start},
};

/// Runs the command that the arguments of this process name; ends the process itself where they name none.
///
/// # Errors
/// One sentence: what was wrong, and what to do.
pub fn run() -> Result<ExitCode> {
    let cli = Cli::parse();
    let env = |name: &str| std::env::var(name).ok();
    let settings = || Settings::load(cli.config.as_deref(), &env);
    match cli.command {
        Command::Version => {
            say!("latchkey {}", env!("CARGO_PKG_VERSION"));
            Ok(ExitCode::SUCCESS)
        }
        Command::Completions { shell } => {
            manual::completions(shell);
            Ok(ExitCode::SUCCESS)
        }
        Command::Man { folder } => manual::pages(&folder),
        Command::Config(command) => config::run(command, settings),
        Command::Migrate { check } => installation::migrate(&settings()?, check),
        Command::Serve => serve(&settings()?),
        Command::Dev(options) => dev::run(settings()?, options),
        Command::Bff => bff::run(cli.config),
        Command::Healthcheck => block_on(healthcheck::run(settings()?)),
        Command::Overview { period, json } => {
            at_installation(settings()?, |at| overview::show(at, period, json))
        }
        Command::User(command) => at_installation(settings()?, |at| user::run(at, command)),
        Command::Client(command) => at_installation(settings()?, |at| client::run(at, command)),
        Command::Upstream(command) => at_installation(settings()?, |at| upstream::run(at, command)),
        Command::Claim(command) => at_installation(settings()?, |at| claim::run(at, command)),
        Command::Consent(command) => at_installation(settings()?, |at| consent::run(at, command)),
        Command::Key(command) => at_installation(settings()?, |at| key::run(at, command)),
        Command::Session(command) => at_installation(settings()?, |at| session::run(at, command)),
        Command::Audit(command) => at_installation(settings()?, |at| audit::run(at, command)),
        Command::Delivery(command) => at_installation(settings()?, |at| delivery::run(at, command)),
        Command::Refusal(command) => at_installation(settings()?, |at| refusal::run(at, command)),
        Command::Token(command) => at_installation(settings()?, |at| token::run(at, command)),
        Command::Why { reference, json } => {
            at_installation(settings()?, |at| why::run(at, reference.join(" "), json))
        }
    }
}

/// Runs the provider until the process is told to end.
fn serve(settings: &Settings) -> Result<ExitCode> {
    let _logging = log::start(settings);
    for name in unknown_variables() {
        tracing::warn!(
            name,
            "there is no such setting; see latchkey config reference"
        );
    }
    block_on(async {
        let service = start(settings).await?;
        tracing::info!(issuer = %service.app.ui.only_realm.issuer, listen = %settings.listen, "ready");
        if let Some(link) = setup_link(&service.app).await? {
            // Not into the log: whoever has the link is the administrator. If nobody reads it, a later start has another.
            let _printed = writeln!(
                std::io::stdout(),
                "latchkey: there is no administrator yet. Create the first one within an hour at {link}"
            );
        }
        service.run().await?;
        Ok(ExitCode::SUCCESS)
    })
}
