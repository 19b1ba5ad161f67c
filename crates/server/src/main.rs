use std::process::ExitCode;

use clap::Parser;
use latchkey_server::{cli::Cli, commands};

/// Gives memory back after a flood of password hashes, and allocates faster than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The allocator asks for 2 MB pages wherever it can, of which a quiet server would fill a small part. Where the
    // kernel knows no such pages there is nothing to refuse.
    #[cfg(target_os = "linux")]
    let _refused = rustix::thread::disable_transparent_huge_pages(true);
    let cli = Cli::parse();
    match commands::run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("latchkey: {error:#}");
            ExitCode::from(1)
        }
    }
}
