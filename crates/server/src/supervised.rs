//! A loop that goes on for as long as the process does, and begins again when it panics.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use tokio::{sync::watch, task::JoinHandle};

/// How long a loop rests after it failed or panicked; as long again each time, up to the second.
pub const RESTS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// How long what has begun may go on when the process ends. What is not over then is begun again by whoever sees that its
/// lease is over.
const GRACE: Duration = Duration::from_secs(5);

/// The word that the process ends.
pub type Stopped = watch::Receiver<bool>;

/// The running loop. Dropped without [`Supervised::stop`], it goes on until the process ends.
pub struct Supervised {
    stopping: watch::Sender<bool>,
    running: JoinHandle<()>,
}

impl Supervised {
    /// Starts the loop in a task of the runtime that is running. It returns when it was told to stop and is done.
    pub fn start<F>(work: impl Fn(Stopped) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stopping, stopped) = watch::channel(false);
        Self {
            stopping,
            running: tokio::spawn(supervise(work, stopped)),
        }
    }

    /// Begins nothing more, and lets what has begun come to its end, for 5 seconds at most.
    pub async fn stop(mut self) {
        let _nobody_listens = self.stopping.send(true);
        if tokio::time::timeout(GRACE, &mut self.running)
            .await
            .is_err()
        {
            tracing::warn!("work is cut off; it is done again when its lease is over");
            self.running.abort();
        }
    }
}

/// Runs the loop, again and again if need be.
async fn supervise<F: Future<Output = ()> + Send>(work: impl Fn(Stopped) -> F, stopped: Stopped) {
    let mut rest = RESTS.0;
    loop {
        let begun = AssertUnwindSafe(work(stopped.clone()));
        match begun.catch_unwind().await {
            Ok(()) => return,
            Err(_) => tracing::error!("the workers panicked; they begin again"),
        }
        tokio::time::sleep(rest).await;
        rest = (rest * 2).min(RESTS.1);
    }
}

/// Returns when something was said. Whoever went without a word never will.
pub async fn told(stopped: &mut Stopped) {
    if stopped.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
