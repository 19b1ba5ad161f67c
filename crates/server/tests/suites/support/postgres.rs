//! The PostgreSQL to test on.

use std::{
    io::Write,
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
};

/// Its address. Without one its half of the tests is skipped, aloud; where it is required, as in CI, that is a failure.
pub fn postgres() -> Option<String> {
    static SAID: std::sync::Once = std::sync::Once::new();
    let named = std::env::var("LATCHKEY_TEST_POSTGRES").ok();
    if named.is_none() {
        let required = std::env::var_os("LATCHKEY_REQUIRE_POSTGRES").is_some();
        assert!(!required, "LATCHKEY_TEST_POSTGRES names no server");
        // Past the capture of the test harness.
        let say =
            b"SKIPPED: no PostgreSQL; LATCHKEY_TEST_POSTGRES names none (see CONTRIBUTING.md)\n";
        SAID.call_once(|| std::io::stderr().write_all(say).unwrap());
    }
    named
}

/// An empty database, dropped with this value.
pub struct Scratch {
    pub url: String,
    name: String,
}

impl Scratch {
    /// On the PostgreSQL to test on, if there is one.
    pub fn new() -> Option<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let server = postgres()?;
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("lk_{}_{count}", std::process::id());
        let made = Command::new("createdb")
            .args(["--maintenance-db", &server, &name])
            .status()
            .unwrap();
        assert!(made.success(), "createdb {name}");
        let mut url = url::Url::parse(&server).unwrap();
        url.set_path(&name);
        let url = url.to_string();
        Some(Self { url, name })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let Some(server) = postgres() else { return };
        let _gone = Command::new("dropdb")
            .args([
                "--if-exists",
                "--force",
                "--maintenance-db",
                &server,
                &self.name,
            ])
            .status();
    }
}
