//! Adds what this process has counted to the counts of all, once a minute.

use std::{sync::Arc, time::Duration};

use latchkey_protocol::{Clock, Store, tally::Tally};

use crate::supervised::{Stopped, Supervised, told};

const EVERY: Duration = Duration::from_secs(60);

/// Counts `tally` into `store` while it runs, and once more when it is stopped.
pub fn start(tally: Arc<Tally>, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Supervised {
    Supervised::start(move |stopped| work(tally.clone(), store.clone(), clock.clone(), stopped))
}

async fn work(
    tally: Arc<Tally>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    mut stopped: Stopped,
) {
    loop {
        add(&tally, &*store, &*clock).await;
        if *stopped.borrow() {
            return;
        }
        tokio::select! {
            () = told(&mut stopped) => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// What cannot be written is counted with the next.
pub async fn add(tally: &Tally, store: &dyn Store, clock: &dyn Clock) {
    let counts = tally.take();
    if let Err(error) = store.add_counts(&counts, clock.now()).await {
        tracing::warn!(%error, "counts could not be added up; they are added later");
        for (what, count) in counts {
            tally.give_back(what, count);
        }
    }
}
