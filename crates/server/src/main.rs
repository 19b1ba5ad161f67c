//! The program `latchkey`: what holds for the whole process, then the command.

use std::process::ExitCode;

/// Gives memory back after a flood of password hashes, and allocates faster than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before the first thread: the umask is the whole process's.
    latchkey_server::keep_to_ourselves();
    // The allocator asks for 2 MB pages wherever it can, of which a quiet server would fill a small part. Where the
    // kernel knows no such pages there is nothing to refuse.
    #[cfg(target_os = "linux")]
    let _refused = rustix::thread::disable_transparent_huge_pages(true);
    match latchkey_server::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("latchkey: {error:#}");
            ExitCode::from(1)
        }
    }
}
