//! A Redis of the test's own, ended with this value.

use std::{
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

pub struct Redis {
    pub url: String,
    server: Child,
}

impl Redis {
    /// None where it is not installed, said aloud; where it is required, as in CI, that is a failure.
    pub fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let begun = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn();
        let Ok(server) = begun else {
            let required = std::env::var_os("LATCHKEY_REQUIRE_POSTGRES").is_some();
            assert!(!required, "there is no redis-server");
            eprintln!("SKIPPED: no redis-server (Debian: redis-server)");
            return None;
        };
        let redis = Self {
            url: format!("redis://127.0.0.1:{port}/"),
            server,
        };
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(redis);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("redis-server does not answer");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ended = self.server.kill();
        let _waited = self.server.wait();
    }
}
