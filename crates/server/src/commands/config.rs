//! `latchkey config`.

use std::process::ExitCode;

use anyhow::{Result, bail};
use latchkey_protocol::{client_reference, reason};
use serde_json::{Map, Value, json};

use super::print::say;
use crate::{
    cli::ConfigCommand,
    config::{self, Settings},
};

pub fn run(
    command: ConfigCommand,
    settings: impl FnOnce() -> Result<Settings>,
) -> Result<ExitCode> {
    match command {
        ConfigCommand::Reference { errors, clients } => reference(errors, clients),
        ConfigCommand::Check => check(&settings()?)?,
        ConfigCommand::Show { json } => show(&settings()?, json),
    }
    Ok(ExitCode::SUCCESS)
}

fn reference(errors: bool, clients: bool) {
    let reference = match (errors, clients) {
        (true, _) => reason::reference(),
        (_, true) => client_reference::reference(),
        _ => config::reference(),
    };
    say!("{}", reference.trim_end());
}

fn check(settings: &Settings) -> Result<()> {
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
    match settings.file() {
        Some(file) => say!("the settings of {} are good", file.display()),
        None => say!(
            "the settings are good: no settings file was read, only defaults and the environment"
        ),
    }
    Ok(())
}

fn show(settings: &Settings, json: bool) {
    let rows = settings.show();
    if json {
        let row = |(path, value, source)| (path, json!({ "value": value, "source": source }));
        let all: Map<_, _> = rows.into_iter().map(row).collect();
        say!("{}", Value::from(all));
        return;
    }
    for (path, value, source) in rows {
        say!("{path:<38} {value:<32} {source}");
    }
}
