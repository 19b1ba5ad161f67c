use std::net::IpAddr;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use latchkey_operations::{Attempt, Caller, PasswordCheck};
use latchkey_protocol::{
    Params, Reason, Secret, SecretKind, StoreError,
    attempts::Guess,
    authorize::may_continue,
    names::Login,
    secret::new_id,
    session::{Cookie, EndedSession, Session},
    user::User,
};

use crate::{
    answer::fault,
    browser::{renew_browser, session_secret},
    call,
    cookies::{add_cookie, cookie},
    csrf::is_ours,
    interaction::{OpenInteraction, back, open, open_form},
    known::KnownBrowser,
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
    let again = |message, status| page(ui, request, open, Some(message), typed, remember, status);
    let login = Login::new(typed);
    let address = call::address(request);
    let now = ui.clock.now();
    let user = ui.store.user_by_login(&login).await?;
    let username = user
        .as_ref()
        .map_or(login.canonical(), |user| &user.username)
        .to_owned();
    let hash = user.as_ref().and_then(|user| user.password_hash.as_deref());
    let browser = KnownBrowser::of(request, ui.secure);
    let known = browser
        .as_ref()
        .and_then(|b| b.knows(&ui.form_pepper, &user.as_ref()?.id, hash?));
    let caller = Caller {
        address,
        known: known.is_some(),
    };
    // Counted before it is judged: of many at once no more are judged than are allowed.
    let guess = Guess {
        typed: login.canonical(),
        user: &username,
        known_browser: known,
    };
    let Some(counted) = ui.throttle.reserve(guess, address, now).await? else {
        // Not the name: it may be a password, typed one field too early.
        let received = format!("as many as are allowed, the last from {address}");
        let refused =
            Reason::TooManyAttempts.because("fewer failures within ten minutes", received);
        return Ok(ui.refuse(request, &refused));
    };
    let subject = user.as_ref().map(|user| user.id.clone());
    let password = form.optional("password").unwrap_or_default();
    let mut outcome = attempt(
        ui,
        request,
        open,
        caller,
        &counted,
        user,
        (password, remember),
    )
    .await?;
    if let Outcome::Overtaken = outcome {
        // Once more, with what is true now; then it counts as wrong.
        let user = ui.store.user_by_login(&login).await?;
        outcome = attempt(
            ui,
            request,
            open,
            caller,
            &counted,
            user,
            (password, remember),
        )
        .await?;
    }
    match outcome {
        Outcome::SignedIn(response) => {
            counted.succeeded().await;
            Ok(response)
        }
        Outcome::Busy => {
            let mut busy = again("login-busy", StatusCode::SERVICE_UNAVAILABLE);
            busy.headers_mut()
                .insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
            Ok(busy)
        }
        Outcome::Wrong | Outcome::Overtaken => {
            counted.was_wrong();
            audit_failure(ui, open, &login, subject.as_deref(), address);
            Ok(again("login-wrong", StatusCode::UNAUTHORIZED))
        }
    }
}

/// A user is named; what is nobody's name may be a password, typed one field too early, and stands there as a keyed
/// digest, by which attempts at the same can be told to be the same.
fn audit_failure(
    ui: &Ui,
    open: &OpenInteraction,
    login: &Login,
    known: Option<&str>,
    address: IpAddr,
) {
    let client = &open.client.id;
    match known {
        Some(user) => tracing::info!(target: "audit", user, client, %address, "sign-in failed"),
        None => {
            let typed: String = ui
                .audit_pepper
                .text(&[login.canonical()])
                .chars()
                .take(10)
                .collect();
            tracing::info!(target: "audit", typed, client, %address, "sign-in failed");
        }
    }
}

/// What came of one comparison.
enum Outcome {
    SignedIn(HttpResponse),
    Wrong,
    Busy,
    /// Right, but while it was compared the password was changed or renewed, or the user disabled or deleted.
    Overtaken,
}

async fn attempt(
    ui: &Ui,
    request: &HttpRequest,
    open: &OpenInteraction,
    caller: Caller,
    counted: &Attempt,
    user: Option<User>,
    (password, remember): (&str, bool),
) -> Result<Outcome, StoreError> {
    let hash = user
        .as_ref()
        .filter(|u| u.disabled_at.is_none())
        .and_then(|u| u.password_hash.clone());
    let (typed, entropy) = (password.to_owned(), ui.entropy.clone());
    let Ok(checked) = ui
        .passwords
        .check(caller, typed, hash.clone(), entropy, counted.clone())
        .await
    else {
        return Ok(Outcome::Busy);
    };
    let (Some(user), Some(hash)) = (user, hash) else {
        return Ok(Outcome::Wrong);
    };
    let hash = match checked {
        PasswordCheck::Wrong => return Ok(Outcome::Wrong),
        PasswordCheck::Right => hash,
        PasswordCheck::RightButStale(new)
            if ui.store.rehash_password(&user.id, &hash, &new).await? =>
        {
            new
        }
        PasswordCheck::RightButStale(_) => return Ok(Outcome::Overtaken),
    };
    let begun = begin_session(ui, request, open, &user, &hash, remember).await?;
    Ok(begun.map_or(Outcome::Overtaken, Outcome::SignedIn))
}

/// A new session, never a reused one, for this interaction; none when `hash` is not the user's any more.
async fn begin_session(
    ui: &Ui,
    request: &HttpRequest,
    open: &OpenInteraction,
    user: &User,
    hash: &str,
    remember: bool,
) -> Result<Option<HttpResponse>, StoreError> {
    let now = ui.clock.now();
    let secret = Secret::generate(SecretKind::Session, &*ui.entropy);
    let id = new_id(now, &*ui.entropy);
    let session = Session::begin(
        id,
        secret.digest(),
        user.id.clone(),
        remember,
        &ui.lifetimes,
        now,
    );
    let replaces = session_secret(ui, request).map(|s| s.digest());
    let signed_in = ui
        .store
        .sign_in(
            &session,
            hash,
            replaces.as_ref(),
            Some(&open.interaction.digest),
        )
        .await?;
    let Some(ended) = signed_in else {
        return Ok(None);
    };
    let (client, address) = (&open.client.id, call::address(request));
    for EndedSession { id, user_id, cause } in &ended {
        let (cause, by) = (cause.text(), &session.id);
        tracing::info!(target: "audit", user = %user_id, session = %id, by = %by, cause, client, %address, "session ended");
    }
    tracing::info!(target: "audit", user = %user.id, session = %session.id, client, %address, "signed in");
    let mut response = back(ui, open);
    let lifetime = remember.then_some(session.ends_at - now);
    add_cookie(
        &mut response,
        &cookie(ui.secure, Cookie::Session, secret.expose(), lifetime),
    );
    let shown = KnownBrowser::of(request, ui.secure);
    let known = KnownBrowser::cookie(
        shown,
        &ui.form_pepper,
        &*ui.entropy,
        ui.secure,
        (&user.id, hash),
    );
    add_cookie(&mut response, &known);
    renew_browser(ui, &open.browser, &mut response).await;
    Ok(Some(response))
}
