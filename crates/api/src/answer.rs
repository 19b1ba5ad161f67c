//! What a call that was carried out answers.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
};
use serde::{Deserialize, Serialize};

use crate::problem::{Problem, broken};

/// The beginning of every answer: nobody keeps it, and nobody takes it for something else.
pub fn builder(status: StatusCode) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(status);
    builder
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    builder
}

/// What a call answers. It can be stored, and given once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    status: u16,
    /// JSON; nothing where there is nothing to say.
    body: Option<String>,
    etag: Option<String>,
    location: Option<String>,
    next: Option<String>,
}

impl Answer {
    /// It is done, and there is nothing more to say.
    pub fn none() -> Self {
        Self {
            status: 204,
            body: None,
            etag: None,
            location: None,
            next: None,
        }
    }

    /// What was asked for.
    ///
    /// # Errors
    /// What cannot be written as JSON.
    pub fn ok(body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_string(body).map_err(broken)?;
        Ok(Self {
            status: 200,
            body: Some(body),
            ..Self::none()
        })
    }

    /// Something new, at this address under the API.
    ///
    /// # Errors
    /// As [`Answer::ok`].
    pub fn created(body: &impl Serialize, location: String) -> Result<Self, Problem> {
        Ok(Self {
            status: 201,
            location: Some(location),
            ..Self::ok(body)?
        })
    }

    /// With the version of the record (RFC 9110 8.8.3).
    #[must_use]
    pub fn etag(self, etag: String) -> Self {
        let etag = Some(etag);
        Self { etag, ..self }
    }

    /// With the address of the next piece of the list (RFC 8288).
    #[must_use]
    pub fn next(self, next: Option<String>) -> Self {
        Self { next, ..self }
    }

    /// As HTTP.
    pub fn into_response(self) -> HttpResponse {
        let mut builder = builder(StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK));
        if let Some(etag) = self.etag {
            builder.insert_header((header::ETAG, etag));
        }
        if let Some(location) = self.location {
            builder.insert_header((header::LOCATION, location));
        }
        if let Some(next) = self.next {
            builder.insert_header((header::LINK, format!("<{next}>; rel=\"next\"")));
        }
        match self.body {
            Some(body) => builder.content_type("application/json").body(body),
            None => builder.finish(),
        }
    }
}
