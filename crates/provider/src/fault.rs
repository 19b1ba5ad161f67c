use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use latchkey_jose::JoseError;
use latchkey_protocol::{Reason, StoreError};

use crate::{http, signing::Busy};

/// Our own breakage: no refusal. Logged once at the boundary, `server_error` outside.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Jose(#[from] JoseError),
    #[error(transparent)]
    Busy(#[from] Busy),
}

impl Fault {
    /// What the outside hears of it.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Store(error) => error.reason(),
            Self::Jose(_) => Reason::ServerFault,
            Self::Busy(_) => Reason::Busy,
        }
    }
}

impl ResponseError for Fault {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.reason().refusal().status)
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let refusal = self.reason().refusal();
        let body =
            serde_json::json!({ "error": refusal.code.0, "error_description": refusal.public });
        let mut builder = http::answer(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            builder.insert_header((header::RETRY_AFTER, header::HeaderValue::from_static("2")));
        }
        builder.json(body)
    }
}
