//! What stands at the issuer itself.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use latchkey_protocol::Issuer;
use latchkey_protocol::user::User;

use crate::{
    answer::or_page,
    browser::session,
    failure::Failure,
    render::{display_name, render, words},
    state::Ui,
    words::Words,
};

#[derive(Template)]
#[template(path = "start.html")]
struct StartPage<'a> {
    words: Words,
    base: &'a str,
    issuer: &'a Issuer,
    name: Option<&'a str>,
}

pub async fn show(ui: web::Data<Ui>, request: HttpRequest) -> HttpResponse {
    let here = session(&ui, ui.call(&request)).await;
    let page = here.map(|here| page(&ui, &request, here.as_ref().map(|(_, user)| user)));
    or_page(&ui, &request, page.map_err(Failure::from))
}

fn page(ui: &Ui, request: &HttpRequest, user: Option<&User>) -> HttpResponse {
    let page = StartPage {
        words: words(request, None),
        base: ui.realm(request).issuer.base(),
        issuer: &ui.realm(request).issuer,
        name: user.map(display_name),
    };
    render(&page, StatusCode::OK, false)
}
