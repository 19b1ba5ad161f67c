//! Who gets a place, and who makes room for whom.

use super::*;

fn connections(most: usize, per_address: usize) -> Arc<Connections> {
    Arc::new(Connections::new(&Limits {
        connections: most,
        connections_per_address: per_address,
        trusted_proxies: vec!["10.0.0.0/8".parse().expect("a network")],
        patience: crate::connections::Patience::default(),
        workers: 1,
    }))
}

fn take(connections: &Arc<Connections>, peer: &str) -> Vec<Place> {
    let peer = peer.parse().expect("an address");
    std::iter::from_fn(|| connections.admit(peer)).collect()
}

#[test]
fn an_address_holds_no_more_than_its_share_and_gives_it_back() {
    let all = connections(100, 10);
    let first = take(&all, "192.0.2.1");
    assert_eq!(first.len(), 10);
    assert_eq!(take(&all, "192.0.2.2").len(), 10);
    drop(first);
    assert_eq!(take(&all, "192.0.2.1").len(), 10);
}

#[test]
fn whoever_holds_the_most_makes_room_for_a_newcomer() {
    let all = connections(100, 100);
    let (first, second) = (take(&all, "192.0.2.1"), take(&all, "203.0.113.2"));
    assert_eq!((first.len(), second.len()), (100, 50));
    let newcomer = take(&all, "198.51.100.7");
    assert_eq!(newcomer.len(), 33, "an equal share");
    let cx = Context::from_waker(std::task::Waker::noop());
    let left = |places: &[Place]| places.iter().filter(|place| !place.is_taken(&cx)).count();
    assert_eq!(
        left(&first) + left(&second),
        67,
        "the same for both, but one"
    );
    assert_eq!((left(&first).max(left(&second)), left(&newcomer)), (34, 33));
    assert!(
        first[..30].iter().all(|place| !place.is_taken(&cx)),
        "the newest goes first"
    );
    drop((first, second));
    let held = all.lock();
    assert_eq!((held.total, held.by_neighbourhood.len()), (33, 1));
}

#[test]
fn a_trusted_proxy_speaks_for_many_and_a_slash_64_for_one() {
    let all = connections(100, 10);
    assert_eq!(take(&all, "2001:db8::1").len(), 10);
    let held = take(&all, "2001:db8:0:1::1");
    assert_eq!(held.len(), 10);
    assert_eq!(take(&all, "2001:db8:0:1:ffff::2").len(), 0);
    assert_eq!(
        take(&all, "::ffff:10.1.2.3").len(),
        99,
        "all that is left, and all but the last of the other"
    );
}

#[test]
fn many_addresses_with_one_connection_each_shut_nobody_out() {
    let all = connections(100, 10);
    let mut held: Vec<_> = (0..100)
        .flat_map(|n| all.admit(IpAddr::from([198, 51, n, 1])))
        .collect();
    assert_eq!(held.len(), 100);
    let cx = Context::from_waker(std::task::Waker::noop());
    // The first is being answered, the second was a moment ago.
    held[0].seat.is_busy();
    std::thread::sleep(Duration::from_millis(5));
    held[1].seat.is_quiet();
    held.extend((0..50).flat_map(|n| all.admit(IpAddr::from([203, 0, n, 1]))));
    assert_eq!(held.len(), 150, "every newcomer has a place");
    assert_eq!(
        held.iter().filter(|place| !place.is_taken(&cx)).count(),
        100
    );
    assert!(
        held[..2]
            .iter()
            .chain(&held[100..])
            .all(|place| !place.is_taken(&cx)),
        "who was used stays"
    );
}

#[test]
fn a_slash_48_and_a_slash_24_are_one_neighbourhood() {
    let all = connections(100, 100);
    let near: Vec<_> = (0..50)
        .flat_map(|n| all.admit(format!("2001:db8:1:{n}::1").parse().ok()?))
        .collect();
    let far: Vec<_> = (0..50)
        .flat_map(|n| all.admit(IpAddr::from([192, 0, 2, n])))
        .collect();
    let others = take(&all, "198.51.100.7");
    assert_eq!(others.len(), 33, "an equal share");
    let cx = Context::from_waker(std::task::Waker::noop());
    let left = |places: &[Place]| places.iter().filter(|place| !place.is_taken(&cx)).count();
    assert_eq!(left(&near).abs_diff(left(&far)), 1);
}
