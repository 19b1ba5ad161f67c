//! Refusals: which there were, and why.

use latchkey_operations::ExplainedRefusal;
use latchkey_protocol::{
    Timestamp,
    observe::{KeptRefusal, RefusalFilter},
    page::Page,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{answer::Answer, asked::Asked, problem::Problem};

/// A request that was refused.
#[derive(Serialize, JsonSchema)]
pub struct Refusal {
    /// What the answer carried.
    reference: String,
    /// In seconds since 1970.
    at: i64,
    /// What happened, in a word; docs/errors.md explains each.
    reason: String,
    /// The first segment of the path.
    endpoint: String,
    /// The client that asked, as far as it said so.
    client_id: Option<String>,
    /// The request's name in the log.
    request_id: String,
    /// What would have been right.
    expected: String,
    /// What came instead; secrets are masked.
    received: String,
}

impl Refusal {
    fn of(kept: KeptRefusal) -> Self {
        Self {
            reference: kept.reference,
            at: kept.at.as_seconds(),
            reason: kept.reason,
            endpoint: kept.endpoint,
            client_id: kept.client_id,
            request_id: kept.request_id,
            expected: kept.expected,
            received: kept.received,
        }
    }
}

/// A refusal, and what it means.
#[derive(Serialize, JsonSchema)]
pub struct RefusalExplained {
    #[serde(flatten)]
    refusal: Refusal,
    /// The error code that the outside heard.
    error: String,
    /// The sentence that the outside heard.
    said: String,
    /// What was checked.
    checked: String,
    /// How to fix it.
    fix: String,
}

/// `GET /refusals`.
pub async fn list(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let page: Page<(Timestamp, String)> = asked.page()?;
    let filter = RefusalFilter {
        client_id: asked.parameter("client_id").map(str::to_owned),
        reason: asked.parameter("reason").map(str::to_owned),
        since: asked.moment("since")?,
        until: asked.moment("until")?,
    };
    let found = asked.operations().refusals(&filter, &page).await?;
    let place = |kept: &KeptRefusal| (kept.at, kept.reference.clone());
    asked.listed(&page, found, place, Refusal::of)
}

/// `GET /refusals/{reference}`.
pub async fn show(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let found = asked.operations().refusal(asked.part("reference")).await?;
    let ExplainedRefusal { kept, reason } = found;
    let said = reason.refusal();
    Answer::ok(&RefusalExplained {
        refusal: Refusal::of(kept),
        error: said.code.0.to_owned(),
        said: said.public.to_owned(),
        checked: said.checked.to_owned(),
        fix: said.fix.to_owned(),
    })
}
