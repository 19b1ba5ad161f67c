//! Asking before a sign-out.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use latchkey_protocol::{
    ClientId, Params, Reason, SessionId, UserId, client::Client, logout, paths, secret::same,
    session::Session, uri, user::User,
};

use super::{
    error::sentence,
    signed_out::{Farewell, farewell, frames_of},
};
use crate::{
    answer::{or_page, see_other},
    browser::{self, Browser, session_unused},
    call::Call,
    csrf::csrf,
    failure::Failure,
    render::{display_name, render, words},
    state::Ui,
    words::Words,
};

/// This page's name in its anti-forgery tokens.
const PAGE: &str = "logout";

#[derive(Template)]
#[template(path = "logout.html")]
struct LogoutPage<'a> {
    words: Words,
    base: &'a str,
    csrf: String,
    /// Who is signed in here.
    name: Option<&'a str>,
    named: Option<(&'a str, &'a str)>,
    client_id: &'a str,
    redirect: &'a str,
    state: &'a str,
    /// What was wrong with the request, and its reference.
    refused: Option<(String, &'a str)>,
}

/// What the user is asked about before signing out.
pub struct LogoutQuestion<'a> {
    /// Who is signed in at this browser.
    pub here: Option<&'a (Session, User)>,
    /// The session that ends, where nobody is signed in here, and its user.
    pub named: Option<(&'a str, &'a str)>,
    /// The client that asks.
    pub client_id: Option<&'a str>,
    /// Where the browser goes afterwards; proven.
    pub redirect: Option<&'a str>,
    /// What the client hears again there.
    pub state: Option<&'a str>,
    /// The languages that the client asks for, best first.
    pub ui_locales: Option<&'a str>,
    /// What was wrong with the request, and its reference.
    pub refused: Option<(Reason, &'a str)>,
}

/// Asks before signing out, so that no link alone can do it. The form is bound to the session that it is about.
pub fn confirm_logout(ui: &Ui, request: &HttpRequest, asked: &LogoutQuestion<'_>) -> HttpResponse {
    let browser = Browser::of(ui, request);
    let words = words(request, asked.ui_locales);
    let page = LogoutPage {
        words,
        base: ui.realm(request).issuer.base(),
        csrf: token(
            ui,
            &browser,
            asked.here.map(|(session, _)| session),
            asked.named,
        ),
        name: asked.here.map(|(_, user)| display_name(user)),
        named: asked.named,
        client_id: asked.client_id.unwrap_or_default(),
        redirect: asked.redirect.unwrap_or_default(),
        state: asked.state.unwrap_or_default(),
        refused: asked
            .refused
            .map(|(reason, reference)| (sentence(words, reason), reference)),
    };
    let mut response = render(&page, StatusCode::OK, true);
    browser.introduce(ui.realm(request), &mut response);
    response
}

fn token(
    ui: &Ui,
    browser: &Browser,
    here: Option<&Session>,
    named: Option<(&str, &str)>,
) -> String {
    let (session, user) = named.unwrap_or_default();
    let here = here.map_or("", |session| session.id.as_str());
    csrf(ui, browser.expose(), PAGE, &[here, session, user])
}

pub async fn confirmed(ui: web::Data<Ui>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let form = Params::parse(&body);
    let answered = answer(&ui, ui.call(&request), &form).await;
    or_page(&ui, &request, answered)
}

async fn answer(ui: &Ui, call: Call<'_>, form: &Params) -> Result<HttpResponse, Failure> {
    form.sound()?;
    let browser = Browser::of(ui, call.request);
    let here = session_unused(ui, call).await?;
    let here = here.as_ref().map(|(session, _)| session);
    let named = form.optional("named").zip(form.optional("named_user"));
    if !same(
        form.optional("csrf").unwrap_or_default(),
        &token(ui, &browser, here, named),
    ) {
        return match (here, named) {
            // A second press: the first has done it.
            (None, None) => Ok(see_other(&format!(
                "{}{}",
                call.realm.issuer.base(),
                paths::SIGNED_OUT
            ))),
            _ => Err(Reason::FormForged.into()),
        };
    }
    if form.optional("decision") == Some("stay") {
        return Ok(see_other(&format!("{}/", call.realm.issuer.base())));
    }
    let client = match form.optional("client_id") {
        Some(id) => ui.store.client(&ClientId::new(id)).await?,
        None => None,
    };
    let client = client.as_deref();
    // The token has proven which session the page was about.
    let shown = here.map(|session| (&session.id, &session.user_id));
    let named = named.map(|(session, user)| (SessionId::new(session), UserId::new(user)));
    let named = named.as_ref().map(|(session, user)| (session, user));
    let mut frames = Vec::new();
    if let Some(ended) = shown.or(named) {
        // Only a browser that is in the session sees who else is: a link or an ID token alone shows nothing, and its cookies at
        // those clients are not of that session.
        if shown.is_some() {
            frames = frames_of(ui, call, ended.0).await?;
        }
        browser::end_session(ui, call, client, ended).await?;
    }
    let (to, refused) = next(ui, call, form, client);
    let way = Farewell {
        to: to.as_deref(),
        refused: refused.as_deref(),
        ui_locales: None,
    };
    let mut response = farewell(ui, call, &frames, way);
    if here.is_some() {
        browser::forget(ui, call, &browser, &mut response).await;
    } else {
        browser::forget_session(ui, call.request, &mut response);
    }
    Ok(response)
}

/// Where the browser goes afterwards, or the reference of why not there. What the form says is proven again: it came back
/// through the browser.
fn next(
    ui: &Ui,
    call: Call<'_>,
    form: &Params,
    client: Option<&Client>,
) -> (Option<String>, Option<String>) {
    match logout::destination(client, form.optional("post_logout_redirect_uri")) {
        Ok(to) => {
            let state = form.optional("state").map(|state| ("state", state));
            (to.map(|to| uri::with_query(&to, state.as_slice())), None)
        }
        Err(refused) => {
            if let Some(client) = client {
                call.observe_client(&client.id);
            }
            (None, Some(ui.note(call.request, &refused)))
        }
    }
}
