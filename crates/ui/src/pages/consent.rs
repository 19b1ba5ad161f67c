//! Whether an app may have what it asks for.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use latchkey_protocol::{Reason, StoreError, claims::scope_of, consent::Consent, uri};

use crate::{
    answer::or_page,
    call::Call,
    csrf::is_ours,
    failure::Failure,
    interaction::{OpenInteraction, back, open, open_form},
    render::{display_name, render, words},
    state::Ui,
    words::Words,
};

/// This page's name in its anti-forgery token.
const PAGE: &str = "consent";

struct Scope {
    name: String,
    title: String,
    text: String,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    words: Words,
    base: &'a str,
    client: &'a str,
    name: &'a str,
    host: String,
    csrf: String,
    scopes: Vec<Scope>,
    policy_uri: Option<&'a str>,
    tos_uri: Option<&'a str>,
}

pub async fn show(
    ui: web::Data<Ui>,
    request: HttpRequest,
    interaction: web::Path<String>,
) -> HttpResponse {
    let open = open(&ui, ui.call(&request), &interaction).await;
    or_page(&ui, &request, open.map(|open| page(&ui, &request, &open)))
}

fn page(ui: &Ui, request: &HttpRequest, open: &OpenInteraction) -> HttpResponse {
    let (Some((_, user)), Some(csrf)) = (&open.session, open.form_of_user(ui, PAGE)) else {
        return back(ui, open);
    };
    let asked = &open.interaction.request;
    let words = words(request, asked.ui_locales.as_deref());
    let scopes = asked.scope.iter().map(|name| Scope {
        name: name.to_owned(),
        title: words
            .find(&format!("scope-{name}"), None)
            .unwrap_or_else(|| name.to_owned()),
        text: words
            .find(&format!("scope-{name}-text"), None)
            .unwrap_or_else(|| words.say("scope-other-text")),
    });
    let scopes = scopes.chain(claims_asked(open, words));
    let page = ConsentPage {
        words,
        base: &ui.base,
        client: open.client.name(),
        name: display_name(user),
        host: uri::origin(&asked.redirect_uri).unwrap_or_default(),
        csrf,
        scopes: scopes.collect(),
        policy_uri: open.client.metadata.policy_uri.as_deref(),
        tos_uri: open.client.metadata.tos_uri.as_deref(),
    };
    render(&page, StatusCode::OK, true)
}

/// What is asked for claim by claim: under the title of the scope that would give it.
fn claims_asked(open: &OpenInteraction, words: Words) -> impl Iterator<Item = Scope> {
    let asked = &open.interaction.request;
    let names = asked.claims.beyond(&asked.scope, &open.client);
    names.into_iter().map(move |name| {
        let scope = scope_of(&name, &open.client).unwrap_or_default();
        let title = words.find(&format!("scope-{scope}"), None);
        Scope {
            name: format!("claim-{name}"),
            title: title.unwrap_or_else(|| scope.to_owned()),
            text: name,
        }
    })
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
    let Some(token) = open.form_of_user(ui, PAGE) else {
        return Ok(back(ui, &open));
    };
    if !is_ours(&form, &[Some(token)]) {
        return Err(Reason::FormForged.into());
    }
    decide(ui, call, &open, form.optional("decision")).await?;
    Ok(back(ui, &open))
}

/// Commits what the user decided. Where the session has ended in between nothing is written, and the way back says so.
async fn decide(
    ui: &Ui,
    call: Call<'_>,
    open: &OpenInteraction,
    decision: Option<&str>,
) -> Result<(), StoreError> {
    let Some((session, _)) = &open.session else {
        return Ok(());
    };
    let asked = &open.interaction.request;
    let _written = if decision == Some("allow") {
        let consent = Consent {
            user_id: session.user_id.clone(),
            client_id: open.client.id.clone(),
            scope: asked.scope.clone(),
            claims: asked.claims.beyond(&asked.scope, &open.client),
            granted_at: call.now,
        };
        ui.store
            .record_consent(&open.interaction.digest, &session.id, &consent)
            .await?
    } else {
        ui.store
            .decline(&open.interaction.digest, &session.id)
            .await?
    };
    Ok(())
}
