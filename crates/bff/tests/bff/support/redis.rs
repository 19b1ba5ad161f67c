//! A Redis of the test's own, ended with this value; in between it is taken away as the test wants it.

use std::{
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

pub struct Redis {
    pub url: String,
    port: u16,
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
        let Some(server) = begun(port) else {
            let required = std::env::var_os("LATCHKEY_REQUIRE_POSTGRES").is_some();
            assert!(!required, "there is no redis-server");
            eprintln!("SKIPPED: no redis-server (Debian: redis-server)");
            return None;
        };
        let url = format!("redis://127.0.0.1:{port}/");
        let redis = Self { url, port, server };
        redis.wait();
        Some(redis)
    }

    fn wait(&self) {
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("redis-server does not answer");
    }

    pub fn kill(&mut self) {
        let _ended = self.server.kill();
        let _waited = self.server.wait();
    }

    /// At the same address, with nothing in it.
    pub fn start_again(&mut self) {
        self.server = begun(self.port).unwrap();
        self.wait();
    }

    /// `STOP`: it takes connections and answers nothing. `CONT`: it goes on.
    pub fn signal(&self, name: &str) {
        let (signal, id) = (format!("-{name}"), self.server.id().to_string());
        let sent = Command::new("kill").args([signal, id]).status();
        assert!(sent.unwrap().success());
    }

    /// What Redis answers to a command.
    pub fn ask<T: ::redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let client = ::redis::Client::open(&*self.url).unwrap();
        let mut connection = client.get_connection().unwrap();
        let mut command = ::redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(word);
        }
        command.query(&mut connection).unwrap()
    }
}

fn begun(port: u16) -> Option<Child> {
    let begun = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no"])
        .stdout(Stdio::null())
        .spawn();
    begun.ok()
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
