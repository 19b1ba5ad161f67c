//! A place of its own for the program: folder, port, settings.

use std::{
    io::Write,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use super::postgres::Scratch;

/// Of alice, and of the app.
pub const PASSWORD: &str = "a password of alice";
pub const SECRET: &str = "0123456789012345678901234567890123";

pub struct Place {
    pub folder: tempfile::TempDir,
    pub port: u16,
    /// Instead of SQLite.
    postgres: Option<Scratch>,
}

impl Place {
    /// With a database and keys.
    pub fn new() -> Self {
        let place = Self::bare();
        place.good(&["migrate"], "");
        place
    }

    /// As [`Place::new`], on PostgreSQL, if there is one to test on.
    pub fn on_postgres() -> Option<Self> {
        let place = Self {
            postgres: Some(Scratch::new()?),
            ..Self::bare()
        };
        place.good(&["migrate"], "");
        Some(place)
    }

    /// With nothing in it.
    pub fn bare() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            port: super::port::free(),
            postgres: None,
        }
    }

    pub fn database_url(&self) -> String {
        match &self.postgres {
            Some(scratch) => scratch.url.clone(),
            None => format!("sqlite://{}/db", self.folder.path().display()),
        }
    }

    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
        let path = self.folder.path();
        // Whatever runs the tests has names of its own; none of them is a setting.
        for (name, _) in std::env::vars() {
            if name.starts_with("LATCHKEY_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .current_dir(path)
            .env("LATCHKEY_ISSUER", self.issuer())
            .env("LATCHKEY_LISTEN", format!("127.0.0.1:{}", self.port))
            .env("LATCHKEY_DATABASE_URL", self.database_url())
            .env("LATCHKEY_KEYS_DIR", path.join("keys"));
        command
    }

    pub fn run(&self, arguments: &[&str], stdin: &str) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(stdin.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    }

    pub fn good(&self, arguments: &[&str], stdin: &str) -> String {
        let out = self.run(arguments, stdin);
        assert!(
            out.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
        String::from_utf8(out.stdout).unwrap()
    }

    pub fn json(&self, arguments: &[&str], stdin: &str) -> Value {
        serde_json::from_str(&self.good(arguments, stdin)).unwrap()
    }

    pub fn add_alice_and_app(&self) {
        self.good(&["user", "create", "alice", "--password-stdin"], PASSWORD);
        let app = json!({
            "client_id": "app", "client_secret": SECRET, "trusted": true, "redirect_uris": ["https://a.example/cb"],
            "grant_types": ["authorization_code", "refresh_token"],
        });
        self.good(&["client", "create", "--from", "-"], &app.to_string());
    }

    pub fn serve(&self) -> Running {
        self.start(self.command(&["serve"]).stderr(Stdio::null()))
    }

    pub fn start(&self, command: &mut Command) -> Running {
        let child = command.spawn().unwrap();
        let running = Running(child);
        for _ in 0..600 {
            if self
                .command(&["healthcheck"])
                .stderr(Stdio::null())
                .status()
                .unwrap()
                .success()
            {
                return running;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it does not become ready");
    }
}

pub struct Running(pub Child);

impl Running {
    /// Ends it as an operator does. Its log is whole then: lines leave in batches.
    pub fn stop(mut self) {
        assert!(
            Command::new("kill")
                .arg(self.0.id().to_string())
                .status()
                .unwrap()
                .success()
        );
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _waited = self.0.wait();
    }
}

/// One clear sentence and exit 1.
pub fn refused(out: &Output, needle: &str) {
    let text = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{text}");
    assert!(
        text.contains(needle) && !text.contains("panicked"),
        "{text}"
    );
}
