use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Context,
    time::{Duration, Instant},
};

use futures_util::task::AtomicWaker;

use super::Limits;

/// How often it is said that connections are refused.
const SAID: Duration = Duration::from_secs(60);

/// Who holds how many connections, over all workers.
///
/// While there is room, an address may hold as many as its limit says. When all places are taken, whoever holds the
/// most loses the newest to an address that holds fewer: however many a few addresses open, there is a place for
/// everybody else.
pub struct Connections {
    most: usize,
    per_address: usize,
    trusted: Vec<ipnet::IpNet>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    total: usize,
    /// Oldest first.
    by_address: HashMap<IpAddr, Vec<Arc<Seat>>>,
    refused: usize,
    said: Option<Instant>,
}

/// What can be taken from a connection that is open.
#[derive(Default)]
struct Seat {
    taken: AtomicBool,
    waker: AtomicWaker,
}

/// One connection's place, given back when it is dropped.
pub struct Place {
    connections: Arc<Connections>,
    /// None for a trusted proxy, which speaks for many.
    address: Option<IpAddr>,
    seat: Arc<Seat>,
}

impl Connections {
    pub fn new(limits: &Limits) -> Self {
        Self {
            most: limits.connections.max(1),
            per_address: limits.connections_per_address.max(1),
            trusted: limits.trusted_proxies.clone(),
            held: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from `peer`, if there is one for it.
    pub fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let peer = peer.to_canonical();
        let address = (!self.trusted.iter().any(|net| net.contains(&peer))).then(|| network(peer));
        let mut held = self.lock();
        let own = address.map_or(0, |address| held.by_address.get(&address).map_or(0, Vec::len));
        let room = held.total < self.most || (own < self.per_address && held.take_from_greediest(own));
        if !room || (address.is_some() && own >= self.per_address) {
            held.refuse(peer);
            return None;
        }
        held.total += 1;
        let seat = Arc::<Seat>::default();
        if let Some(address) = address {
            held.by_address.entry(address).or_default().push(seat.clone());
        }
        Some(Place { connections: self.clone(), address, seat })
    }
}

impl Held {
    /// Ends the newest connection of whoever holds the most, for one that holds `own`.
    fn take_from_greediest(&mut self, own: usize) -> bool {
        let greediest = self.by_address.values_mut().max_by_key(|seats| seats.len());
        // Between equals nothing is gained.
        let Some(seat) = greediest.filter(|seats| seats.len() > own + 1).and_then(Vec::pop) else { return false };
        seat.taken.store(true, Ordering::Release);
        seat.waker.wake();
        self.total -= 1;
        true
    }

    /// Said once in a while, so that a flood of connections is no flood of lines.
    fn refuse(&mut self, peer: IpAddr) {
        self.refused += 1;
        if self.said.is_none_or(|at| at.elapsed() >= SAID) {
            let (refused, open) = (self.refused, self.total);
            tracing::warn!(%peer, refused, open, "connections are refused: too many are open (limits.connections)");
            (self.refused, self.said) = (0, Some(Instant::now()));
        }
    }
}

impl Place {
    /// Whether it was given to somebody else; wakes the task when that happens.
    pub fn is_taken(&self, cx: &Context<'_>) -> bool {
        self.seat.waker.register(cx.waker());
        self.seat.taken.load(Ordering::Acquire)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.connections.lock();
        let Some(address) = self.address else {
            held.total -= 1;
            return;
        };
        let Some(seats) = held.by_address.get_mut(&address) else { return };
        // Not there any more if it was taken.
        let Some(at) = seats.iter().rposition(|seat| Arc::ptr_eq(seat, &self.seat)) else { return };
        seats.remove(at);
        if seats.is_empty() {
            held.by_address.remove(&address);
        }
        held.total -= 1;
    }
}

/// Whoever has one IPv6 address has its /64.
fn network(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(most: usize, per_address: usize) -> Arc<Connections> {
        Arc::new(Connections::new(&Limits {
            connections: most,
            connections_per_address: per_address,
            trusted_proxies: vec!["10.0.0.0/8".parse().expect("a network")],
            patience: super::super::Patience::default(),
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
        let (first, second) = (take(&all, "192.0.2.1"), take(&all, "192.0.2.2"));
        assert_eq!((first.len(), second.len()), (100, 50));
        let newcomer = take(&all, "198.51.100.7");
        assert_eq!(newcomer.len(), 33, "an equal share");
        let cx = Context::from_waker(std::task::Waker::noop());
        let left = |places: &[Place]| places.iter().filter(|place| !place.is_taken(&cx)).count();
        assert_eq!(left(&first) + left(&second), 67, "the same for both, but one");
        assert_eq!((left(&first).max(left(&second)), left(&newcomer)), (34, 33));
        assert!(first[..30].iter().all(|place| !place.is_taken(&cx)), "the newest goes first");
        drop((first, second));
        let held = all.lock();
        assert_eq!((held.total, held.by_address.len()), (33, 1));
    }

    #[test]
    fn a_trusted_proxy_speaks_for_many_and_a_slash_64_for_one() {
        let all = connections(100, 10);
        assert_eq!(take(&all, "2001:db8::1").len(), 10);
        let held = take(&all, "2001:db8:0:1::1");
        assert_eq!(held.len(), 10);
        assert_eq!(take(&all, "2001:db8:0:1:ffff::2").len(), 0);
        assert_eq!(take(&all, "::ffff:10.1.2.3").len(), 99, "all that is left, and all but the last of the other");
    }
}
