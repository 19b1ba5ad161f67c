//! Tokens of a client that was disabled, or that admits fewer users, end in the status lists.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use latchkey_protocol::{ClientId, Clock, Store, StoreError, admission, jobs::Job};

use super::{JobHandler, JobOutcome};

const LEASE: i64 = 120;
/// Authorizations that are looked at in one transaction.
const AT_ONCE: i64 = 1000;
/// Between two pieces, room for requests.
const PAUSE: Duration = Duration::from_millis(10);
/// Nodes may know a client as it was for a second, and issue tokens for that long.
const KNOWN_AS_IT_WAS: Duration = Duration::from_millis(1500);

/// Looks through what clients were given, when they admit fewer users than before.
pub struct AdmissionHandler {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl AdmissionHandler {
    /// Ends tokens in `store`, by the time of `clock`.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    async fn look_through(&self, client: &ClientId) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let (store, now) = (&self.store, self.clock.now());
            let looked = store.end_tokens_not_admitted(client, after.as_ref(), AT_ONCE, now);
            after = looked.await?;
            if after.is_none() {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[async_trait]
impl JobHandler for AdmissionHandler {
    fn kind(&self) -> &'static str {
        admission::KIND
    }

    fn lease(&self) -> i64 {
        LEASE
    }

    fn at_once(&self) -> usize {
        4
    }

    /// Twice: what was issued between the change and the first look, by a node that did not know of it yet, comes second.
    async fn run(&self, job: &Job) -> JobOutcome {
        let Some(client) = admission::client(&job.payload) else {
            return JobOutcome::Dead("its payload names no client".into());
        };
        let twice = async {
            self.look_through(&client).await?;
            tokio::time::sleep(KNOWN_AS_IT_WAS).await;
            self.look_through(&client).await
        };
        match twice.await {
            Ok(()) => JobOutcome::Done,
            Err(error) => JobOutcome::Failed(error.to_string()),
        }
    }
}
