//! Time and randomness in the hands of a test.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use latchkey_protocol::{Clock, Entropy, Timestamp};
use rand::{RngCore, rngs::StdRng};

/// A clock that is moved by hand, and counts how often it is read.
pub struct HandClock(pub AtomicI64, pub AtomicU64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        self.1.fetch_add(1, Ordering::SeqCst);
        Timestamp::from_seconds(self.0.load(Ordering::SeqCst))
    }
}

pub struct Seeded(pub std::sync::Mutex<StdRng>);

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap().fill_bytes(bytes);
    }
}
