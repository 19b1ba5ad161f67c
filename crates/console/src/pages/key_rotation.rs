//! Another key takes over: which algorithm's, and when.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_operations::keys::Takeover;
use latchkey_protocol::SigningAlgorithm;
use latchkey_ui::{failure::Failure, render::render};

use super::problem::refusal;
use crate::{
    layout::{Frame, Section},
    visit::Visit,
};

#[derive(Template)]
#[template(path = "console/key-rotation.html")]
struct KeyRotation<'a> {
    frame: Frame<'a>,
    csrf: String,
    algorithms: [&'static str; SigningAlgorithm::ALL.len()],
    algorithm: &'static str,
    is_at_once: bool,
    /// How long a key is published before it signs, in minutes.
    announced: String,
    problem: Option<String>,
}

/// What was chosen: RS256, once every cache has it, unless it says otherwise.
fn chosen(form: &latchkey_protocol::Params) -> (SigningAlgorithm, bool) {
    let algorithm = form.optional("algorithm").unwrap_or_default();
    let algorithm = SigningAlgorithm::from_name(algorithm).unwrap_or(SigningAlgorithm::Rs256);
    (algorithm, form.optional("takeover") == Some("now"))
}

fn page(
    visit: &Visit<'_>,
    (algorithm, is_at_once): (SigningAlgorithm, bool),
    problem: Option<String>,
) -> HttpResponse {
    let status = match problem {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let minutes = visit
        .arrival
        .console
        .announce
        .max(0)
        .cast_unsigned()
        .div_ceil(60);
    let page = KeyRotation {
        frame: Frame::new(visit, Section::Keys),
        csrf: visit.token(visit.arrival.path()),
        algorithms: SigningAlgorithm::ALL.map(SigningAlgorithm::name),
        algorithm: algorithm.name(),
        is_at_once,
        announced: minutes.to_string(),
        problem,
    };
    render(&page, status, false)
}

/// `GET /admin/keys/rotate`.
pub async fn ask(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let draft = visit.draft().await?.unwrap_or_default();
    Ok(page(visit, chosen(&draft), None))
}

/// `POST /admin/keys/rotate`. This node signs with it without waiting until it looks at the keys next.
pub async fn rotate(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let (algorithm, is_at_once) = chosen(&visit.form);
    let takeover = match is_at_once {
        true => Takeover::Now,
        false => Takeover::Announced(visit.arrival.console.announce),
    };
    let (realm, operations) = (visit.call().realm, visit.operations());
    let rotated = operations
        .rotate_key(&realm.keys, algorithm, takeover, &realm.lifetimes)
        .await;
    match rotated {
        Ok(_) => {
            realm.keys.follow(&*visit.ui().store).await?;
            Ok(visit.arrival.go("/admin/keys?done=key-rotated"))
        }
        Err(error) => {
            let problem = refusal(visit, error)?;
            Ok(page(visit, (algorithm, is_at_once), Some(problem)))
        }
    }
}
