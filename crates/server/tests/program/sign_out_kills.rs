//! kill -9 at any moment of a forced sign-out, on both databases: nothing is lost, nothing is left undelivered after a
//! restart, and nothing is sent twice by two at once.
//!
//! A few kills in each run. The promise is for a hundred on each database, which take some minutes:
//!
//!     LATCHKEY_TEST_KILLS=100 cargo test -p latchkey --test program -- --nocapture sign_out_kills

mod world;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    port,
    receiver::{Behaviour, Receiver},
    support::*,
};
use world::{Keys, Node, WEAK, World};

/// How long a delivery is held for by whoever sends it.
const LEASE: Duration = Duration::from_secs(30);

fn kills() -> u32 {
    let asked = std::env::var("LATCHKEY_TEST_KILLS").ok();
    asked.map_or(4, |kills| kills.parse().unwrap())
}

/// What the kills met.
#[derive(Debug, Default)]
struct Met {
    /// Nothing had been written yet.
    before_the_end: u32,
    /// Some clients had no receipt.
    in_the_middle: u32,
    /// All had one.
    after_the_last: u32,
}

/// Kills nodes at moments all over the course, the k-th kill in its k-th part, and starts them again.
fn kill_again_and_again(mut world: World, mut nodes: Vec<Node>) {
    let kills = kills();
    nodes.iter_mut().for_each(|node| node.start(&world));
    let keys = Keys::of(&world, &nodes[0]);
    let course = world.whole_course(&nodes[0]);
    let mut met = Met::default();
    for kill in 0..kills {
        let weak = [503, 200][kill as usize % 2];
        world.receivers[WEAK].behave(Behaviour::Answers(weak));
        let names = world.sign_in(kill + 1);
        let asked = kill as usize % nodes.len();
        let end = world.http.0.spawn(world.end(&nodes[asked]));
        // Most happens at first: before the commit, while it is made, while the first are told.
        let part = (f64::from(kill) + rand::random::<f64>()) / f64::from(kills);
        std::thread::sleep(course.mul_f64(1.2 * part * part));
        // Of two nodes the one that was asked, the other, or both.
        let dead: Vec<usize> = match (nodes.len(), kill % 3) {
            (1, _) | (_, 0) => vec![asked],
            (many, 1) => vec![(asked + 1) % many],
            (many, _) => (0..many).collect(),
        };
        dead.iter().for_each(|node| nodes[*node].kill());
        let is_waiting = world.is_waiting(&names);
        let has_answered = world.http.0.block_on(end).unwrap();
        dead.iter().for_each(|node| nodes[*node].start(&world));
        let has_ended = world.have_ended(&names);
        assert!(has_ended || !has_answered, "it said that they had ended");
        if !has_ended {
            met.before_the_end += 1;
            // As whoever has got no answer does.
            assert!(world.http.0.block_on(world.end(&nodes[asked])));
            assert!(world.have_ended(&names));
        } else if is_waiting {
            met.in_the_middle += 1;
        } else {
            met.after_the_last += 1;
        }
    }
    world.receivers[WEAK].behave(Behaviour::Answers(200));
    let begun = Instant::now();
    world.wait_until_all_is_delivered();
    let came = world.expect_all_told(&keys);
    let (deliveries, took) = (world.deliveries(), begun.elapsed());
    println!(
        "{kills} kills, each within {course:.1?}: {met:?}; {deliveries} deliveries, {came} logout tokens came; \
         the last receipt {took:.1?} after the last restart"
    );
    assert!(met.in_the_middle > 0, "no kill came in the middle: {met:?}");
}

#[test]
fn what_a_kill_interrupts_is_delivered_after_a_restart_on_sqlite() {
    let world = World::new(Place::new());
    let node = Node::new(world.at.port);
    kill_again_and_again(world, vec![node]);
}

/// Of two nodes one or both die.
#[test]
fn what_a_kill_interrupts_is_delivered_after_a_restart_on_postgresql() {
    let Some(at) = Place::on_postgres() else {
        return;
    };
    let world = World::new(at);
    let nodes = [world.at.port, port::free()].map(Node::new);
    kill_again_and_again(world, nodes.into());
}

#[test]
fn what_a_node_was_sending_when_it_died_is_sent_by_another_within_the_lease() {
    let Some(at) = Place::on_postgres() else {
        return;
    };
    let mut world = World::new(at);
    let mut nodes = [world.at.port, port::free()].map(Node::new);
    nodes.iter_mut().for_each(|node| node.start(&world));
    let keys = Keys::of(&world, &nodes[1]);
    for receiver in &world.receivers {
        receiver.behave(Behaviour::AnswersLate(Duration::from_millis(700)));
    }
    world.sign_in(0);
    let end = world.end(&nodes[0]);
    assert!(world.http.0.block_on(end));
    // A node has one place for an app that it never told anything: one is the other's then.
    world.http.0.block_on(world.receivers[1].wait_for(2));
    nodes[0].kill();
    let begun = Instant::now();
    world.wait_until_all_is_delivered();
    let took = begun.elapsed();
    let sent = |receiver: &Receiver| {
        let mut of_session: BTreeMap<String, Vec<Instant>> = BTreeMap::new();
        for one in receiver.received() {
            let sid = one.claims["sid"].as_str().unwrap().to_owned();
            of_session.entry(sid).or_default().push(one.at);
        }
        of_session.into_values().collect::<Vec<_>>()
    };
    let again: Vec<Vec<Instant>> = world.receivers.iter().flat_map(sent).collect();
    let again = again.iter().filter(|times| times.len() > 1);
    let apart: Vec<Duration> = again.map(|times| times[1] - times[0]).collect();
    println!(
        "{} were sent again; all were told after {took:.1?}",
        apart.len()
    );
    assert!(!apart.is_empty(), "it died while it sent nothing");
    // Clocks are read in whole seconds.
    let earliest = LEASE - Duration::from_secs(2);
    assert!(apart.iter().all(|apart| *apart > earliest), "{apart:?}");
    assert!(took < LEASE + LEASE / 2, "{took:?}");
    world.expect_all_told(&keys);
}
