//! That an app is not for whoever is signed in: sign in as somebody else, or go back to it.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use latchkey_protocol::{Reason, authorize::Step, paths};

use crate::{
    answer::{or_page, see_other},
    call::Call,
    csrf::is_ours,
    failure::Failure,
    interaction::{OpenInteraction, back, open, open_form},
    render::{display_name, render, words},
    state::Ui,
    words::Words,
};

/// This page's name in its anti-forgery token.
const PAGE: &str = "no-access";

#[derive(Template)]
#[template(path = "no-access.html")]
struct NoAccessPage<'a> {
    words: Words,
    base: &'a str,
    client: &'a str,
    name: &'a str,
    csrf: String,
    reference: String,
}

pub async fn show(
    ui: web::Data<Ui>,
    request: HttpRequest,
    interaction: web::Path<String>,
) -> HttpResponse {
    let shown = say(&ui, ui.call(&request), &interaction).await;
    or_page(&ui, &request, shown)
}

/// Says so, where it is what the interaction has come to.
async fn say(ui: &Ui, call: Call<'_>, interaction: &str) -> Result<HttpResponse, Failure> {
    let open = open(ui, call, interaction).await?;
    let here = open.here(ui).await?;
    Ok(
        match here.next_step(&open.client, &open.interaction, call.now) {
            Step::NoAccess => page(ui, call, &open),
            Step::Login
            | Step::SelectAccount
            | Step::Consent(_)
            | Step::Approve(_)
            | Step::Refuse(_) => back(call.realm, &open),
        },
    )
}

fn page(ui: &Ui, call: Call<'_>, open: &OpenInteraction) -> HttpResponse {
    let (Some((_, user)), Some(csrf)) = (&open.session, open.form_of_user(ui, PAGE)) else {
        return back(call.realm, open);
    };
    let refused = Reason::UserNotAdmitted.because(
        "one of the groups, roles or users of the client's access",
        &user.username,
    );
    let asked = &open.interaction.request.grant;
    let page = NoAccessPage {
        words: words(call.request, asked.ui_locales.as_deref()),
        base: call.realm.issuer.base(),
        client: open.client.name(),
        name: display_name(user),
        csrf,
        reference: ui.note(call.request, &refused),
    };
    render(&page, StatusCode::FORBIDDEN, true)
}

pub async fn submit(
    ui: web::Data<Ui>,
    request: HttpRequest,
    interaction: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let answered = answer(&ui, ui.call(&request), &interaction, &body).await;
    or_page(&ui, &request, answered)
}

async fn answer(
    ui: &Ui,
    call: Call<'_>,
    interaction: &str,
    body: &[u8],
) -> Result<HttpResponse, Failure> {
    let (open, form) = open_form(ui, call, interaction, body).await?;
    // Without a session there is nobody to decide; the way back leads to the login page.
    let (Some((session, _)), Some(token)) = (&open.session, open.form_of_user(ui, PAGE)) else {
        return Ok(back(call.realm, &open));
    };
    if !is_ours(&form, &[Some(token)]) {
        return Err(Reason::FormForged.into());
    }
    if form.optional("decision") == Some("other") {
        let login = paths::page(paths::LOGIN, open.secret.expose());
        return Ok(see_other(&call.realm.at(&login)));
    }
    let digest = &open.interaction.digest;
    let _written = ui.store.decline(digest, &session.id).await?;
    Ok(back(call.realm, &open))
}
