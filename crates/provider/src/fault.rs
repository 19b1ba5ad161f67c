//! Our own breakage as a client hears of it.

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use latchkey_ui::failure::{Failure, Fault};

use crate::{http, signing::Busy};

/// A fault that is answered as JSON: `server_error`, or 503 where it may go away. The boundary logs it.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Broken(#[from] pub Fault);

impl ResponseError for Broken {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.reason().refusal().status)
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let refusal = self.0.reason().refusal();
        let body =
            serde_json::json!({ "error": refusal.code.0, "error_description": refusal.public });
        let mut builder = http::answer(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            builder.insert_header((header::RETRY_AFTER, header::HeaderValue::from_static("2")));
        }
        builder.json(body)
    }
}

impl From<Busy> for Failure {
    fn from(_: Busy) -> Self {
        Fault::Busy.into()
    }
}
