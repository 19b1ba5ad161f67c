//! Commands: what they make and do not make, what they say, and what they leave alone.

use std::{
    io::Write,
    process::{Child, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use super::{reqwest_blocking, support::*};

/// A command whose standard input stays open.
struct Waiting(Child);

impl Waiting {
    fn new(at: &Place, arguments: &[&str]) -> Self {
        let mut command = at.command(arguments);
        Self(
            command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap(),
        )
    }

    fn finish(mut self, stdin: &str) -> Output {
        self.0
            .stdin
            .take()
            .unwrap()
            .write_all(stdin.as_bytes())
            .unwrap();
        self.0.wait_with_output().unwrap()
    }
}

pub fn heard(out: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    )
}

#[test]
fn only_serve_dev_and_migrate_make_an_installation() {
    let at = Place::bare();
    let path = at.folder.path().canonicalize().unwrap();
    let nothing = || !path.join("db").exists() && !path.join("keys").exists();
    let no_database = format!("there is no database at {}/db", path.display());
    for arguments in [["user", "list"], ["key", "list"]] {
        refused(&at.run(&arguments, ""), &no_database);
    }
    refused(
        &at.run(&["user", "create", "alice"], ""),
        "latchkey serve or latchkey migrate makes one",
    );
    let check = at.run(&["migrate", "--check"], "");
    assert!(
        check.status.code() == Some(1) && heard(&check).contains("pending"),
        "{}",
        heard(&check)
    );
    assert!(nothing(), "asking makes nothing");
    let empty = std::fs::File::create(path.join("db")).unwrap();
    refused(&at.run(&["client", "list"], ""), "is empty");
    assert_eq!(empty.metadata().unwrap().len(), 0, "not even a table");

    at.good(&["migrate"], "");
    assert!(at.good(&["migrate", "--check"], "").contains("up to date"));
    at.good(&["user", "list"], "");
    let relative = at
        .command(&["user", "list"])
        .env("LATCHKEY_DATABASE_URL", "sqlite://other/db")
        .output()
        .unwrap();
    refused(
        &relative,
        &format!("there is no database at {}/other/db", path.display()),
    );

    std::fs::rename(path.join("keys"), path.join("away")).unwrap();
    refused(
        &at.run(&["user", "list"], ""),
        &format!(
            "there is no master key at {}/keys/master.key",
            path.display()
        ),
    );
    assert!(!path.join("keys").exists(), "no second master key");
    std::fs::rename(path.join("away"), path.join("keys")).unwrap();

    let database = latchkey_storage::Options {
        url: format!("sqlite://{}/db", path.display()),
        pool: 1,
    };
    database
        .script("DELETE FROM __diesel_schema_migrations WHERE version = '00000000000003'")
        .unwrap();
    refused(&at.run(&["user", "list"], ""), "run latchkey migrate");
    let check = at.run(&["migrate", "--check"], "");
    assert!(
        check.status.code() == Some(1) && heard(&check).contains("pending: 00000000000003"),
        "{}",
        heard(&check)
    );
}

/// The three commands of the README, one after the other.
#[test]
fn commands_wait_for_a_server_that_is_starting() {
    let at = Place::bare();
    let _server = Running(
        at.command(&["serve"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    at.good(
        &[
            "user",
            "create",
            "alice",
            "--email",
            "alice@example.org",
            "--password-stdin",
        ],
        PASSWORD,
    );
    let metadata =
        json!({ "client_name": "My app", "redirect_uris": ["http://localhost:3000/callback"] });
    assert!(
        at.json(&["client", "create", "--from", "-"], &metadata.to_string())["client_secret"]
            .is_string()
    );
}

/// What was true when the command began is not written back when it ends.
#[test]
fn a_command_that_waits_for_its_input_undoes_nothing() {
    let at = Place::new();
    at.add_alice_and_app();
    let waiting = Waiting::new(&at, &["user", "set-password", "alice", "--password-stdin"]);
    let updating = Waiting::new(&at, &["client", "update", "app", "--from", "-"]);
    std::thread::sleep(Duration::from_millis(700));
    at.good(&["user", "disable", "alice"], "");
    at.good(&["user", "update", "alice", "--role", "editor"], "");
    let secret = at.json(&["client", "rotate-secret", "app"], "")["client_secret"].clone();
    assert!(waiting.finish("another password").status.success());
    let alice = at.json(&["user", "show", "alice", "--json"], "");
    assert_eq!(
        (&alice["disabled"], &alice["roles"]),
        (&json!(true), &json!(["editor"]))
    );
    assert!(
        updating
            .finish(r#"{"client_name":"New name"}"#)
            .status
            .success()
    );
    at.good(
        &["client", "update", "app", "--from", "-"],
        r#"{"grant_types":["client_credentials"]}"#,
    );
    let _server = at.serve();
    let (status, answer) = reqwest_blocking().post(&at, "app", secret.as_str().unwrap());
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_fault() {
    let at = Place::new();
    at.add_alice_and_app();
    for arguments in [
        &["client", "list"][..],
        &["user", "show", "alice"],
        &["config", "reference"],
    ] {
        let mut child = at
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let out = child.wait_with_output().unwrap();
        assert!(
            out.status.success() && out.stderr.is_empty(),
            "{arguments:?}: {}",
            heard(&out)
        );
    }
}

#[test]
fn client_metadata_is_named_where_it_is_wrong_and_merged_where_it_changes() {
    let at = Place::new();
    let file = at.folder.path().join("app.json");
    let create = |metadata: Value| {
        std::fs::write(&file, metadata.to_string()).unwrap();
        at.run(&["client", "create", "--from", "app.json"], "")
    };
    let redirects = json!(["https://a.example/cb"]);
    refused(
        &create(json!({ "redirect_uri": redirects })),
        "app.json: there is no client metadata redirect_uri; did you mean redirect_uris?",
    );
    refused(
        &create(json!({ "redirect_uris": redirects, "grant_type": ["refresh_token"] })),
        "did you mean grant_types?",
    );
    refused(
        &create(json!({ "redirect_uris": "https://a.example/cb" })),
        "app.json is refused",
    );
    refused(
        &create(json!({ "redirect_uris": "https://a.example/cb" })),
        "redirect_uris: invalid type: string",
    );
    refused(
        &create(json!({ "redirect_uris": redirects, "default_max_age": "1" })),
        "default_max_age: invalid type",
    );
    let out = create(json!({ "redirect_uris": ["http://a.example/"], "logo_uri": "x" }));
    refused(&out, "redirect_uris has");
    refused(&out, "logo_uri must be");
    assert_eq!(at.json(&["client", "list", "--json"], ""), json!([]));

    let out = create(
        json!({ "client_id": "app", "redirect_uris": redirects, "client_name": "App",
        "client_name#ko": "앱", "contacts": ["a@example.org"], "software_id": "x", "trusted": true }),
    );
    assert!(out.status.success(), "{}", heard(&out));
    assert!(
        heard(&out).contains("app.json: software_id is not known here and ignored"),
        "{}",
        heard(&out)
    );
    let change = r#"{"client_name":"New name","contacts":null,"client_id":"app"}"#;
    let changed = at.json(&["client", "update", "app", "--from", "-"], change);
    assert_eq!(
        (&changed["client_name"], &changed["trusted"]),
        (&json!("New name"), &json!(true))
    );
    assert_eq!(
        (&changed["redirect_uris"], changed.get("contacts")),
        (&redirects, None)
    );
    assert!(changed.get("client_secret").is_none(), "the secret stays");
    let update = |change: &str| at.run(&["client", "update", "app", "--from", "-"], change);
    refused(
        &update(r#"{"redirect_uri":["https://b.example/"]}"#),
        "standard input: there is no client metadata",
    );
    refused(
        &update(r#"{"redirect_uris":[]}"#),
        "redirect_uris is needed",
    );
    refused(&update(r#"{"client_id":"other"}"#), "an id cannot change");
    // What was printed can be sent back.
    let shown = at.good(&["client", "show", "app", "--json"], "");
    assert_eq!(
        at.json(&["client", "update", "app", "--from", "-"], &shown),
        serde_json::from_str::<Value>(&shown).unwrap()
    );
}

#[test]
fn a_host_name_is_listened_on_and_asked() {
    let at = Place::new();
    let listen = format!("localhost:{}", at.port);
    let elsewhere = "https://id.example.org/base";
    let named = |arguments: &[&str]| {
        let mut command = at.command(arguments);
        command
            .env("LATCHKEY_LISTEN", &listen)
            .env("LATCHKEY_ISSUER", elsewhere)
            .stderr(Stdio::null());
        command
    };
    let health = |listen: &str| {
        named(&["healthcheck"])
            .env("LATCHKEY_LISTEN", listen)
            .status()
            .unwrap()
            .code()
    };
    assert_eq!(health(&listen), Some(1));
    let _server = Running(named(&["serve"]).spawn().unwrap());
    let ready = (0..300).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        health(&listen) == Some(0)
    });
    assert!(
        ready,
        "it is asked where it listens, whatever the public address"
    );
    assert_eq!(
        health(&format!("127.0.0.2:{}", at.port)),
        Some(1),
        "not at another address"
    );
    refused(
        &at.command(&["config", "check"])
            .env("LATCHKEY_LISTEN", "nowhere")
            .output()
            .unwrap(),
        "localhost:8080",
    );
}
