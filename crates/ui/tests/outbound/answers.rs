//! What a receiver may send, and what is made of it.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use latchkey_protocol::outbound::OutboundError;
use tokio::io::AsyncReadExt;

use crate::{DEADLINE, LONGEST, network, post, receiver::Receiver};

const LOOPBACK: &[&str] = &["127.0.0.0/8"];
/// A byte now and then: many within the deadline.
const DRIP: Duration = Duration::from_millis(40);

#[tokio::test]
async fn a_form_arrives_and_the_answer_comes_back() {
    let receiver = Receiver::saying(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\n{}",
    )
    .await;
    let network = network(LOOPBACK);
    let answer = post(&network, &receiver.url()).await.unwrap();
    assert_eq!(answer.status, 400);
    assert_eq!(answer.content_type.as_deref(), Some("application/json"));
    assert_eq!(answer.body, Ok(b"{}".to_vec()));
    post(&network, &receiver.url()).await.unwrap();
    for heard in receiver.heard() {
        let heard = heard.to_lowercase();
        let host = format!("\r\nhost: 127.0.0.1:{}\r\n", receiver.port);
        assert!(
            heard.starts_with("post /out?a=%20b http/1.1\r\n"),
            "{heard}"
        );
        assert!(heard.contains(&host), "{heard}");
        assert!(heard.contains("\r\ncontent-length: 18\r\n"), "{heard}");
        assert!(heard.ends_with("\r\n\r\nlogout_token=x.y.z"), "{heard}");
        assert!(!heard.contains("cookie"), "{heard}");
    }
    assert_eq!(receiver.connections(), 2, "a connection for each call");
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_given_up_at_the_deadline() {
    let silent = Receiver::start(|stream| async move {
        tokio::time::sleep(DEADLINE * 10).await;
        drop(stream);
    })
    .await;
    let (dripping, _) = Receiver::endless("HTTP/1.1 200 OK\r\nX: ", "x", DRIP).await;
    for receiver in [silent, dripping] {
        let began = Instant::now();
        let answer = post(&network(LOOPBACK), &receiver.url()).await;
        assert_eq!(answer, Err(OutboundError::Late));
        assert!(began.elapsed() < DEADLINE * 3, "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_body_that_drips_is_given_up_and_the_status_stands() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
    let (receiver, _) = Receiver::endless(head, "x", DRIP).await;
    let began = Instant::now();
    let answer = post(&network(LOOPBACK), &receiver.url()).await.unwrap();
    assert_eq!(
        (answer.status, answer.body),
        (200, Err(OutboundError::Late))
    );
    assert!(began.elapsed() < DEADLINE * 3, "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_endless_body_is_cut_while_it_is_read() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let until_closed = "HTTP/1.1 200 OK\r\n\r\n";
    let chunk = [b"2000\r\n".to_vec(), vec![b'x'; 0x2000], b"\r\n".to_vec()].concat();
    for (head, again) in [(chunked, chunk), (until_closed, vec![b'x'; 8192])] {
        let (receiver, said) = Receiver::endless(head, again, Duration::ZERO).await;
        let began = Instant::now();
        let answer = post(&network(LOOPBACK), &receiver.url()).await.unwrap();
        assert_eq!(
            (answer.status, answer.body),
            (200, Err(OutboundError::TooLong))
        );
        assert!(began.elapsed() < DEADLINE, "not by the deadline");
        tokio::time::sleep(DRIP).await;
        // What the kernel's buffers took, and no more.
        let said = said.load(Ordering::SeqCst);
        assert!(said < 64 * 1024 * 1024, "{said}");
    }
}

#[tokio::test]
async fn a_body_of_the_longest_length_is_read_whole() {
    for (length, whole) in [(LONGEST, true), (LONGEST + 1, false)] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        let bytes = [head.into_bytes(), vec![b'x'; length]].concat();
        let chunks = "1\r\nx\r\n".repeat(length);
        let chunked =
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
        for bytes in [bytes, chunked.into_bytes()] {
            let receiver = Receiver::saying(bytes).await;
            let answer = post(&network(LOOPBACK), &receiver.url()).await.unwrap();
            match whole {
                true => assert_eq!(answer.body.unwrap().len(), length),
                false => assert_eq!(answer.body, Err(OutboundError::TooLong)),
            }
        }
    }
}

#[tokio::test]
async fn a_compressed_body_stays_as_it_was_sent() {
    // 10 MB of zeroes, as gzip has them, begin like this.
    let bomb = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &[0xed; 2000]].concat();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        bomb.len()
    );
    let receiver = Receiver::saying([head.into_bytes(), bomb.clone()].concat()).await;
    let answer = post(&network(LOOPBACK), &receiver.url()).await.unwrap();
    assert_eq!(answer.body, Ok(bomb));
}

#[tokio::test]
async fn a_head_without_end_is_no_answer() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: x\r\n".repeat(65));
    let longer = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    for bytes in [
        long,
        longer,
        many,
        "SSH-2.0-OpenSSH_9.2\r\n".into(),
        String::new(),
    ] {
        let receiver = Receiver::saying(bytes).await;
        let answer = post(&network(LOOPBACK), &receiver.url()).await;
        assert_eq!(answer, Err(OutboundError::Garbled));
    }
    let interim = "HTTP/1.1 102 Processing\r\n\r\n".repeat(1000);
    let (receiver, said) = Receiver::endless("", interim, Duration::ZERO).await;
    let began = Instant::now();
    let answer = post(&network(LOOPBACK), &receiver.url()).await;
    assert_eq!(answer, Err(OutboundError::Garbled));
    assert!(began.elapsed() < DEADLINE, "not by the deadline");
    assert!(said.load(Ordering::SeqCst) < 64 * 1024 * 1024);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let inside = Receiver::saying("HTTP/1.1 200 OK\r\n\r\n").await;
    for status in [301, 302, 303, 307, 308] {
        let redirect = format!(
            "HTTP/1.1 {status} Elsewhere\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
            inside.url()
        );
        let receiver = Receiver::saying(redirect).await;
        let answer = post(&network(LOOPBACK), &receiver.url()).await.unwrap();
        assert_eq!(answer.status, status);
    }
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn who_drops_a_call_closes_its_connection() {
    let (closed, mut seen) = tokio::sync::mpsc::channel(1);
    let receiver = Receiver::start(move |mut stream| {
        let closed = closed.clone();
        async move {
            let read = stream.read(&mut [0; 1]).await;
            closed.send(read.unwrap_or_default()).await.unwrap();
        }
    })
    .await;
    let network = network(LOOPBACK);
    let dropped = tokio::time::timeout(DEADLINE / 4, post(&network, &receiver.url())).await;
    assert!(dropped.is_err());
    let end = tokio::time::timeout(DEADLINE, seen.recv()).await;
    assert_eq!(end.unwrap(), Some(0));
}
