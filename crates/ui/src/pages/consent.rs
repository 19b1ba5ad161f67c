//! Whether an app may have what it asks for.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use latchkey_protocol::{Reason, StoreError, authorize::Step, claims::scope_of, uri};

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
    let shown = ask(&ui, ui.call(&request), &interaction).await;
    or_page(&ui, &request, shown)
}

/// The question, where it is what the interaction needs next.
async fn ask(ui: &Ui, call: Call<'_>, interaction: &str) -> Result<HttpResponse, Failure> {
    let open = open(ui, call, interaction).await?;
    let here = open.here(ui).await?;
    Ok(
        match here.next_step(&open.client, &open.interaction, call.now) {
            Step::Consent(_) => page(ui, call, &open),
            Step::Login
            | Step::SelectAccount
            | Step::NoAccess
            | Step::Approve(_)
            | Step::Refuse(_) => back(call.realm, &open),
        },
    )
}

fn page(ui: &Ui, call: Call<'_>, open: &OpenInteraction) -> HttpResponse {
    let (Some((_, user)), Some(csrf)) = (&open.session, open.form_of_user(ui, PAGE)) else {
        return back(call.realm, open);
    };
    let asked = &open.interaction.request.grant;
    let words = words(call.request, asked.ui_locales.as_deref());
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
        base: call.realm.issuer.base(),
        client: open.client.name(),
        name: display_name(user),
        host: uri::origin(&open.interaction.request.route.redirect_uri).unwrap_or_default(),
        csrf,
        scopes: scopes.collect(),
        policy_uri: open.client.metadata.policy_uri.as_deref(),
        tos_uri: open.client.metadata.tos_uri.as_deref(),
    };
    render(&page, StatusCode::OK, true)
}

/// What is asked for claim by claim: under the title of the scope that would give it.
fn claims_asked(open: &OpenInteraction, words: Words) -> impl Iterator<Item = Scope> {
    let asked = &open.interaction.request.grant;
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
        return Ok(back(call.realm, &open));
    };
    if !is_ours(&form, &[Some(token)]) {
        return Err(Reason::FormForged.into());
    }
    decide(ui, call, &open, form.optional("decision")).await?;
    Ok(back(call.realm, &open))
}

/// Commits what the user decided. Where that is not asked any more, or the session has ended in between, nothing is
/// written, and the way back says what is next.
async fn decide(
    ui: &Ui,
    call: Call<'_>,
    open: &OpenInteraction,
    decision: Option<&str>,
) -> Result<(), StoreError> {
    let (digest, client) = (&open.interaction.digest, &open.client);
    if decision != Some("allow") {
        if let Some((session, _)) = &open.session {
            let _written = ui.store.decline(digest, &session.id).await?;
        }
        return Ok(());
    }
    let here = open.here(ui).await?;
    if let Step::Consent(question) = here.next_step(client, &open.interaction, call.now) {
        let (session, consent) = (question.session(), question.allowed(call.now));
        let _written = ui
            .store
            .record_consent(digest, &session.id, &consent)
            .await?;
    }
    Ok(())
}
