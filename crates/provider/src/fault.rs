use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use latchkey_jose::JoseError;
use latchkey_protocol::{Reason, StoreError};

/// Our own breakage: no refusal. Logged once at the boundary, `server_error` outside.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Jose(#[from] JoseError),
}

impl ResponseError for Fault {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Store(StoreError::Busy | StoreError::Unavailable(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(_) | Self::Jose(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let reason = if status == StatusCode::SERVICE_UNAVAILABLE { Reason::Busy } else { Reason::ServerFault };
        let refusal = reason.refusal();
        let body = serde_json::json!({ "error": refusal.code.0, "error_description": refusal.public });
        HttpResponse::build(status).insert_header(("Cache-Control", "no-store")).json(body)
    }
}
