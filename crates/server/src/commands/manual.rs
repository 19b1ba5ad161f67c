//! What shells and `man` know of the commands, made from their definitions.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;

use super::print::say;
use crate::cli::Cli;

/// Prints the completion script of a shell.
pub fn completions(shell: Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "latchkey", &mut script);
    say!("{}", String::from_utf8_lossy(&script).trim_end());
}

/// Writes `latchkey.1`, `latchkey-user-create.1` and the rest into a folder.
pub fn pages(folder: &Path) -> Result<ExitCode> {
    clap_mangen::generate_to(Cli::command(), folder)
        .with_context(|| format!("manual pages cannot be written to {}", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}
