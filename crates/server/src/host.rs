//! What the program asks of the host it runs on.

/// Files and folders that we make are for this user alone, whatever the caller's umask; and memory, which holds private
/// keys and passwords, goes into no core dump. Called before there are threads.
pub fn keep_to_ourselves() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit, umask};

        umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
        let none = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        // Lowering a limit is always allowed.
        let _lowered = setrlimit(Resource::Core, none);
    }
    // The limit does not hold where the kernel hands dumps to a program (core_pattern with a pipe); this does. It also
    // keeps other processes of this user from reading our memory.
    #[cfg(target_os = "linux")]
    let _undumpable =
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
