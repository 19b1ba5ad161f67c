use std::process::ExitCode;

use clap::Parser;
use latchkey_server::{cli::Cli, commands};

/// Gives memory back after a flood of password hashes, and allocates faster than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
