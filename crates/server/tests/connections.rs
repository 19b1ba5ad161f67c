//! What strangers can do with sockets alone: drip, hold, flood, send garbage. All in real time, all bounded.
#![allow(clippy::unwrap_used)]

#[path = "program/port.rs"]
mod port;

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A server of the program, with the limits that a test needs.
struct Server {
    child: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Server {
    fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_with("ulimit -c 0", settings)
    }

    /// With a word to the shell beforehand.
    fn start_with(shell: &str, settings: &[(&str, &str)]) -> Self {
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

    fn log(&self) -> String {
        // Lines leave in batches.
        std::thread::sleep(Duration::from_millis(100));
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect_timeout(&self.address, Duration::from_secs(5)).unwrap()
    }

    /// A connection that has sent this much, and sends no more.
    fn sent(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        stream
    }

    /// The whole answer, if it comes within `patience`.
    fn get(&self, path: &str, patience: Duration) -> Option<String> {
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

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.child.id() as i32).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Resident memory in KiB, and clock ticks of the processor that were used.
    fn used(&self) -> (usize, u64) {
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
    fn connect_from(&self, from: [u8; 4]) -> TcpStream {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
        socket.connect(&self.address.into()).unwrap();
        socket.into()
    }

    fn assert_healthy(&self) {
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
fn until_closed(stream: &mut TcpStream, patience: Duration) -> String {
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
fn closed(held: &mut [TcpStream]) -> usize {
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

const HEAD: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: h\r\nX-Slow: ";
const BODY: &[u8] = b"POST /token HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 900\r\n\r\ngrant_type=";
const QUICK: [(&str, &str); 3] = [
    ("LATCHKEY_LIMITS__HEAD_TIMEOUT", "1s"),
    ("LATCHKEY_LIMITS__BODY_TIMEOUT", "1s"),
    ("LATCHKEY_LIMITS__IDLE_TIMEOUT", "2s"),
];

#[test]
fn dripping_connections_are_ended_and_healthz_answers_beside_them() {
    // Fewer descriptors than connections, unless the program asks for more.
    let server = Server::start_with("ulimit -S -n 100", &QUICK);
    let mut slow: Vec<_> = (0..300)
        .map(|n| server.sent(if n % 2 == 0 { HEAD } else { BODY }))
        .collect();
    server.assert_healthy();
    // They send on, a byte at a time, which buys them nothing.
    for _ in 0..4 {
        std::thread::sleep(Duration::from_millis(300));
        for stream in &mut slow {
            let _closed = stream.write_all(b"x");
        }
        server.assert_healthy();
    }
    for stream in &mut slow {
        until_closed(stream, Duration::from_secs(3));
    }
    assert!(!server.log().contains("ERROR"), "{}", server.log());
}

#[test]
fn a_head_that_drips_after_a_whole_request_is_ended_too() {
    let server = Server::start(&QUICK);
    let mut stream = server.sent(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
    stream.write_all(HEAD).unwrap();
    for _ in 0..12 {
        std::thread::sleep(Duration::from_millis(200));
        let _closed = stream.write_all(b"x");
    }
    until_closed(&mut stream, Duration::from_secs(1));
}

#[test]
fn an_unused_connection_is_closed_after_its_time_and_a_used_one_is_not() {
    let server = Server::start(&QUICK);
    let (mut never, mut once) = (
        server.connect(),
        server.sent(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"),
    );
    let mut used = server.connect();
    for _ in 0..4 {
        used.write_all(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
            .unwrap();
        std::thread::sleep(Duration::from_millis(700));
        let read = used.read(&mut [0; 4096]).unwrap();
        assert!(read > 0, "closed while it was used");
    }
    until_closed(&mut never, Duration::from_secs(2));
    until_closed(&mut once, Duration::from_secs(2));
}

#[test]
fn one_address_holds_no_more_connections_than_its_share_unless_it_is_a_trusted_proxy() {
    let few = ("LATCHKEY_LIMITS__CONNECTIONS_PER_ADDRESS", "20");
    let server = Server::start(&[few]);
    let mut held: Vec<_> = (0..30).map(|_| server.connect()).collect();
    assert_eq!(closed(&mut held), 10);
    drop(held);
    std::thread::sleep(Duration::from_millis(300));
    server.assert_healthy();
    let said = || {
        server
            .log()
            .lines()
            .filter(|line| line.contains("connections are refused"))
            .count()
    };
    for _ in 0..100 {
        if said() > 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(said(), 1, "one line for a flood: {}", server.log());

    let server = Server::start(&[few, ("LATCHKEY_TRUSTED_PROXIES", "127.0.0.1/32")]);
    let _held: Vec<_> = (0..60).map(|_| server.connect()).collect();
    server.assert_healthy();
}

#[test]
fn when_all_connections_are_taken_whoever_holds_the_most_makes_room_for_a_newcomer() {
    let server = Server::start(&[("LATCHKEY_LIMITS__CONNECTIONS", "40")]);
    let mut held: Vec<_> = (0..45).map(|_| server.connect()).collect();
    assert_eq!(closed(&mut held), 5);
    let mut newcomer = server.connect_from([127, 0, 0, 2]);
    newcomer
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        .unwrap();
    let answer = until_closed(&mut newcomer, Duration::from_secs(5));
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
    assert_eq!(closed(&mut held), 6, "one more");
}

#[test]
fn connections_that_come_at_once_wait_in_the_kernel_and_not_for_a_retry() {
    let server = Server::start(&[]);
    let most: usize = std::fs::read_to_string("/proc/sys/net/core/somaxconn")
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    // Nobody accepts for a while.
    server.signal(rustix::process::Signal::STOP);
    let held: Vec<_> = (0..most.min(800))
        .map(|_| TcpStream::connect_timeout(&server.address, Duration::from_millis(800)).map(drop))
        .take_while(Result::is_ok)
        .collect();
    server.signal(rustix::process::Signal::CONT);
    assert_eq!(held.len(), most.min(800));
}

#[test]
fn garbage_on_a_socket_is_answered_or_closed_and_is_no_error_line() {
    let server = Server::start(&QUICK);
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS ClientHello on a plain port \xc0\x2b\x00\x00";
    let binary: Vec<u8> = (0u8..=255).rev().cycle().take(5000).collect();
    let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(200_000));
    for garbage in [
        hello.as_slice(),
        &binary,
        b"\r\n\r\n\r\n\0\0\0\0",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        long.as_bytes(),
    ] {
        let mut stream = server.connect();
        let _reset = stream.write_all(garbage);
        let answer = until_closed(&mut stream, Duration::from_secs(4));
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer}"
        );
    }
    // Gone in the middle of a body, and of an answer.
    drop(server.sent(BODY));
    drop(server.sent(
        b"GET /jwks.json HTTP/1.1\r\nHost: h\r\n\r\nGET /jwks.json HTTP/1.1\r\nHost: h\r\n\r\n",
    ));
    std::thread::sleep(Duration::from_millis(200));
    server.assert_healthy();
    let log = server.log();
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
}

#[test]
fn a_handshake_that_never_comes_is_not_waited_for_and_garbage_on_tls_is_no_error_line() {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        ])
        .current_dir(folder.path())
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let address = SocketAddr::from(([127, 0, 0, 1], port::free()));
    let mut child = Command::new(env!("CARGO_BIN_EXE_latchkey"))
        .arg("serve")
        .current_dir(folder.path())
        .env(
            "LATCHKEY_ISSUER",
            format!("https://localhost:{}", address.port()),
        )
        .env("LATCHKEY_LISTEN", address.to_string())
        .env("LATCHKEY_TLS__CERTIFICATE", file("cert.pem"))
        .env("LATCHKEY_TLS__KEY", file("key.pem"))
        .stderr(std::fs::File::create(file("log")).unwrap())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let mut silent = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(error) => assert!(started.elapsed() < Duration::from_secs(60), "{error}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let mut plain = TcpStream::connect(address).unwrap();
    plain
        .write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        .unwrap();
    until_closed(&mut plain, Duration::from_secs(10));
    until_closed(&mut silent, Duration::from_secs(12));
    std::thread::sleep(Duration::from_millis(100));
    let _ended = child.kill();
    let _waited = child.wait();
    let log = std::fs::read_to_string(file("log")).unwrap();
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
}

#[test]
fn answers_that_nobody_reads_take_little_memory_and_no_processor_and_end() {
    let server = Server::start(&QUICK);
    // Small ones first, which leave little in the kernel and much here.
    for request in [
        "GET /.well-known/openid-configuration HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:h\r\n\r\n",
    ] {
        let (before, _) = server.used();
        let requests = request.repeat(200_000);
        let mut deaf: Vec<_> = (0..20)
            .map(|_| {
                let socket =
                    socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)
                        .unwrap();
                socket.set_recv_buffer_size(4096).unwrap();
                socket.connect(&server.address.into()).unwrap();
                let mut stream = TcpStream::from(socket);
                stream.set_nonblocking(true).unwrap();
                let _full = stream.write_all(requests.as_bytes());
                stream
            })
            .collect();
        // Until the kernel takes no more of the answers.
        let (started, mut used) = (Instant::now(), server.used());
        let resident = loop {
            std::thread::sleep(Duration::from_millis(300));
            let now = server.used();
            if now.1 - used.1 <= 3 {
                break now.0;
            }
            assert!(
                started.elapsed() < Duration::from_secs(8),
                "{} ticks of 30",
                now.1 - used.1
            );
            used = now;
        };
        assert!(
            resident.saturating_sub(before) < 20 * 1024,
            "{before} to {resident} KiB"
        );
        server.assert_healthy();
        std::thread::sleep(Duration::from_millis(2500));
        let open = deaf.iter_mut().filter(|stream| {
            stream.peek(&mut [0]).is_ok() && stream.take_error().unwrap().is_none()
        });
        assert_eq!(
            open.filter_map(|stream| stream.write(b"x").ok()).count(),
            0,
            "still open"
        );
    }
}

#[test]
fn whoever_reads_slowly_gets_every_pipelined_answer() {
    let server = Server::start(&[]);
    let mut stream = server.connect();
    let sending = stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        let mut sending = sending;
        let requests =
            "GET /.well-known/openid-configuration HTTP/1.1\r\nHost: h\r\n\r\n".repeat(3000);
        sending.write_all(requests.as_bytes()).unwrap();
        sending.shutdown(std::net::Shutdown::Write).unwrap();
    });
    std::thread::sleep(Duration::from_millis(500));
    let answers = until_closed(&mut stream, Duration::from_secs(30));
    sender.join().unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 3000);
}

#[test]
fn who_closes_its_own_side_after_the_request_is_answered() {
    let server = Server::start(&[]);
    let mut create = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    create
        .args(["client", "create", "--from", "-"])
        .current_dir(server.folder.path());
    create
        .env("LATCHKEY_ISSUER", format!("http://{}", server.address))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut create = create.spawn().unwrap();
    let metadata =
        br#"{"client_id":"app","client_name":"App","grant_types":["client_credentials"]}"#;
    create.stdin.take().unwrap().write_all(metadata).unwrap();
    let created = create.wait_with_output().unwrap().stdout;
    let created: serde_json::Value = serde_json::from_slice(&created).unwrap();
    let secret = created["client_secret"].as_str().unwrap();
    let body = format!("grant_type=client_credentials&client_id=app&client_secret={secret}");
    // Signing takes a moment, so that the end is there before the answer.
    let token = format!(
        "POST /token HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let twice = token.repeat(2);
    let ready = b"GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n".as_slice();
    for (request, answers) in [(ready, 1), (token.as_bytes(), 1), (twice.as_bytes(), 2)] {
        for together in [true, false] {
            let mut stream = server.connect();
            if together {
                server.signal(rustix::process::Signal::STOP);
            }
            stream.write_all(request).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            server.signal(rustix::process::Signal::CONT);
            let answer = until_closed(&mut stream, Duration::from_secs(5));
            assert_eq!(
                answer.matches("HTTP/1.1 200 ").count(),
                answers,
                "{answer:?}"
            );
        }
    }
    // What is no whole request has no answer to wait for.
    let mut stream = server.sent(BODY);
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    until_closed(&mut stream, Duration::from_secs(2));
}

#[test]
fn many_addresses_with_one_quiet_connection_each_shut_nobody_out() {
    let server = Server::start(&[("LATCHKEY_LIMITS__CONNECTIONS", "40")]);
    let mut held: Vec<_> = (1..=60)
        .map(|n| server.connect_from([127, 1, n, 1]))
        .collect();
    // Each newcomer has a place, and one that is there already another once the others have been quiet for a while.
    assert_eq!(closed(&mut held), 20);
    server.assert_healthy();
    std::thread::sleep(Duration::from_millis(2100));
    let mut more: Vec<_> = (0..8)
        .map(|_| server.connect_from([127, 0, 0, 1]))
        .collect();
    assert_eq!(closed(&mut more), 0);
    server.assert_healthy();
}
