//! A question before something is done: one form, one button, and a way back.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_ui::render::render;

use crate::{
    layout::{Frame, Section},
    visit::Visit,
};

/// What is asked. Texts by their ids; one that has more to say than a name stands there as it is.
pub struct Question<'a> {
    pub title: &'a str,
    pub text: &'a str,
    /// Whom or what it is about, as the texts name it.
    pub whom: &'a str,
    pub press: &'a str,
    pub is_dangerous: bool,
    /// The page that one leaves to without doing it.
    pub back: &'a str,
    /// The command that does the same; empty where there is none.
    pub command: String,
    /// Why it was not done.
    pub problem: Option<String>,
    /// Where the page belongs.
    pub section: Section,
}

#[derive(Template)]
#[template(path = "console/confirm.html")]
struct Confirm<'a> {
    frame: Frame<'a>,
    asked: &'a Question<'a>,
    csrf: String,
}

/// Asks, at the address that the answer is posted to.
pub fn page(visit: &Visit<'_>, asked: &Question<'_>) -> HttpResponse {
    let page = Confirm {
        frame: Frame::new(visit, asked.section),
        asked,
        csrf: visit.token(visit.arrival.path()),
    };
    let status = match asked.problem {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    render(&page, status, false)
}
