//! What strangers can do with sockets alone: drip, hold, flood, send garbage. All in real time, all bounded.
#![allow(clippy::unwrap_used)]

#[path = "../program/port.rs"]
mod port;
mod server;
mod unread;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use server::*;

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
