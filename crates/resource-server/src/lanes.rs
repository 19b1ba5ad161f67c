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
    turn: Option<Arc<tokio::sync::Mutex<()>>>,
}

impl<'a> Flight<'a> {
    pub fn join(flights: &'a Flights, token: &str) -> Self {
        let mut all = flights.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = all.entry(token.into()).or_default().clone();
        Self {
            flights,
            token: token.into(),
            turn: Some(turn),
        }
    }

    /// Waits for the others who came before.
    pub async fn turn(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        Some(self.turn.as_ref()?.lock().await)
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut all = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        // While nobody else can count: of two who leave together the second one is the last.
        self.turn = None;
        if all
            .get(&self.token)
            .is_some_and(|turn| Arc::strong_count(turn) == 1)
        {
            all.remove(&self.token);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Strangers choose the tokens: what stays would stay for ever.
    #[test]
    fn of_those_who_leave_together_one_takes_the_entry_away() {
        let flights = Flights::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..5000 {
                        drop(Flight::join(&flights, &format!("t{}", n / 10)));
                    }
                });
            }
        });
        assert!(flights.lock().unwrap().is_empty());
    }
}
