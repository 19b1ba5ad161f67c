//! Why something was refused, by the reference that its answer carried.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_operations::{ExplainedRefusal, OperationError};
use latchkey_protocol::{Reason, reason::pasted_reference};
use latchkey_ui::{Words, failure::Failure, render::render};

use crate::{
    layout::{Frame, Section, utc},
    visit::Visit,
};

struct Explained {
    refused: ExplainedRefusal,
    code: &'static str,
    /// In the language of the page.
    checked: String,
    fix: String,
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

/// A text of the table of reasons, in the language of the page. English is what the table itself speaks.
fn translated(words: Words, what: &str, reason: &str, english: &str) -> String {
    let translated = words.find(&format!("{what}-{reason}"), None);
    translated.unwrap_or_else(|| english.to_owned())
}

/// What the outside heard for the reason of this name; nothing where this version does not know it.
pub fn said(words: Words, reason: &str) -> String {
    let mut all = Reason::ALL.iter();
    let known = all.find(|known| known.name() == reason);
    known.map_or_else(String::new, |known| {
        translated(words, "reason", reason, known.refusal().public)
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
            let (name, text) = (refused.reason.name(), refused.reason.refusal());
            explained = Some(Explained {
                code: text.code.0,
                checked: translated(words, "checked", name, text.checked),
                fix: translated(words, "fix", name, text.fix),
                said: said(words, name),
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
