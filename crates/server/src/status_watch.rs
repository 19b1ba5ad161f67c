//! Follows what ended, for the status lists that this node publishes.

use std::time::Duration;

use actix_web::{rt::time::sleep, web};
use latchkey_provider::Provider;
use tokio::signal::unix::{SignalKind, signal};

/// Between two looks: what is left of a revocation's way to the list.
const EVERY: Duration = Duration::from_millis(200);

/// Looks again and again. A database that does not answer is one line in the log, and another one when it does again.
pub async fn follow(provider: web::Data<Provider>) {
    let Some(lists) = &provider.status else {
        return;
    };
    let mut fails = false;
    loop {
        sleep(EVERY).await;
        match lists.follow().await {
            Ok(()) if fails => {
                fails = false;
                tracing::info!("what ended is followed again");
            }
            Ok(()) => {}
            Err(error) if fails => tracing::debug!(%error, "what ended cannot be followed"),
            Err(error) => {
                fails = true;
                tracing::error!(
                    %error,
                    "what ended cannot be followed; the status lists stay as they are until they are over"
                );
            }
        }
    }
}

/// Whoever waits for a change is answered when the process is told to end, which waits for all answers.
pub async fn answer_at_the_end(provider: web::Data<Provider>) {
    let Some(lists) = &provider.status else {
        return;
    };
    let ends = [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::quit(),
    ];
    let told = ends.into_iter().filter_map(|end| signal(end).ok());
    let told = told.map(|mut told| Box::pin(async move { told.recv().await }));
    let told: Vec<_> = told.collect();
    if told.is_empty() {
        return;
    }
    futures_util::future::select_all(told).await;
    lists.close();
}
