//! Who gets a connection: places by address, over all workers.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Context,
    time::{Duration, Instant},
};

use futures_util::task::AtomicWaker;
use latchkey_protocol::attempts::{neighbourhood, network};

use super::Limits;

/// How often it is said that connections are refused.
const SAID: Duration = Duration::from_secs(60);

/// What was quiet for so long makes room for whoever comes.
const QUIET: Duration = Duration::from_secs(2);
/// How many that are quiet are looked for at once, and how often.
const SOUGHT: usize = 256;
const SEEK: Duration = Duration::from_millis(10);

/// Who holds how many connections, over all workers.
///
/// While there is room, an address may hold as many as its limit says. When all places are taken, the connection goes
/// that has been quiet longest; where all were used of late, the newest of whoever holds the most, for an address that
/// holds fewer. However many connections are opened, from however many addresses, there is a place for everybody else.
pub struct Connections {
    most: usize,
    per_address: usize,
    trusted: Vec<ipnet::IpNet>,
    held: Mutex<AddressCount>,
}

#[derive(Default)]
struct AddressCount {
    total: usize,
    by_neighbourhood: HashMap<IpAddr, Neighbours>,
    /// Those that were quiet longest when it was last looked, the longest last.
    quiet: Vec<(u64, IpAddr, Arc<Seat>)>,
    sought: Option<Instant>,
    refused: usize,
    said: Option<Instant>,
}

#[derive(Default)]
struct Neighbours {
    total: usize,
    /// Oldest first.
    by_address: HashMap<IpAddr, Vec<Arc<Seat>>>,
}

/// What can be taken from a connection that is open.
pub struct Seat {
    taken: AtomicBool,
    waker: AtomicWaker,
    /// In milliseconds; [`BUSY`] while a request is answered.
    quiet_since: AtomicU64,
}

const BUSY: u64 = u64::MAX;

fn clock() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from((START.elapsed() + QUIET).as_millis()).unwrap_or(BUSY)
}

impl Seat {
    fn new() -> Arc<Self> {
        let quiet_since = AtomicU64::new(clock());
        Arc::new(Self {
            taken: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            quiet_since,
        })
    }

    pub fn is_busy(&self) {
        self.quiet_since.store(BUSY, Ordering::Relaxed);
    }

    pub fn is_quiet(&self) {
        self.quiet_since.store(clock(), Ordering::Relaxed);
    }

    fn take(&self) {
        self.taken.store(true, Ordering::Release);
        self.waker.wake();
    }
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

    fn lock(&self) -> MutexGuard<'_, AddressCount> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from `peer`, if there is one for it.
    pub fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let peer = peer.to_canonical();
        let address = (!self.trusted.iter().any(|net| net.contains(&peer))).then(|| network(peer));
        let mut held = self.lock();
        let may = address.is_none_or(|address| held.of(address).1 < self.per_address);
        if !may || (held.total >= self.most && !held.make_room(address)) {
            held.refuse(peer);
            return None;
        }
        held.total += 1;
        let seat = Seat::new();
        if let Some(address) = address {
            let neighbours = held
                .by_neighbourhood
                .entry(neighbourhood(address))
                .or_default();
            neighbours.total += 1;
            neighbours
                .by_address
                .entry(address)
                .or_default()
                .push(seat.clone());
        }
        Some(Place {
            connections: self.clone(),
            address,
            seat,
        })
    }
}

impl AddressCount {
    /// How many the neighbourhood of an address holds, and how many it holds itself.
    fn of(&self, address: IpAddr) -> (usize, usize) {
        let Some(neighbours) = self.by_neighbourhood.get(&neighbourhood(address)) else {
            return (0, 0);
        };
        (
            neighbours.total,
            neighbours.by_address.get(&address).map_or(0, Vec::len),
        )
    }

    /// Ends a connection for a new one of this address, or of a trusted proxy.
    fn make_room(&mut self, address: Option<IpAddr>) -> bool {
        let before = clock().saturating_sub(u64::try_from(QUIET.as_millis()).unwrap_or(BUSY));
        let newcomer = address.is_some_and(|address| self.of(address).1 == 0);
        self.take_quiet(before)
            || self.take_from_greediest(address)
            || (newcomer && self.take_quiet(BUSY - 1))
    }

