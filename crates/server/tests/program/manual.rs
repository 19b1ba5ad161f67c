//! Completions and manual pages come from the commands themselves.

use super::support::*;

#[test]
fn shells_complete_every_noun() {
    let at = Place::bare();
    for shell in ["bash", "zsh", "fish"] {
        let script = at.good(&["completions", shell], "");
        for noun in [
            "serve",
            "user",
            "client",
            "rotate-secret",
            "--password-stdin",
        ] {
            assert!(
                script.contains(noun.trim_start_matches('-')),
                "{shell}: {noun}"
            );
        }
    }
    assert_eq!(at.run(&["completions", "dos"], "").status.code(), Some(2));
    let parsed = std::process::Command::new("bash")
        .args(["-n", "/dev/stdin"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .and_then(|mut bash| {
            use std::io::Write;
            let script = at.good(&["completions", "bash"], "");
            bash.stdin.take().unwrap().write_all(script.as_bytes())?;
            bash.wait()
        });
    assert!(parsed.unwrap().success(), "bash takes its script");
}

#[test]
fn each_command_has_a_manual_page() {
    let at = Place::bare();
    let folder = at.folder.path().join("man1");
    let name = folder.to_str().unwrap().to_owned();
    refused(
        &at.run(&["man", &name], ""),
        "manual pages cannot be written to",
    );
    std::fs::create_dir(&folder).unwrap();
    at.good(&["man", &name], "");
    for page in ["latchkey", "latchkey-serve", "latchkey-user-set-password"] {
        let text = std::fs::read_to_string(folder.join(format!("{page}.1"))).unwrap();
        assert!(text.contains(".SH SYNOPSIS"), "{page}");
    }
    let create = std::fs::read_to_string(folder.join("latchkey-client-create.1")).unwrap();
    assert!(create.contains("RFC 7591"), "its help and its example");
}
