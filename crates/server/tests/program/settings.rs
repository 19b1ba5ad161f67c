//! Settings that are refused, settings that get a warning, and what is shown of them.

use std::{os::unix::fs::PermissionsExt, process::Command};

use super::{client, reqwest_blocking, support::*, tls::certificate};

fn said(command: &mut Command) -> (bool, String) {
    let out = command.output().unwrap();
    (
        out.status.success(),
        String::from_utf8_lossy(&out.stderr).into_owned(),
    )
}

#[test]
fn a_check_names_the_file_that_it_has_read() {
    let at = Place::new();
    let none = at.good(&["config", "check"], "");
    assert!(none.contains("no settings file was read"), "{none}");
    std::fs::write(at.folder.path().join("latchkey.toml"), "workers = 1\n").unwrap();
    let read = at.good(&["config", "check"], "");
    assert!(
        read.contains("the settings of latchkey.toml are good"),
        "{read}"
    );
}

#[test]
fn an_issuer_that_anybody_can_listen_to_is_refused_unless_a_laboratory_says_so() {
    let at = Place::new();
    let issuer = ("LATCHKEY_ISSUER", "http://id.example.org");
    for command in ["serve", "migrate"] {
        refused(
            &at.command(&[command]).envs([issuer]).output().unwrap(),
            "allow_insecure_issuer = true",
        );
    }
    refused(
        &at.command(&["config", "check"])
            .env("LATCHKEY_ISSUER", "HTTPS://id.example.org")
            .output()
            .unwrap(),
        "https://id.example.org",
    );
    let laboratory = [issuer, ("LATCHKEY_ALLOW_INSECURE_ISSUER", "true")];
    let (good, text) = said(at.command(&["config", "check"]).envs(laboratory));
    assert!(
        good && text.contains("warning: issuer http://id.example.org/ is plain http"),
        "{text}"
    );
    let log = at.folder.path().join("log");
    let mut command = at.command(&["serve"]);
    at.start(
        command
            .envs(laboratory)
            .stderr(std::fs::File::create(&log).unwrap()),
    )
    .stop();
    let log = std::fs::read_to_string(log).unwrap();
    assert!(
        log.contains("WARN") && log.contains("is plain http"),
        "{log}"
    );
}

#[test]
fn a_new_key_is_announced_for_as_long_as_caches_need() {
    let at = Place::new();
    let check = |name: &str, value: &str| {
        at.command(&["config", "check"])
            .env(name, value)
            .output()
            .unwrap()
    };
    refused(&check("LATCHKEY_KEYS__ANNOUNCE", "59s"), "60s at least");
    assert!(check("LATCHKEY_KEYS__ANNOUNCE", "60s").status.success());
    refused(
        &check("LATCHKEY_KEYS__ROTATE_AFTER", "1h"),
        "longer than keys.announce",
    );
    for good in ["0s", "30d"] {
        assert!(
            check("LATCHKEY_KEYS__ROTATE_AFTER", good).status.success(),
            "{good}"
        );
    }
}

#[test]
fn config_check_reads_the_tls_files() {
    let at = Place::new();
    let path = at.folder.path();
    let tls = [
        ("LATCHKEY_TLS__CERTIFICATE", "cert.pem"),
        ("LATCHKEY_TLS__KEY", "key.pem"),
    ];
    let check = || at.command(&["config", "check"]).envs(tls).output().unwrap();
    refused(&check(), "cert.pem cannot be read");
    std::fs::write(path.join("cert.pem"), "nonsense").unwrap();
    refused(&check(), "cert.pem has no certificate in it");
    certificate(path, "one.example");
    let first = std::fs::read(path.join("cert.pem")).unwrap();
    let (good, text) = said(at.command(&["config", "check"]).envs(tls));
    assert!(
        good && text.contains("tls.certificate cert.pem expires in "),
        "{text}"
    );
    certificate(path, "two.example");
    std::fs::write(path.join("cert.pem"), first).unwrap();
    refused(&check(), "do not belong together");
    std::fs::write(path.join("key.pem"), "nonsense").unwrap();
    refused(&check(), "key.pem has no private key in it");

    let expired = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days -1 -subj /CN=x -keyout key.pem -out cert.pem";
    let made = Command::new("bash")
        .args(["-c", expired])
        .current_dir(path)
        .output()
        .unwrap();
    if made.status.success() {
        let (good, text) = said(at.command(&["config", "check"]).envs(tls));
        assert!(good && text.contains("has expired"), "{text}");
    }
}

