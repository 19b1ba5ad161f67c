//! Where calls do not go, however it is written or resolved.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use latchkey_protocol::outbound::OutboundError;
use latchkey_ui::outbound::Resolve;

use crate::{network, post, receiver::Receiver, resolving};

/// Gives these answers, one after the other, and counts what is left.
struct Scripted(Mutex<Vec<Vec<&'static str>>>);

impl Scripted {
    fn new(answers: &[&[&'static str]]) -> Arc<Self> {
        let answers = answers.iter().rev().map(|all| all.to_vec()).collect();
        Arc::new(Self(Mutex::new(answers)))
    }

    fn left(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

#[async_trait]
impl Resolve for Scripted {
    async fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let answer = self.0.lock().unwrap().pop();
        let answer = answer.ok_or_else(|| io::Error::other("no such name"))?;
        let address = |ip: &&str| SocketAddr::new(ip.parse().unwrap(), port);
        Ok(answer.iter().map(address).collect())
    }
}

#[tokio::test]
async fn no_spelling_of_a_private_address_is_called() {
    let inside = Receiver::saying("HTTP/1.1 200 OK\r\n\r\n").await;
    let strict = network(&[]);
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "0177.0.0.01",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "0.0.0.0",
        "0",
        "10.0.0.1",
        "169.254.169.254",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:0001]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        // By the system's resolver.
        "localhost",
        "LOCALHOST",
    ] {
        let answer = post(&strict, &inside.at(host)).await;
        assert!(
            matches!(answer, Err(OutboundError::Forbidden(_))),
            "{host}: {answer:?}"
        );
    }
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn a_name_is_refused_for_any_of_its_addresses() {
    for answer in [
        &["127.0.0.1"][..],
        &["1.1.1.1", "127.0.0.1"],
        &["127.0.0.1", "1.1.1.1"],
        &["2606:4700::1111", "::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
    ] {
        let inside = Receiver::saying("HTTP/1.1 200 OK\r\n\r\n").await;
        let network = resolving(&[], Scripted::new(&[answer]));
        let called = post(&network, &inside.at("app.example")).await;
        assert!(
            matches!(called, Err(OutboundError::Forbidden(_))),
            "{answer:?}: {called:?}"
        );
        assert_eq!(inside.connections(), 0);
    }
}

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_that_is_called() {
    let receiver = Receiver::saying("HTTP/1.1 204 No Content\r\n\r\n").await;
    // A second look-up would say what is not allowed.
    let rebinding = Scripted::new(&[&["127.0.0.1"], &["127.0.0.9"], &["127.0.0.9"]]);
    let network = resolving(&["127.0.0.1/32"], rebinding.clone());
    let url = receiver.at("rebinding.example");
    assert_eq!(post(&network, &url).await.unwrap().status, 204);
    assert_eq!(rebinding.left(), 2, "resolved once");
    let moved = post(&network, &url).await;
    let address = "127.0.0.9".parse().unwrap();
    assert_eq!(moved, Err(OutboundError::Forbidden(address)));
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn networks_can_be_allowed_and_no_more_than_these() {
    let receiver = Receiver::saying("HTTP/1.1 204 No Content\r\n\r\n").await;
    let one = network(&["127.0.0.1/32"]);
    for host in ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]"] {
        let answer = post(&one, &receiver.at(host)).await;
        assert_eq!(answer.unwrap().status, 204, "{host}");
    }
    for host in ["127.0.0.2", "[::1]", "[64:ff9b::127.0.0.1]"] {
        let answer = post(&one, &receiver.at(host)).await;
        assert!(matches!(answer, Err(OutboundError::Forbidden(_))), "{host}");
    }
}

#[tokio::test]
async fn another_address_is_tried_where_the_first_is_dead() {
    let receiver = Receiver::saying("HTTP/1.1 204 No Content\r\n\r\n").await;
    let resolver = Scripted::new(&[&["127.0.0.9", "127.0.0.1"], &["127.0.0.9"], &[]]);
    let network = resolving(&["127.0.0.0/8"], resolver);
    let url = receiver.at("app.example");
    assert_eq!(post(&network, &url).await.unwrap().status, 204);
    assert_eq!(post(&network, &url).await, Err(OutboundError::Unreachable));
    for _ in 0..2 {
        assert_eq!(post(&network, &url).await, Err(OutboundError::Unresolved));
    }
}

#[tokio::test]
async fn what_is_no_address_to_call_is_refused_before_anything() {
    let network = network(&["0.0.0.0/0", "::/0"]);
    for url in [
        "",
        "app.example",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "unix:/run/x",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:65536/",
        "http://user@127.0.0.1/",
        "http://user:password@127.0.0.1/",
        "http:///",
        "http://127.0.0.1.256/",
        "http://[::1",
        "http://[fe80::1%25eth0]/",
        "http://a b/",
    ] {
        assert_eq!(
            post(&network, url).await,
            Err(OutboundError::Address),
            "{url}"
        );
    }
}
