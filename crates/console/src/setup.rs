//! The first administrator, created in the browser by whoever has the link that a start of the server printed.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_operations::{Actor, NewUser};
use latchkey_protocol::{Params, Reason, Secret, error::Refusal, kind, paths::CONSOLE};
use latchkey_ui::{Words, failure::Failure, render::render};

use crate::{
    pages::problem::{Problems, problems},
    visit::Arrival,
};

#[derive(Template)]
#[template(path = "console/setup.html")]
struct Setup<'a> {
    words: Words,
    base: &'a str,
    link: &'a str,
    username: &'a str,
    name: &'a str,
    email: &'a str,
    problems: Problems,
}

impl Setup<'_> {
    fn say(&self, id: &str) -> String {
        self.words.say(id)
    }
}

fn unusable() -> Refusal {
    Reason::SetupLinkUnusable.because("the newest link, and no administrator", "another link")
}

fn page(arrival: &Arrival<'_>, typed: &Params, problems: Problems) -> HttpResponse {
    let value = |name| typed.optional(name).unwrap_or_default();
    let status = if problems.any() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let page = Setup {
        words: arrival.words(),
        base: arrival.base(),
        link: value("link"),
        username: value("username"),
        name: value("name"),
        email: value("email"),
        problems: problems.said_in(arrival.words()),
    };
    render(&page, status, false)
}

/// The link that was sent.
fn link(params: &Params) -> Result<Secret<kind::SetupLink>, Refusal> {
    params.sound()?;
    let sent = params.optional("link").unwrap_or_default();
    Secret::presented(sent).ok_or_else(unusable)
}

/// `GET /admin/setup`.
pub async fn show(arrival: &Arrival<'_>) -> Result<HttpResponse, Failure> {
    let query = arrival.query().only(&["link"]);
    let digest = link(&query)?.digest();
    let store = &arrival.ui.store;
    if !store.is_setup_open(&digest, arrival.call.now).await? {
        return Err(unusable().into());
    }
    Ok(page(arrival, &query, Problems::default()))
}

/// `POST /admin/setup`. The link is the proof: no other site has it, so the form needs no token besides.
pub async fn create(arrival: &Arrival<'_>) -> Result<HttpResponse, Failure> {
    let form = Params::parse(arrival.body);
    let link = link(&form)?;
    let text = |name| form.optional(name).map(str::to_owned);
    let new = NewUser {
        username: text("username").unwrap_or_default(),
        name: text("name"),
        email: text("email"),
        // Without one, nobody could sign in.
        password: Some(text("password").unwrap_or_default()),
        ..NewUser::default()
    };
    let operations = arrival.operations(Actor::Server);
    let hasher = arrival.hasher(false);
    match operations.set_up(hasher, &link, new).await {
        Ok(Some(_)) => Ok(arrival.go(CONSOLE)),
        Ok(None) => Err(unusable().into()),
        Err(error) => Ok(page(arrival, &form, problems(error)?)),
    }
}
