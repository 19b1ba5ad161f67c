use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::Limits;

/// How often it is said that connections are refused.
const SAID: Duration = Duration::from_secs(60);

/// Who holds how many connections, over all workers.
///
/// One address may hold as many as are still free, at most: the first takes half, the next a third of what there is,
/// and of any number of them together something is left for a newcomer.
pub struct Connections {
    most: usize,
    per_address: usize,
    trusted: Vec<ipnet::IpNet>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
    refused: usize,
    said: Option<Instant>,
}

/// One connection's place, given back when it is dropped.
pub struct Place {
    connections: Arc<Connections>,
    /// None for a trusted proxy, which speaks for many.
    address: Option<IpAddr>,
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
        let free = self.most.saturating_sub(held.total);
        let admitted = match address {
            None => free > 0,
            Some(address) => {
                let own = held.by_address.get(&address).copied().unwrap_or_default();
                own < free.min(self.per_address)
            }
        };
        if !admitted {
            held.refuse(peer);
            return None;
        }
        held.total += 1;
        if let Some(address) = address {
            *held.by_address.entry(address).or_default() += 1;
        }
        Some(Place { connections: self.clone(), address })
    }
}

impl Held {
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

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.connections.lock();
        held.total -= 1;
        if let Some(address) = self.address
            && let Some(own) = held.by_address.get_mut(&address)
        {
            *own -= 1;
            if *own == 0 {
                held.by_address.remove(&address);
            }
        }
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
    fn however_many_addresses_come_there_is_a_place_for_a_newcomer() {
        let all = connections(1000, 1000);
        let greedy: Vec<_> = (1..=20).map(|n| take(&all, &format!("192.0.2.{n}"))).collect();
        assert_eq!(greedy[0].len(), 500);
        assert_eq!(greedy[1].len(), 250);
        let newcomer = all.admit("198.51.100.7".parse().expect("an address"));
        let held: usize = greedy.iter().map(Vec::len).sum();
        assert!(newcomer.is_some() || held == 1000, "{held} of 1000 held, and a newcomer refused");
    }

    #[test]
    fn a_trusted_proxy_speaks_for_many_and_a_slash_64_for_one() {
        let all = connections(100, 10);
        assert_eq!(take(&all, "2001:db8::1").len(), 10);
        let held = take(&all, "2001:db8:0:1::1");
        assert_eq!(held.len(), 10);
        assert_eq!(take(&all, "2001:db8:0:1:ffff::2").len(), 0);
        assert_eq!(take(&all, "::ffff:10.1.2.3").len(), 90);
    }
}
