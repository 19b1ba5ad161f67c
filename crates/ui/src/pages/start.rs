//! What stands at the issuer itself.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use crate::{
    answer::fault,
    browser::session,
    render::{display_name, render, words},
    state::Ui,
    words::Words,
};

#[derive(Template)]
#[template(path = "start.html")]
struct StartPage<'a> {
    words: Words,
    base: &'a str,
    issuer: &'a str,
    name: Option<&'a str>,
}

pub async fn show(ui: web::Data<Ui>, request: HttpRequest) -> HttpResponse {
    let session = match session(&ui, ui.call(&request)).await {
        Ok(session) => session,
        Err(error) => return fault(&ui, &request, &error),
    };
    let name = session.as_ref().map(|(_, user)| display_name(user));
    render(
        &StartPage {
            words: words(&request, None),
            base: &ui.base,
            issuer: &ui.issuer,
            name,
        },
        StatusCode::OK,
        false,
    )
}
