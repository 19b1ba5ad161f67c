//! Whether the process lives, and whether it can serve.

use std::time::{Duration, Instant};

use actix_web::{HttpResponse, http::StatusCode, web};
use tokio::sync::Mutex;

use crate::{Bff, answer, store::StoreError};

/// How long an answer counts: however many ask, the store and the provider are asked twice a second at the most.
const FRESH: Duration = Duration::from_millis(500);
/// How long either may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was found out last, and when.
#[derive(Default)]
pub struct Readiness(Mutex<Option<(Instant, StatusCode, String)>>);

pub async fn healthy() -> HttpResponse {
    answer::no_store(StatusCode::OK).body("ok\n")
}

/// The store can be written to, and the provider's metadata and keys are known. A provider that does not answer now, and a
/// store that is full, are named and no more: calls go on, and all instances would be taken away at once.
pub async fn ready(bff: web::Data<Bff>) -> HttpResponse {
    let mut last = bff.0.readiness.0.lock().await;
    let (status, said) = match &*last {
        Some((at, status, said)) if at.elapsed() < FRESH => (*status, said.clone()),
        _ => {
            let (status, said) = found_out(&bff).await;
            *last = Some((Instant::now(), status, said.clone()));
            (status, said)
        }
    };
    answer::no_store(status)
        .content_type("text/plain; charset=utf-8")
        .body(said)
}

async fn found_out(bff: &Bff) -> (StatusCode, String) {
    let sessions = &bff.0.sessions;
    let stored = tokio::time::timeout(PATIENCE, sessions.store.ready());
    let answered = tokio::time::timeout(PATIENCE, sessions.provider.answers());
    let (stored, answered) = tokio::join!(stored, answered);
    let no = StatusCode::SERVICE_UNAVAILABLE;
    let lacks = match stored.map_err(StoreError::new).flatten() {
        Ok(lacks) => lacks,
        Err(error) => {
            tracing::warn!(%error, "not ready");
            return (no, "the session store cannot be written to\n".into());
        }
    };
    if !sessions.provider.is_known() {
        return (no, "the provider does not answer\n".into());
    }
    let mut said = "ready\n".to_owned();
    if let Some(lacks) = lacks {
        said += &format!("but the session store {lacks}\n");
    }
    if !matches!(answered, Ok(Ok(()))) {
        said += "but the provider does not answer: nobody signs in, and tokens are not renewed\n";
    }
    (StatusCode::OK, said)
}