#[test]
fn secrets_that_others_can_read_get_a_warning_at_each_start_and_in_config_check() {
    let at = Place::new();
    let path = at.folder.path();
    certificate(path, "id.example");
    let tls = [
        ("LATCHKEY_TLS__CERTIFICATE", "cert.pem"),
        ("LATCHKEY_TLS__KEY", "key.pem"),
    ];
    let file = path.join("latchkey.toml");
    std::fs::write(
        &file,
        "database_url = \"postgres://u:hidden@127.0.0.1:1/db\"\n",
    )
    .unwrap();
    let set = |name: &str, mode| {
        std::fs::set_permissions(path.join(name), std::fs::Permissions::from_mode(mode)).unwrap()
    };
    let check = || {
        let (good, text) = said(
            at.command(&["config", "check"])
                .envs(tls)
                .env_remove("LATCHKEY_DATABASE_URL"),
        );
        assert!(good && !text.contains("hidden"), "{text}");
        text
    };
    for (mode, warned) in [(0o600, false), (0o640, false), (0o644, true), (0o660, true)] {
        set("key.pem", mode);
        set("latchkey.toml", mode);
        let text = check();
        assert_eq!(
            text.contains("tls.key key.pem can be read or changed by others"),
            warned,
            "{mode:o}: {text}"
        );
        assert_eq!(
            text.contains("latchkey.toml holds the password of database_url"),
            warned,
            "{mode:o}: {text}"
        );
    }
    std::fs::write(&file, "database_url = \"postgres://u@127.0.0.1:1/db\"\n").unwrap();
    assert!(
        !check().contains("latchkey.toml"),
        "no password, no warning"
    );
    set("key.pem", 0o644);
    let (_, text) = said(
        at.command(&["serve"])
            .envs(tls)
            .env_remove("LATCHKEY_DATABASE_URL"),
    );
    assert!(text.contains("tls.key key.pem can be read"), "{text}");
}

#[test]
fn config_show_hides_every_password() {
    let at = Place::new();
    for url in [
        "postgres://u:hidden@h/db",
        "postgres://h/db?user=u&password=hidden",
        "postgres://u:hidden@h1:1,h2:2/db",
    ] {
        for arguments in [&["config", "show"] as &[_], &["config", "show", "--json"]] {
            let out = at
                .command(arguments)
                .env("LATCHKEY_DATABASE_URL", url)
                .output()
                .unwrap();
            let text = String::from_utf8(out.stdout).unwrap();
            assert!(
                out.status.success() && text.contains("***") && !text.contains("hidden"),
                "{text}"
            );
        }
    }
}

#[test]
fn forwarded_headers_of_a_peer_that_is_not_trusted_are_named_in_the_log_once() {
    let at = Place::new();
    let log = at.folder.path().join("log");
    let server = at.start(
        at.command(&["serve"])
            .stderr(std::fs::File::create(&log).unwrap()),
    );
    reqwest_blocking().0.block_on(async {
        let http = client().build().unwrap();
        for n in 0..20 {
            let request = http
                .get(at.issuer())
                .header("X-Forwarded-For", format!("203.0.113.{n}"));
            assert_eq!(request.send().await.unwrap().status(), 200);
        }
    });
    server.stop();
    let log = std::fs::read_to_string(log).unwrap();
    assert_eq!(log.matches("not among trusted_proxies").count(), 1, "{log}");
    assert!(
        log.contains("127.0.0.1") && !log.contains("203.0.113."),
        "{log}"
    );
}

#[test]
fn debug_has_a_line_for_each_fetch_of_discovery_and_keys() {
    let at = Place::new();
    let log = at.folder.path().join("log");
    let mut command = at.command(&["serve"]);
    command.env("LATCHKEY_LOG__LEVEL", "debug");
    let server = at.start(command.stderr(std::fs::File::create(&log).unwrap()));
    let paths = ["/jwks.json", "/.well-known/openid-configuration"];
    reqwest_blocking().0.block_on(async {
        let http = client().build().unwrap();
        for path in paths {
            let answer = http.get(at.issuer() + path).send().await.unwrap();
            assert_eq!(answer.status(), 200);
        }
    });
    server.stop();
    let log = std::fs::read_to_string(log).unwrap();
    for path in paths {
        let lines = log
            .lines()
            .filter(|l| l.contains("document fetched") && l.contains(path));
        assert_eq!(lines.count(), 1, "{path}: {log}");
    }
}
