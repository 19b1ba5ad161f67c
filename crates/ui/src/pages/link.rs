//! Whether an account at another provider is that of whoever has just signed in: what proves it is their sign-in here, and
//! their word. Nobody else's account is connected by a browser that was left open.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use latchkey_protocol::{
    Reason,
    audit::{ActorKind, Event},
    store::LinkOutcome,
    upstream::PendingLink,
};

use crate::{
    answer::or_page,
    call::Call,
    csrf::is_ours,
    failure::Failure,
    interaction::{OpenInteraction, back, open, open_form},
    render::{display_name, render, words},
    state::Ui,
    upstream,
    words::Words,
};

/// This page's name in its anti-forgery token: a yes is to the identity that was shown, not to one that came since.
fn page_of(pending: &PendingLink) -> String {
    format!("link {} {}", pending.key.issuer, pending.key.subject)
}

#[derive(Template)]
#[template(path = "link.html")]
struct LinkPage<'a> {
    words: Words,
    base: &'a str,
    /// What the provider is called.
    provider: String,
    /// The address that it has verified, or the name that the user gave there.
    there: String,
    /// What it calls the user among programs.
    subject: &'a str,
    /// Who has signed in here.
    name: &'a str,
    csrf: String,
}

pub async fn show(
    ui: web::Data<Ui>,
    request: HttpRequest,
    interaction: web::Path<String>,
) -> HttpResponse {
    let shown = ask(&ui, ui.call(&request), &interaction).await;
    or_page(&ui, &request, shown)
}

/// Asks, where something waits that may be this user's; else the interaction goes on.
async fn ask(ui: &Ui, call: Call<'_>, interaction: &str) -> Result<HttpResponse, Failure> {
    let open = open(ui, call, interaction).await?;
    let waiting = ui
        .store
        .pending_link(&open.interaction.digest, call.now)
        .await?;
    let (Some(pending), Some((_, user))) = (waiting, &open.session) else {
        return Ok(back(call.realm, &open));
    };
    let csrf = open
        .form_of_user(ui, &page_of(&pending))
        .unwrap_or_default();
    let is_theirs = pending.user_id.as_ref().is_none_or(|id| *id == user.id);
    let signed_in_here = proves(ui, &open, &pending).await?;
    let upstream = ui.store.upstream(&pending.upstream).await?;
    let Some(upstream) = upstream.filter(|_| is_theirs && signed_in_here) else {
        return Ok(back(call.realm, &open));
    };
    let asked = &open.interaction.request.grant;
    let words = words(call.request, asked.ui_locales.as_deref());
    let profile = &pending.profile;
    let called = profile.believed_email(&upstream).map(str::to_owned);
    // A name is what its user writes: it may be anybody's.
    let called = called.unwrap_or_else(|| {
        let name = profile.name.as_deref().unwrap_or_default();
        words.say_with("link-says", "name", name)
    });
    let page = LinkPage {
        words,
        base: call.realm.issuer.base(),
        provider: upstream::provider_name(&upstream, words),
        there: called,
        subject: &pending.key.subject,
        name: display_name(user),
        csrf,
    };
    Ok(render(&page, StatusCode::OK, true))
}

/// Whether the user signed in here for this interaction, after they came back from there. A sign-in at another provider
/// proves nothing about the account here.
async fn proves(ui: &Ui, open: &OpenInteraction, pending: &PendingLink) -> Result<bool, Failure> {
    let Some((session, _)) = &open.session else {
        return Ok(false);
    };
    let is_new = open.interaction.login_session.as_ref() == Some(&session.id)
        && session.auth_time >= pending.created_at;
    Ok(is_new && ui.store.upstream_of_session(&session.id).await?.is_none())
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
    let digest = &open.interaction.digest;
    let waiting = ui.store.pending_link(digest, call.now).await?;
    let (Some((_, user)), Some(pending)) = (&open.session, waiting) else {
        return Ok(back(call.realm, &open));
    };
    let is_forged = !is_ours(&form, &[open.form_of_user(ui, &page_of(&pending))]);
    if is_forged || !proves(ui, &open, &pending).await? {
        return Err(Reason::FormForged.into());
    }
    if form.optional("decision") != Some("yes") {
        ui.store.forget_pending_link(digest).await?;
        return Ok(back(call.realm, &open));
    }
    let mut entry = call.entry(Event::IdentityLinked, (ActorKind::User, &user.id));
    entry.is_logged = false;
    let finished = ui
        .store
        .recording(entry)
        .finish_pending_link(digest, call.now)
        .await?;
    match finished {
        Some((LinkOutcome::Linked, _)) => Ok(back(call.realm, &open)),
        outcome => {
            let expected = "an identity that waits, and a sign-in after it began to";
            let received = outcome.map_or("none".to_owned(), |(outcome, _)| format!("{outcome:?}"));
            Err(Reason::UpstreamLinkUnknown
                .because(expected, received)
                .into())
        }
    }
}
