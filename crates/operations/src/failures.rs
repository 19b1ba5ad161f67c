//! Writes entries about failures into the audit table, without the one who failed waiting for it.

use std::{net::IpAddr, sync::Arc};

use latchkey_protocol::{
    Store, Timestamp,
    attempts::network,
    audit::{AuditEntry, closes_at},
};
use moka::sync::Cache;
use tokio::sync::{Mutex, Semaphore};

/// Entries that wait to be written.
const WAITING: usize = 256;
/// Who was refused lately.
const REFUSED: u64 = 10_000;
/// Characters of a name, as it was typed, that tell refusals apart.
const NAME: usize = 254;

/// Counts failures in the audit table, one after the other and in the background: how long an answer takes must not tell
/// whether there is something to write about this name.
pub struct FailureRecorder {
    store: Arc<dyn Store>,
    room: Arc<Semaphore>,
    turn: Arc<Mutex<()>>,
    /// Who was refused lately, and until when no other entry says so.
    refused: Cache<String, Timestamp>,
}

impl FailureRecorder {
    /// Writes into `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            room: Arc::new(Semaphore::new(WAITING)),
            turn: Arc::default(),
            refused: Cache::new(REFUSED),
        }
    }

    /// Counts a failure. When too many wait, this one is only in the log.
    pub fn count(&self, entry: AuditEntry) {
        let Ok(place) = self.room.clone().try_acquire_owned() else {
            tracing::warn!(event = %entry.event, "too many failures wait: one is not in the audit table");
            return;
        };
        let (store, turn) = (self.store.clone(), self.turn.clone());
        tokio::spawn(async move {
            let _turn = turn.lock().await;
            if let Err(error) = store.count_failure(&entry).await {
                tracing::warn!(%error, "a failure is not in the audit table");
            }
            drop(place);
        });
    }

    /// Counts a failure that can be repeated as fast as it is answered, once in a window for what was typed there, whether or
    /// not it is anybody's name.
    pub fn count_refusal(&self, typed: &str, address: IpAddr, entry: AuditEntry) {
        let typed: String = typed.chars().take(NAME).collect();
        let whom = format!("{} {} {typed}", entry.event, network(address));
        let window = closes_at(entry.at);
        if self.refused.get(&whom) != Some(window) {
            self.refused.insert(whom, window);
            self.count(entry);
        }
    }
}
