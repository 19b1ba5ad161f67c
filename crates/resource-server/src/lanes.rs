//! Calls to the issuer are bounded, and shared by those who ask about the same token.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicUsize},
};

use tokio::sync::Semaphore;

/// The most calls under way at a time in each lane.
const MOST_CALLS: usize = 32;

/// Calls under way, and those who wait for theirs.
pub struct Lane {
    pub calls: Semaphore,
    pub waiting: AtomicUsize,
}

impl Lane {
    pub fn new() -> Self {
        Self {
            calls: Semaphore::new(MOST_CALLS),
            waiting: AtomicUsize::new(0),
        }
    }
}

pub type Flights = Mutex<HashMap<Box<str>, Arc<tokio::sync::Mutex<()>>>>;

/// One who asks about a token; the last one takes the entry away.
pub struct Flight<'a> {
    flights: &'a Flights,
    token: Box<str>,
    pub turn: Arc<tokio::sync::Mutex<()>>,
}

impl<'a> Flight<'a> {
    pub fn join(flights: &'a Flights, token: &str) -> Self {
        let mut all = flights.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = all.entry(token.into()).or_default().clone();
        Self {
            flights,
            token: token.into(),
            turn,
        }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut all = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's own, and this one.
        if Arc::strong_count(&self.turn) <= 2 {
            all.remove(&self.token);
        }
    }
}
