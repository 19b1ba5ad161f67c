//! Back-channel logout of many sessions and clients at once: how long it takes stands in the output (`--nocapture`).

use std::time::{Duration, Instant};

use super::{
    back_channel_logout::{ALLOWED, end, is_delivered, joined, node, receipts, told},
    support::{
        receiver::{Behaviour, Receiver},
        *,
    },
};

/// Clients, each with a receiver at a host of its own.
async fn clients(h: &Harness, behaviours: &[Behaviour]) -> Vec<(String, Receiver)> {
    let mut all = Vec::new();
    for (behaviour, host) in behaviours.iter().zip(2..) {
        let (id, receiver) = (
            format!("c{host}"),
            Receiver::start(host, behaviour.clone()).await,
        );
        told(h, &id, &receiver.uri).await;
        all.push((id, receiver));
    }
    all
}

#[test]
fn a_session_with_three_clients_has_its_receipts_in_a_moment() {
    on_both_with(&ALLOWED, async |h| {
        const ROUNDS: usize = 40;
        let clients = clients(&h, &[const { Behaviour::Answers(200) }; 3]).await;
        let ids: Vec<_> = clients.iter().map(|(id, _)| id.as_str()).collect();
        let sending = node(&h);
        let mut took = Vec::new();
        for round in 0..ROUNDS {
            let name = format!("s{round:02}");
            joined(&h, &name, &ids).await;
            let begun = Instant::now();
            end(&h, &name).await;
            while !receipts(&h).await.iter().all(is_delivered) {
                assert!(begun.elapsed() < Duration::from_secs(10), "{round}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            took.push(begun.elapsed());
        }
        took.sort();
        eprintln!(
            "receipts of 3 clients: median {:?}, slowest of {ROUNDS} {:?}",
            took[ROUNDS / 2],
            took[ROUNDS - 1]
        );
        sending.stop().await;
    });
}

/// Nobody waits for an attempt at a receiver that does not answer, which takes ten seconds.
#[test]
fn fifty_sessions_of_twenty_clients_reach_all_that_live_though_one_in_ten_is_dead() {
    on_both_with(&ALLOWED, async |h| {
        const SESSIONS: usize = 50;
        let mut behaviours = vec![Behaviour::NeverAnswers; 2];
        behaviours.extend(vec![Behaviour::Answers(200); 18]);
        let clients = clients(&h, &behaviours).await;
        let ids: Vec<_> = clients.iter().map(|(id, _)| id.as_str()).collect();
        for n in 0..SESSIONS {
            joined(&h, &format!("s{n:02}"), &ids).await;
        }
        let sending = node(&h);
        let begun = Instant::now();
        let ended = h.store.end_user(&h.alice, h.moment()).await;
        assert_eq!(ended.unwrap(), SESSIONS);
        let mut last = begun;
        for (_, living) in &clients[2..] {
            let received = living.wait_for(SESSIONS).await;
            assert_eq!(received.len(), SESSIONS, "each once");
            last = last.max(received.iter().map(|one| one.at).max().unwrap());
        }
        let took = last - begun;
        eprintln!("{SESSIONS} sessions x 18 living clients of 20: {took:?}");
        assert!(took < Duration::from_secs(10), "{took:?}");
        sending.stop().await;
    });
}
