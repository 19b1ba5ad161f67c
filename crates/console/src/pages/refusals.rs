//! Why something was refused, by the reference that its answer carried.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_operations::{ExplainedRefusal, OperationError};
use latchkey_protocol::RefusalText;
use latchkey_ui::{failure::Failure, render::render};

use crate::{
    layout::{Frame, Section, utc},
    visit::Visit,
};

struct Explained {
    refused: ExplainedRefusal,
    text: RefusalText,
    at: String,
}

#[derive(Template)]
#[template(path = "console/refusals.html")]
struct Refusals<'a> {
    frame: Frame<'a>,
    reference: &'a str,
    explained: Option<Explained>,
    /// Why nothing can be said of it.
    unknown: Option<String>,
}

/// `GET /admin/refusals`.
pub async fn show(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let query = visit.arrival.query();
    query.sound()?;
    let reference = query.optional("reference").unwrap_or_default().trim();
    let (mut explained, mut unknown) = (None, None);
    if !reference.is_empty() {
        match visit.operations().refusal(reference).await {
            Ok(refused) => {
                explained = Some(Explained {
                    text: refused.reason.refusal(),
                    at: utc(refused.kept.at),
                    refused,
                });
            }
            Err(OperationError::Store(error)) => return Err(error.into()),
            Err(refused) => unknown = Some(refused.to_string()),
        }
    }
    let page = Refusals {
        frame: Frame::new(visit, Section::Refusals),
        reference,
        explained,
        unknown,
    };
    Ok(render(&page, StatusCode::OK, false))
}
