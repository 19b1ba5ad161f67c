//! Why something was refused, by the reference that its answer carried.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_operations::{ExplainedRefusal, OperationError};
use latchkey_protocol::{RefusalText, reason::pasted_reference};
use latchkey_ui::{Words, failure::Failure, render::render};

use crate::{
    layout::{Frame, Section, utc},
    visit::Visit,
};

struct Explained {
    refused: ExplainedRefusal,
    text: RefusalText,
    /// What the outside heard, in the language of the page where its pages say it in that language.
    said: String,
    at: String,
}

#[derive(Template)]
#[template(path = "console/refusal.html")]
struct Refusal<'a> {
    frame: Frame<'a>,
    reference: String,
    explained: Option<Explained>,
    /// Why nothing can be said of it.
    unknown: Option<String>,
}

/// What the outside heard for the reason of this name; nothing where this version does not know it.
pub fn said(words: Words, reason: &str) -> String {
    let known = latchkey_protocol::Reason::ALL.iter();
    let known = known.copied().find(|known| known.name() == reason);
    known.map_or_else(String::new, |known| {
        let translated = words.find(&format!("reason-{reason}"), None);
        translated.unwrap_or_else(|| known.refusal().public.to_owned())
    })
}

/// `GET /admin/refusals/{id}`.
pub async fn show(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    explain(visit, visit.part("id")).await
}

/// The page of a reference, alone or with the text that carried it.
pub async fn explain(visit: &Visit<'_>, pasted: &str) -> Result<HttpResponse, Failure> {
    let words = visit.arrival.words();
    let (mut explained, mut unknown) = (None, None);
    match visit.operations().refusal(pasted).await {
        Ok(refused) => {
            explained = Some(Explained {
                text: refused.reason.refusal(),
                said: said(words, refused.reason.name()),
                at: utc(refused.kept.at),
                refused,
            });
        }
        Err(OperationError::Store(error)) => return Err(error.into()),
        Err(OperationError::RefusalUnknown(reference)) => {
            unknown = Some(words.say_with("console-refusal-unknown", "reference", &reference));
        }
        Err(OperationError::ReasonUnknown { reason, .. }) => {
            unknown = Some(words.say_with("console-reason-unknown", "reason", &reason));
        }
        Err(refused) => unknown = Some(refused.to_string()),
    }
    let page = Refusal {
        frame: Frame::new(visit, Section::Refusals),
        reference: pasted_reference(pasted),
        explained,
        unknown,
    };
    Ok(render(&page, StatusCode::OK, false))
}
