//! The login page: the form, and what its answer leads to.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use latchkey_operations::{KnownBrowser, SignIn, SignInOutcome, SignedIn};
use latchkey_protocol::{
    Params, Reason, StoreError,
    authorize::may_continue,
    session::{Cookie, Session, cookie_name},
};

use crate::{
    answer::fault,
    browser::{renew_browser, session_secret},
    call,
    cookies::{BROWSER_LIFETIME, add_cookie, cookie},
    csrf::is_ours,
    interaction::{OpenInteraction, back, open, open_form},
    render::{display_name, render, words},
    state::Ui,
    words::Words,
};

/// This page's name in its anti-forgery tokens.
const PAGE: &str = "login";

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    words: Words,
    base: &'a str,
    client: &'a str,
    csrf: String,
    username: &'a str,
    remember: bool,
    message: Option<String>,
    /// Who could go on without a password, and the token of the form that names them.
    signed_in: Option<(&'a str, String)>,
}

pub async fn show(
    ui: web::Data<Ui>,
    request: HttpRequest,
    interaction: web::Path<String>,
) -> HttpResponse {
    match open(&ui, &request, &interaction).await {
        Ok(open) => {
            let username = open
                .interaction
                .request
                .login_hint
                .clone()
                .unwrap_or_default();
            page(&ui, &request, &open, None, &username, false, StatusCode::OK)
        }
        Err(response) => response,
    }
}

fn page(
    ui: &Ui,
    request: &HttpRequest,
    open: &OpenInteraction,
    message: Option<&str>,
    username: &str,
    remember: bool,
    status: StatusCode,
) -> HttpResponse {
    let asked = &open.interaction.request;
    let words = words(request, asked.ui_locales.as_deref());
    let session = open.session.as_ref();
    let other = session.is_some_and(|(s, _)| !asked.is_for(&s.user_id));
    // Only where the session would be enough, were it chosen.
    let enough =
        |session: &Session| may_continue(&open.client, &open.interaction, session, ui.clock.now());
    let choosing = session.filter(|(session, _)| enough(session));
    let page = LoginPage {
        words,
        base: &ui.base,
        client: open.client.name(),
        csrf: open.form(ui, PAGE),
        username,
        remember,
        message: message
            .or(other.then_some("login-hint"))
            .map(|id| words.say(id)),
        signed_in: choosing
            .map(|(_, user)| display_name(user))
            .zip(open.form_of_user(ui, PAGE)),
    };
    render(&page, status, true)
}

pub async fn submit(
    ui: web::Data<Ui>,
    request: HttpRequest,
    interaction: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let (open, form) = match open_form(&ui, &request, &interaction, &body).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let goes_on = form.optional("continue").is_some();
    // Going on takes the token of the form that names the user; a password speaks for itself.
    let plain = (!goes_on).then(|| open.form(&ui, PAGE));
    if !is_ours(&form, &[open.form_of_user(&ui, PAGE), plain]) {
        return ui.refuse(&request, &Reason::FormForged.into());
    }
    let done = if goes_on {
        go_on(&ui, &open).await
    } else {
        sign_in(&ui, &request, &open, &form).await
    };
    done.unwrap_or_else(|error| fault(&ui, &request, &error))
}

/// The user chose the account that is signed in already. Where that has ended in between, the way back says so.
async fn go_on(ui: &Ui, open: &OpenInteraction) -> Result<HttpResponse, StoreError> {
    if let Some((session, _)) = &open.session {
        let _written = ui
            .store
            .select_account(&open.interaction.digest, &session.id)
            .await?;
    }
    Ok(back(ui, open))
}

async fn sign_in(
    ui: &Ui,
    request: &HttpRequest,
    open: &OpenInteraction,
    form: &Params,
) -> Result<HttpResponse, StoreError> {
    let typed = form.optional("username").unwrap_or_default().trim();
    let remember = form.optional("remember-me").is_some();
    let browser = request
        .cookie(cookie_name(ui.secure, Cookie::Known))
        .and_then(|cookie| KnownBrowser::presented(cookie.value()));
    let replaces = session_secret(ui, request).map(|secret| secret.digest());
    let asked = SignIn {
        typed,
        password: form.optional("password").unwrap_or_default(),
        remember,
        address: call::address(request),
        browser: browser.as_ref(),
        replaces: replaces.as_ref(),
        interaction: &open.interaction.digest,
        client_id: &open.client.id,
        now: ui.now(),
    };
    let again = |message, status| page(ui, request, open, Some(message), typed, remember, status);
    Ok(match ui.sign_in.attempt(asked).await? {
        SignInOutcome::SignedIn(signed_in) => welcome(ui, open, &signed_in).await,
        SignInOutcome::Refused(refused) => ui.refuse(request, &refused),
        SignInOutcome::Wrong => again("login-wrong", StatusCode::UNAUTHORIZED),
        SignInOutcome::Busy => {
            let mut busy = again("login-busy", StatusCode::SERVICE_UNAVAILABLE);
            busy.headers_mut()
                .insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
            busy
        }
    })
}

/// Gives the browser its cookies, and leads it back.
async fn welcome(ui: &Ui, open: &OpenInteraction, signed_in: &SignedIn) -> HttpResponse {
    let session = &signed_in.session;
    let mut response = back(ui, open);
    let mut set = |name, value: &str, lifetime| {
        add_cookie(&mut response, &cookie(ui.secure, name, value, lifetime));
    };
    let lifetime = session
        .remember
        .then_some(session.ends_at - session.created_at);
    set(Cookie::Session, signed_in.secret.expose(), lifetime);
    let known = signed_in.browser.text();
    set(Cookie::Known, &known, Some(BROWSER_LIFETIME));
    renew_browser(ui, &open.browser, &mut response).await;
    response
}
