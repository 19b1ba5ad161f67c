//! The program with a listener of its own, and what is sent to it byte by byte.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::port;

/// A server of the program, with the limits that a test needs.
pub struct Server {
    pub child: Child,
    pub address: SocketAddr,
    pub folder: tempfile::TempDir,
}

impl Server {
    pub fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_with("ulimit -c 0", settings)
    }

    /// With a word to the shell beforehand.
    pub fn start_with(shell: &str, settings: &[(&str, &str)]) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], port::free()));
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                &format!("{shell}; exec \"$0\" serve"),
                env!("CARGO_BIN_EXE_latchkey"),
            ])
            .current_dir(folder.path())
            .env("LATCHKEY_ISSUER", format!("http://{address}"))
            .env("LATCHKEY_LISTEN", address.to_string())
            .envs(settings.iter().copied())
            .stderr(std::fs::File::create(folder.path().join("log")).unwrap())
            .stdout(Stdio::null());
        let server = Self {
            child: command.spawn().unwrap(),
            address,
            folder,
        };
        let started = Instant::now();
        while server
            .get("/readyz", Duration::from_secs(5))
            .is_none_or(|answer| !answer.contains(" 200 "))
        {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "it does not become ready: {}",
                server.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    pub fn log(&self) -> String {
        // Lines leave in batches.
        std::thread::sleep(Duration::from_millis(100));
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    pub fn connect(&self) -> TcpStream {
        TcpStream::connect_timeout(&self.address, Duration::from_secs(5)).unwrap()
    }

    /// A connection that has sent this much, and sends no more.
    pub fn sent(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        stream
    }

    /// The whole answer, if it comes within `patience`.
    pub fn get(&self, path: &str, patience: Duration) -> Option<String> {
        let mut stream = TcpStream::connect_timeout(&self.address, patience).ok()?;
        stream
            .write_all(
                format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").as_bytes(),
            )
            .ok()?;
        let mut answer = String::new();
        stream.set_read_timeout(Some(patience)).ok()?;
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.child.id() as i32).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Resident memory in KiB, and clock ticks of the processor that were used.
    pub fn used(&self) -> (usize, u64) {
        let read =
            |name| std::fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).unwrap();
        let status = read("status");
        let resident = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        let stat = read("stat");
        let ticks = stat
            .rsplit(')')
            .next()
            .unwrap()
            .split_whitespace()
            .skip(11)
            .take(2);
        (
            resident.split_whitespace().nth(1).unwrap().parse().unwrap(),
            ticks.map(|n| n.parse::<u64>().unwrap()).sum(),
        )
    }

    /// A connection from another address of this machine.
    pub fn connect_from(&self, from: [u8; 4]) -> TcpStream {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
        socket.connect(&self.address.into()).unwrap();
        socket.into()
    }

    pub fn assert_healthy(&self) {
        let answer = self
            .get("/healthz", Duration::from_secs(2))
            .unwrap_or_default();
        assert!(
            answer.starts_with("HTTP/1.1 200 "),
            "/healthz: {answer:?}\n{}",
            self.log()
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// What still comes until the server closes, which it must within `patience`.
pub fn until_closed(stream: &mut TcpStream, patience: Duration) -> String {
    stream.set_read_timeout(Some(patience)).unwrap();
    let (started, mut text, mut bytes) = (Instant::now(), String::new(), [0; 4096]);
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return text,
            Ok(n) => text += &String::from_utf8_lossy(&bytes[..n]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return text,
            Err(error) => panic!("still open after {:?}: {error}", started.elapsed()),
        }
        assert!(started.elapsed() < patience, "still open: {text}");
    }
}

/// How many the server has closed, once it has had the time.
pub fn closed(held: &mut [TcpStream]) -> usize {
    std::thread::sleep(Duration::from_millis(700));
    let is_closed = |stream: &mut TcpStream| {
        stream.set_nonblocking(true).unwrap();
        match stream.read(&mut [0; 1]) {
            Ok(n) => n == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    };
    held.iter_mut()
        .filter_map(|stream| is_closed(stream).then_some(()))
        .count()
}

pub const HEAD: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: h\r\nX-Slow: ";

pub const BODY: &[u8] = b"POST /token HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 900\r\n\r\ngrant_type=";

pub const QUICK: [(&str, &str); 3] = [
    ("LATCHKEY_LIMITS__HEAD_TIMEOUT", "1s"),
    ("LATCHKEY_LIMITS__BODY_TIMEOUT", "1s"),
    ("LATCHKEY_LIMITS__IDLE_TIMEOUT", "2s"),
];
