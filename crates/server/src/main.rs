use std::process::ExitCode;

use clap::Parser;
use latchkey_server::{
    cli::{Cli, Command},
    commands, host,
};

/// Gives memory back after a flood of password hashes, and allocates faster than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before the first thread: the umask is the whole process's.
    host::keep_to_ourselves();
    // The allocator asks for 2 MB pages wherever it can, of which a quiet server would fill a small part. Where the
    // kernel knows no such pages there is nothing to refuse.
    #[cfg(target_os = "linux")]
    let _refused = rustix::thread::disable_transparent_huge_pages(true);
    let cli = Cli::parse();
    #[cfg(unix)]
    if matches!(cli.command, Command::Serve | Command::Dev { .. }) {
        tell_openssl();
    }
    match commands::run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("latchkey: {error:#}");
            ExitCode::from(1)
        }
    }
}

/// Starts the program once more, in the same process, with what makes OpenSSL sign faster on this processor: it is read
/// before `main`. Whoever has set the variable is not overruled.
#[cfg(unix)]
fn tell_openssl() {
    use std::os::unix::process::CommandExt;

    let Some((name, value)) = latchkey_jose::openssl_variable() else {
        return;
    };
    let mut arguments = std::env::args_os();
    let (None, Ok(program), Some(called)) = (
        std::env::var_os(name),
        std::env::current_exe(),
        arguments.next(),
    ) else {
        return;
    };
    // Comes back only if it failed; then this process signs as OpenSSL chooses.
    let _failed = std::process::Command::new(program)
        .arg0(called)
        .args(arguments)
        .env(name, value)
        .exec();
}
