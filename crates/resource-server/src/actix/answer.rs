//! The answer to a request that is not let through.

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};

use crate::Challenge;

pub fn answer(challenge: &Challenge) -> HttpResponse {
    let status = StatusCode::from_u16(challenge.status).unwrap_or(StatusCode::UNAUTHORIZED);
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")));
    if let Some(value) = &challenge.www_authenticate {
        response.insert_header((header::WWW_AUTHENTICATE, &**value));
    }
    if let Some(seconds) = challenge.retry_after {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    response
        .content_type("application/json")
        .body(challenge.body)
}
