//! One file for each noun.
#![deny(clippy::print_stdout)]

mod claim;
mod client;
mod healthcheck;
mod installation;
mod journal;
mod key;
mod manual;
mod print;
mod session;
mod token;
mod user;
mod why;

use std::{io::Read, path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, bail};
use latchkey_jose::{KeyRing, MasterKey};
use latchkey_operations::{Actor, OperationError, Operations};
use latchkey_protocol::{Clock, Store, Timestamp};

pub use print::{print_table, utc};

use installation::Installation;
use journal::CommandJournal;
use print::say;

use crate::{
    cli::{Cli, Command, ConfigCommand},
    config::{self, Settings},
    dev, log,
    runtime::block_on,
    serve::start,
    wiring::{OsEntropy, SystemClock},
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
            say!("latchkey {}", env!("CARGO_PKG_VERSION"));
            Ok(ExitCode::SUCCESS)
        }
        Command::Completions { shell } => {
            manual::completions(shell);
            Ok(ExitCode::SUCCESS)
        }
        Command::Man { folder } => manual::pages(&folder),
        Command::Config(ConfigCommand::Reference { errors, clients }) => {
            let reference = match (errors, clients) {
                (true, _) => latchkey_protocol::reason::reference(),
                (_, true) => latchkey_protocol::client_reference::reference(),
                _ => config::reference(),
            };
            say!("{}", reference.trim_end());
            Ok(ExitCode::SUCCESS)
        }
        Command::Config(ConfigCommand::Check) => {
            let settings = settings()?;
            settings.check_files()?;
            let unknown = config::unknown_variables();
            if !unknown.is_empty() {
                bail!(
                    "{}: there is no such setting; see latchkey config reference",
                    unknown.join(", ")
                );
            }
            for warning in settings.warnings() {
                eprintln!("warning: {warning}");
            }
            say!("the settings are good");
            Ok(ExitCode::SUCCESS)
        }
        Command::Config(ConfigCommand::Show { json }) => {
            show_config(&settings()?, json);
            Ok(ExitCode::SUCCESS)
        }
        Command::Migrate { check } => installation::migrate(&settings()?, check),
        Command::Serve => {
            let settings = settings()?;
            let _logging = log::start(&settings);
            for name in config::unknown_variables() {
                tracing::warn!(
                    name,
                    "there is no such setting; see latchkey config reference"
                );
            }
            block_on(async {
                let (server, app) = start(&settings).await?;
                tracing::info!(issuer = %app.ui.issuer, listen = %settings.listen, "ready");
                server.await?;
                Ok(ExitCode::SUCCESS)
            })
        }
        Command::Dev {
            data,
            app_port,
            api_port,
        } => dev::run(settings()?, data, app_port, api_port),
        Command::Healthcheck => block_on(healthcheck::run(settings()?)),
        Command::User(command) => with_store(&settings()?, |at| user::run(at, command)),
        Command::Client(command) => with_store(&settings()?, |at| client::run(at, command)),
        Command::Claim(command) => with_store(&settings()?, |at| claim::run(at, command)),
        Command::Key(command) => with_store(&settings()?, |at| key::run(at, command)),
        Command::Session(command) => with_store(&settings()?, |at| session::run(at, command)),
        Command::Token(command) => with_store(&settings()?, |at| token::run(at, command)),
        Command::Why { reference, json } => {
            with_store(&settings()?, |at| why::run(at, reference.join(" "), json))
        }
    }
}

/// What a command works with.
pub struct At {
    pub settings: Settings,
    pub store: Arc<dyn Store>,
    pub master: MasterKey,
    pub ring: KeyRing,
    pub now: Timestamp,
    journal: CommandJournal,
}

impl At {
    /// What can be done, by whoever called the command.
    pub fn operations(&self) -> Operations<'_> {
        Operations {
            store: &*self.store,
            entropy: &OsEntropy,
            journal: &self.journal,
            actor: Actor::Command {
                uid: rustix::process::getuid().as_raw(),
            },
            now: self.now,
        }
    }
}

/// Names the command that helps, where there is one.
fn with_advice(error: anyhow::Error) -> anyhow::Error {
    let Some(refused) = error.downcast_ref::<OperationError>() else {
        return error;
    };
    let advice = match refused {
        OperationError::UserUnknown(_) => "; see latchkey user list",
        OperationError::ClientUnknown(_) => "; see latchkey client list",
        OperationError::SessionUnknown(_) => "; see latchkey session list",
        OperationError::KeyUnknown(_) => "; see latchkey key list",
        OperationError::ClaimUnknown(_) => "; see latchkey claim list",
        OperationError::ClientIdTaken(_) => "; change it with latchkey client update",
        OperationError::KeySigns(_) => ": run latchkey key rotate --now first",
        _ => return error,
    };
    anyhow::anyhow!("{refused}{advice}")
}

fn with_store<F: Future<Output = Result<()>>>(
    settings: &Settings,
    work: impl FnOnce(At) -> F,
) -> Result<ExitCode> {
    block_on(async {
        let now = SystemClock.now();
        let Installation {
            store,
            master,
            ring,
        } = installation::open(settings, now).await?;
        let journal = CommandJournal::new(store.clone());
        let at = At {
            settings: settings.clone(),
            store,
            master,
            ring,
            now,
            journal,
        };
        work(at).await.map_err(with_advice)?;
        Ok(ExitCode::SUCCESS)
    })
}

fn show_config(settings: &Settings, json: bool) {
    let rows = settings.show();
    if json {
        let all: serde_json::Map<_, _> = rows
            .into_iter()
            .map(|(path, value, source)| {
                (
                    path,
                    serde_json::json!({ "value": value, "source": source }),
                )
            })
            .collect();
        say!("{}", serde_json::Value::from(all));
        return;
    }
    for (path, value, source) in rows {
        say!("{path:<38} {value:<32} {source}");
    }
}

/// What an input is called in a message.
pub fn input_name(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// Reads a file, or standard input for `-`.
pub fn read_input(path: &Path) -> Result<String> {
    let name = input_name(path);
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin()
            .take(1 << 20)
            .read_to_string(&mut text)
            .with_context(|| format!("{name} cannot be read"))?;
    } else {
        text = std::fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?;
    }
    Ok(text)
}

/// Reads JSON, or says where it breaks off.
pub fn read_json(path: &Path) -> Result<serde_json::Value> {
    let text = read_input(path)?;
    serde_json::from_str(&text)
        .map_err(|error| anyhow::anyhow!("{}: this is no JSON: {error}", input_name(path)))
}
