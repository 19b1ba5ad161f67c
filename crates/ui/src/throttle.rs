use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
};

use latchkey_protocol::{attempts::network, time::Timestamp};
use moka::sync::Cache;

/// How long failures and unfinished sign-ins count, in seconds.
pub const WINDOW: i64 = 10 * 60;
/// Failures of one name from one address.
const PER_NAME_AND_ADDRESS: u32 = 10;
/// Failures of one name from anywhere: higher, so that a stranger cannot simply lock a person out.
const PER_NAME: u32 = 100;
/// Failures from one address, which many people may share.
const PER_ADDRESS: u32 = 200;
/// Sign-ins begun from one address and not finished.
const UNFINISHED: u32 = 5000;

#[derive(Debug, Default)]
struct Count {
    since: AtomicI64,
    count: AtomicU32,
}

impl Count {
    fn within_window(&self, now: Timestamp) -> u32 {
        if now - self.since.load(Ordering::Relaxed) >= WINDOW { 0 } else { self.count.load(Ordering::Relaxed) }
    }

    fn add(&self, now: Timestamp) {
        if now - self.since.load(Ordering::Relaxed) >= WINDOW {
            self.since.store(now, Ordering::Relaxed);
            self.count.store(0, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    fn take_back(&self) {
        // None is left where the window has ended in between.
        let _none = self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1));
    }
}

/// Counts failed sign-ins and begun ones. Bounded: the least used counters go first.
pub struct Throttle {
    failures: Cache<String, Arc<Count>>,
    unfinished: Cache<IpAddr, Arc<Count>>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { failures: Cache::new(100_000), unfinished: Cache::new(100_000) }
    }
}

impl Throttle {
    /// Whether one more attempt is allowed.
    pub fn allows(&self, username: &str, address: IpAddr, now: Timestamp) -> bool {
        let failed = |key| self.failures.get(key).map_or(0, |count| count.within_window(now));
        keys(username, address).iter().all(|(key, most)| failed(key) < *most)
    }

    pub fn failed(&self, username: &str, address: IpAddr, now: Timestamp) {
        for (key, _) in keys(username, address) {
            self.failures.get_with(key, Arc::default).add(now);
        }
    }

    /// A sign-in that worked clears what this name had failed from this address.
    pub fn succeeded(&self, username: &str, address: IpAddr) {
        let [(key, _), ..] = keys(username, address);
        self.failures.invalidate(&key);
    }

    /// Counts a sign-in that is begun, if there is room for it.
    pub fn may_begin(&self, address: IpAddr, now: Timestamp) -> bool {
        let unfinished = self.unfinished.get_with(network(address), Arc::default);
        let room = unfinished.within_window(now) < UNFINISHED;
        if room {
            unfinished.add(now);
        }
        room
    }

    /// A sign-in came to its end.
    pub fn finished(&self, address: IpAddr) {
        if let Some(unfinished) = self.unfinished.get(&network(address)) {
            unfinished.take_back();
        }
    }
}

fn keys(username: &str, address: IpAddr) -> [(String, u32); 3] {
    let name: String = username.chars().take(200).collect();
    let address = network(address);
    [
        (format!("both\0{address}\0{name}"), PER_NAME_AND_ADDRESS),
        (format!("name\0{name}"), PER_NAME),
        (format!("address\0{address}"), PER_ADDRESS),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_finished_makes_room() {
        const NOW: Timestamp = 1_800_000_000;
        let throttle = Throttle::default();
        let here: IpAddr = "192.0.2.1".parse().unwrap_or(IpAddr::from([0; 4]));
        for _ in 0..3 * UNFINISHED {
            assert!(throttle.may_begin(here, NOW));
            throttle.finished(here);
        }
        throttle.finished(here);
        for _ in 0..UNFINISHED {
            assert!(throttle.may_begin(here, NOW));
        }
        assert!(!throttle.may_begin(here, NOW + WINDOW - 1));
        throttle.finished(here);
        assert!(throttle.may_begin(here, NOW) && !throttle.may_begin(here, NOW));
        assert!(throttle.may_begin(here, NOW + WINDOW), "time heals");
    }
}
