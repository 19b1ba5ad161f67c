//! TLS, and a new certificate without a restart.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use super::support::*;

#[test]
fn tls_serves_and_takes_a_new_certificate_without_a_restart() {
    let at = Place::new();
    let path = at.folder.path().to_owned();
    certificate(&path, "first.example");
    let child = at
        .command(&["serve"])
        .env("LATCHKEY_TLS__CERTIFICATE", path.join("cert.pem"))
        .env("LATCHKEY_TLS__KEY", path.join("key.pem"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _running = Running(child);
    let subject = || {
        let script = format!(
            "openssl s_client -connect 127.0.0.1:{} </dev/null 2>/dev/null | openssl x509 -noout -subject",
            at.port
        );
        String::from_utf8(
            Command::new("bash")
                .args(["-c", &script])
                .output()
                .unwrap()
                .stdout,
        )
        .unwrap()
    };
    let until = |name: &str| {
        (0..300).any(|_| {
            subject().contains(name) || {
                std::thread::sleep(Duration::from_millis(50));
                false
            }
        })
    };
    assert!(until("first.example"));
    certificate(&path, "second.example");
    assert!(until("second.example"));
    for (flag, works) in [("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)] {
        let script = format!(
            "openssl s_client {flag} -connect 127.0.0.1:{} </dev/null",
            at.port
        );
        assert_eq!(
            Command::new("bash")
                .args(["-c", &script])
                .output()
                .unwrap()
                .status
                .success(),
            works,
            "{flag}"
        );
    }
}

pub fn certificate(folder: &Path, name: &str) {
    let script = format!(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} -keyout key.tmp -out cert.tmp && mv key.tmp key.pem && mv cert.tmp cert.pem"
    );
    assert!(
        Command::new("bash")
            .args(["-c", &script])
            .current_dir(folder)
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
    );
}
