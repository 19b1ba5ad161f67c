//! Whether the process lives, and whether it can serve.

use actix_web::{HttpResponse, http::StatusCode, web};

use crate::{Bff, answer};

pub async fn healthy() -> HttpResponse {
    answer::no_store(StatusCode::OK).body("ok\n")
}

/// The store answers, and the provider's metadata and keys are known.
pub async fn ready(bff: web::Data<Bff>) -> HttpResponse {
    let sessions = &bff.0.sessions;
    let no = |why| answer::no_store(StatusCode::SERVICE_UNAVAILABLE).body(why);
    if sessions.store.ready().await.is_err() {
        return no("the session store does not answer\n");
    }
    if !sessions.provider.is_ready().await {
        return no("the provider does not answer\n");
    }
    answer::no_store(StatusCode::OK).body("ready\n")
}
