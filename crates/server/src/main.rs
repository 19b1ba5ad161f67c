use std::process::ExitCode;

use clap::Parser;
use latchkey_server::{cli::Cli, commands};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match commands::run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("latchkey: {error:#}");
            ExitCode::from(1)
        }
    }
}
