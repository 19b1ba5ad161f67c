//! Answers that wait for their reader.

use std::{
    io::Write,
    net::TcpStream,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::server::*;

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
        // Each ends by its own deadline; on a busy machine the last one later than the others.
        let started = Instant::now();
        while deaf.iter_mut().any(is_open) {
            assert!(started.elapsed() < Duration::from_secs(10), "still open");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

fn is_open(stream: &mut TcpStream) -> bool {
    stream.peek(&mut [0]).is_ok()
        && stream.take_error().unwrap().is_none()
        && stream.write(b"x").is_ok()
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
