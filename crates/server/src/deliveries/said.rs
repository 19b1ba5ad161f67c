//! Whose failures were logged a moment ago.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How long a client's next failure of our own making is not worth a line.
const FOR: Duration = Duration::from_secs(60);

/// Clients, and when a line was written about each. There are no more than are registered.
#[derive(Debug, Default)]
pub struct Said(Mutex<HashMap<String, Instant>>);

impl Said {
    /// Whether a line is to be written about a client; if so, none for a minute.
    pub fn is_new(&self, client_id: &str, now: Instant) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said.get(client_id).is_some_and(|at| now - *at < FOR) {
            return false;
        }
        said.insert(client_id.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_named_once_a_minute() {
        let (said, now) = (Said::default(), Instant::now());
        assert!(said.is_new("a", now) && said.is_new("b", now) && !said.is_new("a", now));
        assert!(said.is_new("a", now + FOR));
    }
}
