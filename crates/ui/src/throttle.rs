use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
};

use latchkey_protocol::time::Timestamp;
use moka::sync::Cache;

/// How long failures count, in seconds.
const WINDOW: i64 = 10 * 60;
/// Failures of one name from one address.
const PER_NAME_AND_ADDRESS: u32 = 10;
/// Failures of one name from anywhere: higher, so that a stranger cannot simply lock a person out.
const PER_NAME: u32 = 100;
/// Failures from one address, which many people may share.
const PER_ADDRESS: u32 = 200;

#[derive(Debug, Default)]
struct Failures {
    since: AtomicI64,
    count: AtomicU32,
}

/// Counts failed sign-ins. Bounded: the least used counters go first.
pub struct Throttle {
    failures: Cache<String, Arc<Failures>>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { failures: Cache::new(100_000) }
    }
}

impl Throttle {
    /// Whether one more attempt is allowed.
    pub fn allows(&self, username: &str, address: IpAddr, now: Timestamp) -> bool {
        keys(username, address).iter().all(|(key, most)| {
            self.failures.get(key).is_none_or(|f| {
                now - f.since.load(Ordering::Relaxed) >= WINDOW || f.count.load(Ordering::Relaxed) < *most
            })
        })
    }

    pub fn failed(&self, username: &str, address: IpAddr, now: Timestamp) {
        for (key, _) in keys(username, address) {
            let failures = self.failures.get_with(key, Arc::default);
            if now - failures.since.load(Ordering::Relaxed) >= WINDOW {
                failures.since.store(now, Ordering::Relaxed);
                failures.count.store(0, Ordering::Relaxed);
            }
            failures.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A sign-in that worked clears what this name had failed from this address.
    pub fn succeeded(&self, username: &str, address: IpAddr) {
        let [(key, _), ..] = keys(username, address);
        self.failures.invalidate(&key);
    }
}

fn keys(username: &str, address: IpAddr) -> [(String, u32); 3] {
    let name: String = username.chars().take(200).collect();
    [
        (format!("both\0{address}\0{name}"), PER_NAME_AND_ADDRESS),
        (format!("name\0{name}"), PER_NAME),
        (format!("address\0{address}"), PER_ADDRESS),
    ]
}
