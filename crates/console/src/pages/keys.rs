//! The signing keys: which there are, what each does, and taking one out.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_operations::keys::ListedKey;
use latchkey_protocol::{Reason, rotation::StoredKey};
use latchkey_ui::{failure::Failure, render::render};

use super::{
    confirm::{self, Question},
    problem::{failed, refusal},
};
use crate::{
    layout::{Frame, Section, utc},
    visit::Visit,
};

struct Row {
    kid: String,
    algorithm: &'static str,
    /// The id of the word for it.
    state: String,
    is_active: bool,
    is_retired: bool,
    created: String,
    signs_from: String,
    retires: String,
    days: String,
    /// What still depends on it.
    needed: String,
}

/// What still depends on a key, by where it stands.
fn needed(visit: &Visit<'_>, state: &str, key: &StoredKey) -> String {
    let words = visit.arrival.words();
    let text = format!("console-key-needed-{state}");
    match (state, key.retires_at) {
        ("announced", _) => words.say_with(&text, "at", &utc(key.activates_at)),
        ("active", Some(retires)) => words.say_with("console-key-needed-last", "at", &utc(retires)),
        ("retiring", Some(retires)) => words.say_with(&text, "at", &utc(retires)),
        _ => words.say(&text),
    }
}

impl Row {
    fn new(visit: &Visit<'_>, ListedKey { key, state }: ListedKey) -> Self {
        let state = format!("{state:?}").to_lowercase();
        Self {
            needed: needed(visit, &state, &key),
            is_active: state == "active",
            is_retired: state == "retired",
            state: format!("console-key-{state}"),
            algorithm: key.algorithm.name(),
            created: utc(key.created_at),
            signs_from: utc(key.activates_at),
            retires: key.retires_at.map(utc).unwrap_or_default(),
            days: ((visit.now() - key.created_at).max(0) / 86_400).to_string(),
            kid: key.kid,
        }
    }
}

#[derive(Template)]
#[template(path = "console/keys.html")]
struct Keys<'a> {
    frame: Frame<'a>,
    rows: Vec<Row>,
}

/// `GET /admin/keys`.
pub async fn list(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let ring = visit.call().realm.keys.ring();
    let listed = visit.operations().signing_keys(&ring).await;
    let listed = listed.map_err(failed)?;
    let page = Keys {
        frame: Frame::new(visit, Section::Keys),
        rows: listed.into_iter().map(|key| Row::new(visit, key)).collect(),
    };
    Ok(render(&page, StatusCode::OK, false))
}

fn question(visit: &Visit<'_>, problem: Option<String>) -> HttpResponse {
    let kid = visit.part("id");
    let asked = Question {
        title: "console-retire-title",
        text: "console-retire-text",
        whom: kid,
        press: "console-retire",
        is_dangerous: true,
        back: "/admin/keys",
        command: format!("latchkey key retire {}", crate::shell::word(kid)),
        problem,
        section: Section::Keys,
    };
    confirm::page(visit, &asked)
}

/// `GET /admin/keys/{id}/retire`.
pub async fn ask_retire(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let ring = visit.call().realm.keys.ring();
    let listed = visit.operations().signing_keys(&ring).await;
    let listed = listed.map_err(failed)?;
    if !listed.iter().any(|one| one.key.kid == visit.part("id")) {
        let unknown = Reason::PageUnknown.because("a key", "no such id");
        return Err(unknown.into());
    }
    Ok(question(visit, None))
}

/// `POST /admin/keys/{id}/retire`.
pub async fn retire(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let ring = visit.call().realm.keys.ring();
    let operations = visit.operations();
    match operations.retire_key(&ring, visit.part("id")).await {
        Ok(()) => Ok(visit.arrival.go("/admin/keys?done=key-retired")),
        Err(error) => Ok(question(visit, Some(refusal(visit, error)?))),
    }
}
