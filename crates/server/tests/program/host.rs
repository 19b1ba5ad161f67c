//! What the program leaves on the host: modes of files, core dumps.

use std::{
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::Path,
    process::{Command, Stdio},
};

use super::support::*;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path)
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        .permissions()
        .mode()
        & 0o777
}

/// The program, started by a shell that says something first.
fn after(at: &Place, said: &str, arguments: &[&str]) -> Command {
    let program = at.command(arguments);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("{said}; exec \"$0\" \"$@\"")])
        .arg(program.get_program())
        .args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.current_dir(at.folder.path()).stderr(Stdio::null());
    shell
}

#[test]
fn files_are_for_this_user_alone_whatever_the_umask() {
    let at = Place::new();
    let folder = at.folder.path().join("data/deep");
    let database = folder.join("db");
    let url = format!("sqlite://{}", database.display());
    let beside = |suffix: &str| folder.join(format!("db{suffix}"));
    let mut command = after(&at, "umask 000", &["serve"]);
    let running = at.start(
        command
            .env("LATCHKEY_DATABASE_URL", &url)
            .env("LATCHKEY_KEYS_DIR", folder.join("keys")),
    );
    for suffix in ["", "-wal", "-shm"] {
        assert_eq!(mode(&beside(suffix)), 0o600, "db{suffix}");
    }
    for made in ["data", "data/deep", "data/deep/keys"] {
        assert_eq!(mode(&at.folder.path().join(made)), 0o700, "{made}");
    }
    assert_eq!(mode(&folder.join("keys/master.key")), 0o600);
    drop(running);

    // Files that an earlier version, or a copy, left open to others.
    let open = std::fs::Permissions::from_mode(0o644);
    for suffix in ["", "-wal", "-shm"] {
        std::fs::set_permissions(beside(suffix), open.clone()).unwrap();
    }
    let mut command = after(&at, "umask 000", &["serve"]);
    let _running = at.start(
        command
            .env("LATCHKEY_DATABASE_URL", &url)
            .env("LATCHKEY_KEYS_DIR", folder.join("keys")),
    );
    for suffix in ["", "-wal", "-shm"] {
        assert_eq!(mode(&beside(suffix)), 0o600, "db{suffix}");
    }
}

#[test]
fn memory_goes_into_no_core_dump() {
    let at = Place::new();
    let mut running = at.start(&mut after(&at, "ulimit -c unlimited", &["serve"]));
    let id = running.0.id().to_string();
    let limits = std::fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
    let core = limits
        .lines()
        .find(|l| l.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(
        core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(),
        ["0", "0"],
        "{core}"
    );
    Command::new("kill").args(["-ABRT", &id]).status().unwrap();
    let ended = running.0.wait().unwrap();
    assert!(
        ended.signal().is_some() && !ended.core_dumped(),
        "{ended:?}"
    );
}
