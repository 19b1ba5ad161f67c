//! A slow host takes its own places, and nobody else's.

use std::{future::pending, io, net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use latchkey_protocol::outbound::OutboundError;
use latchkey_ui::outbound::{Network, OutboundRules, Resolve};
use tokio::{task::JoinSet, time::sleep};

use crate::{DEADLINE, post, receiver::Receiver, rules};

/// Every name is here; `stuck.example` is never found out, or not until `0` has passed.
struct Here(Option<Duration>);

#[async_trait]
impl Resolve for Here {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if host == "stuck.example" {
            match self.0 {
                Some(after) => sleep(after).await,
                None => pending().await,
            }
        }
        Ok(vec![SocketAddr::new("127.0.0.1".parse().unwrap(), port)])
    }
}

fn few(calls: usize, calls_per_host: usize, stuck: Option<Duration>) -> Arc<Network> {
    let rules = OutboundRules {
        calls,
        calls_per_host,
        ..rules(&["127.0.0.0/8"])
    };
    Arc::new(Network::new(rules, Arc::new(Here(stuck))).unwrap())
}

/// Begins so many calls, which come to nothing.
fn begin(network: &Arc<Network>, url: &str, number: usize) -> JoinSet<()> {
    let mut calls = JoinSet::new();
    for _ in 0..number {
        let (network, url) = (network.clone(), url.to_owned());
        calls.spawn(async move {
            assert_eq!(post(&network, &url).await, Err(OutboundError::Late));
        });
    }
    calls
}

async fn silent() -> Receiver {
    Receiver::start(|stream| async move {
        sleep(DEADLINE * 10).await;
        drop(stream);
    })
    .await
}

#[tokio::test]
async fn a_slow_host_fills_its_own_places_and_delays_nobody_else() {
    let (slow, quick) = (
        silent().await,
        Receiver::saying("HTTP/1.1 204 No\r\n\r\n").await,
    );
    let network = few(100, 3, None);
    let calls = begin(&network, &slow.at("slow.example"), 3);
    sleep(DEADLINE / 4).await;
    // The same host, however it is written, whatever its port.
    for url in [
        slow.at("slow.example"),
        slow.at("SLOW.example."),
        quick.at("slow.example"),
    ] {
        assert_eq!(
            post(&network, &url).await,
            Err(OutboundError::Busy),
            "{url}"
        );
    }
    for _ in 0..10 {
        let answer = post(&network, &quick.at("quick.example")).await;
        assert_eq!(answer.unwrap().status, 204);
    }
    calls.join_all().await;
    let answer = post(&network, &quick.at("slow.example")).await;
    assert_eq!(answer.unwrap().status, 204, "the places are free again");
}

#[tokio::test]
async fn there_is_a_bound_in_all() {
    let (slow, quick) = (
        silent().await,
        Receiver::saying("HTTP/1.1 204 No\r\n\r\n").await,
    );
    let network = few(4, 2, None);
    let one = begin(&network, &slow.at("one.example"), 2);
    let two = begin(&network, &slow.at("two.example"), 2);
    sleep(DEADLINE / 4).await;
    let answer = post(&network, &quick.at("three.example")).await;
    assert_eq!(answer, Err(OutboundError::Busy));
    one.join_all().await;
    two.join_all().await;
    let answer = post(&network, &quick.at("three.example")).await;
    assert_eq!(answer.unwrap().status, 204);
}

#[tokio::test]
async fn a_call_that_was_dropped_frees_its_place() {
    let slow = silent().await;
    let network = few(1, 1, None);
    let mut calls = begin(&network, &slow.at("slow.example"), 1);
    sleep(DEADLINE / 4).await;
    calls.shutdown().await;
    let answer = post(&network, &slow.at("slow.example")).await;
    assert_eq!(answer, Err(OutboundError::Late));
}

#[tokio::test]
async fn a_look_up_keeps_its_place_until_it_has_ended() {
    let quick = Receiver::saying("HTTP/1.1 204 No\r\n\r\n").await;
    let network = few(2, 1, Some(DEADLINE * 2));
    let stuck = quick.at("stuck.example");
    assert_eq!(post(&network, &stuck).await, Err(OutboundError::Late));
    assert_eq!(post(&network, &stuck).await, Err(OutboundError::Busy));
    let answer = post(&network, &quick.at("quick.example")).await;
    assert_eq!(answer.unwrap().status, 204);
    sleep(DEADLINE * 2).await;
    assert_eq!(post(&network, &stuck).await, Err(OutboundError::Late));
}
