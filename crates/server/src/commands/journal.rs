//! Where commands record what they did: in the store, from where a server writes it into its log.

use std::sync::Arc;

use async_trait::async_trait;
use latchkey_operations::{Actor, Journal, Operation};
use latchkey_protocol::{Store, Timestamp, secret::new_id, store::CommandEvent};

use crate::wiring::{OsEntropy, SystemClock};

/// Notes for the log of the server, after something is done and before anything is said of it.
pub struct CommandJournal {
    store: Arc<dyn Store>,
}

impl CommandJournal {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Journal for CommandJournal {
    async fn record(&self, operation: Operation, target: &str, actor: &Actor, now: Timestamp) {
        let (at, operation) = (SystemClock.elapsed(), operation.name());
        let event = CommandEvent {
            // Those of one second stay in order.
            id: format!("{:015}-{}", at.as_millis(), new_id(now, &OsEntropy)),
            at: Timestamp::from_seconds(i64::try_from(at.as_secs()).unwrap_or(i64::MAX)),
            operation: operation.to_owned(),
            target: target.to_owned(),
            caller: actor.to_string(),
        };
        if let Err(error) = self.store.add_command_event(&event).await {
            eprintln!(
                "latchkey: {operation} {target} is done, and could not be noted for the log: {error}"
            );
        }
    }
}