    /// Ends the connection that has been quiet longest, if that is since `before`.
    fn take_quiet(&mut self, before: u64) -> bool {
        self.seek_quiet();
        while let Some((since, address, seat)) = self.quiet.pop() {
            if seat.quiet_since.load(Ordering::Relaxed) != since {
                continue;
            }
            if since > before {
                self.quiet.push((since, address, seat));
                return false;
            }
            // Not there any more if it has ended.
            if self.remove(address, &seat) {
                seat.take();
                return true;
            }
        }
        false
    }

    /// Looks for many at once, so that each costs little.
    fn seek_quiet(&mut self) {
        if !self.quiet.is_empty() || self.sought.is_some_and(|at| at.elapsed() < SEEK) {
            return;
        }
        self.sought = Some(Instant::now());
        let seats = self
            .by_neighbourhood
            .values()
            .flat_map(|neighbours| &neighbours.by_address);
        let mut quiet: Vec<_> = seats
            .flat_map(|(address, seats)| seats.iter().map(|seat| (*address, seat)))
            .map(|(address, seat)| (seat.quiet_since.load(Ordering::Relaxed), address, seat))
            .filter(|(since, ..)| *since != BUSY)
            .collect();
        quiet.sort_unstable_by_key(|(since, ..)| *since);
        self.quiet = quiet
            .into_iter()
            .take(SOUGHT)
            .rev()
            .map(|(since, at, seat)| (since, at, seat.clone()))
            .collect();
    }

    /// Whoever holds the most, in the neighbourhood that holds the most or in one's own.
    fn greediest(&self, asking: Option<IpAddr>) -> Option<(&IpAddr, &Vec<Arc<Seat>>)> {
        let (near, own) = asking.map_or((0, 0), |address| self.of(address));
        // Between equals nothing is gained.
        let greediest = self
            .by_neighbourhood
            .values()
            .max_by_key(|neighbours| neighbours.total);
        let elsewhere = greediest
            .filter(|neighbours| neighbours.total > near + 1)
            .and_then(Neighbours::greediest);
        let at_home = || {
            let neighbours = self.by_neighbourhood.get(&neighbourhood(asking?))?;
            neighbours
                .greediest()
                .filter(|(_, seats)| seats.len() > own + 1)
        };
        elsewhere.or_else(at_home)
    }

    /// Ends the newest connection of whoever holds the most.
    fn take_from_greediest(&mut self, asking: Option<IpAddr>) -> bool {
        let Some((&address, seats)) = self.greediest(asking) else {
            return false;
        };
        let is_quiet = |seat: &&Arc<Seat>| seat.quiet_since.load(Ordering::Relaxed) != BUSY;
        let Some(seat) = seats.iter().rev().find(is_quiet).or(seats.last()).cloned() else {
            return false;
        };
        seat.take();
        self.remove(address, &seat)
    }

    /// Whether it was there.
    fn remove(&mut self, address: IpAddr, seat: &Arc<Seat>) -> bool {
        let Some(neighbours) = self.by_neighbourhood.get_mut(&neighbourhood(address)) else {
            return false;
        };
        let Some(seats) = neighbours.by_address.get_mut(&address) else {
            return false;
        };
        let Some(at) = seats.iter().rposition(|held| Arc::ptr_eq(held, seat)) else {
            return false;
        };
        seats.remove(at);
        if seats.is_empty() {
            neighbours.by_address.remove(&address);
        }
        neighbours.total -= 1;
        if neighbours.total == 0 {
            self.by_neighbourhood.remove(&neighbourhood(address));
        }
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

impl Neighbours {
    fn greediest(&self) -> Option<(&IpAddr, &Vec<Arc<Seat>>)> {
        self.by_address.iter().max_by_key(|(_, seats)| seats.len())
    }
}

impl Place {
    /// Whether it was given to somebody else; wakes the task when that happens.
    pub fn is_taken(&self, cx: &Context<'_>) -> bool {
        self.seat.waker.register(cx.waker());
        self.seat.taken.load(Ordering::Acquire)
    }

    pub fn seat(&self) -> Arc<Seat> {
        self.seat.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.connections.lock();
        match self.address {
            None => held.total -= 1,
            // Not there any more if it was taken.
            Some(address) => _ = held.remove(address, &self.seat),
        }
    }
}

#[cfg(test)]
mod tests;
