//! Time and randomness in the hands of a test.

use std::sync::{
    Mutex,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use latchkey_protocol::{Clock, Entropy, Timestamp};
use rand::{RngCore, SeedableRng, rngs::StdRng};

/// A clock that is moved by hand, and counts how often it is read.
pub struct HandClock(pub AtomicI64, pub AtomicU64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        self.1.fetch_add(1, Ordering::SeqCst);
        Timestamp::from_seconds(self.0.load(Ordering::SeqCst))
    }
}

/// Of a seed; counts how often as much was asked for as the salt of a password has.
pub struct Seeded {
    random: Mutex<StdRng>,
    pub salts: AtomicU64,
}

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self {
            random: Mutex::new(StdRng::seed_from_u64(seed)),
            salts: AtomicU64::new(0),
        }
    }
}

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        if bytes.len() == 16 {
            self.salts.fetch_add(1, Ordering::SeqCst);
        }
        self.random.lock().unwrap().fill_bytes(bytes);
    }
}
