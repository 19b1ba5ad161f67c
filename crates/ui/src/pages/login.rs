//! The login page: the form, and what its answer leads to.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use latchkey_operations::{KnownBrowser, SignIn, SignInOutcome, SignedIn};
use latchkey_protocol::{
    Params, Reason,
    authorize::may_continue,
    paths,
    session::{Cookie, Session},
    tally::Counted,
};

use crate::{
    answer::{or_page, see_other},
    browser::{renew_browser, session_secret},
    call::{Call, device, request_id},
    cookies::{BROWSER_LIFETIME, add_cookie, cookie, presented},
    csrf::is_ours,
    failure::Failure,
    interaction::{OpenInteraction, back, open, open_form},
    render::{display_name, render, words},
    state::Ui,
    upstream::{Button, buttons, hinted},
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
    /// The ways to other providers: those that are seen at once, and the rest.
    others: &'a [Button],
    more: &'a [Button],
}

/// How many ways to other providers are seen at once: with the form, a screenful on a phone.
const SEEN: usize = 4;

/// What the page says to whoever comes back from another provider.
fn notice(request: &HttpRequest) -> Option<&'static str> {
    match Params::parse(request.query_string().as_bytes()).optional("notice") {
        Some("cancelled") => Some("login-cancelled"),
        Some("link") => Some("login-link"),
        _ => None,
    }
}

pub async fn show(
    ui: web::Data<Ui>,
    request: HttpRequest,
    interaction: web::Path<String>,
) -> HttpResponse {
    let call = ui.call(&request);
    let shown = first(&ui, call, &interaction).await;
    or_page(&ui, &request, shown)
}

async fn first(ui: &Ui, call: Call<'_>, interaction: &str) -> Result<HttpResponse, Failure> {
    let open = open(ui, call, interaction).await?;
    let hint = open.interaction.request.grant.login_hint.as_deref();
    let username = hint.unwrap_or_default();
    // Who came back, for whichever reason, chooses: else nobody would get past a provider that fails.
    let came_back = !call.request.query_string().is_empty();
    if !came_back
        && open.session.is_none()
        && let Some(path) = hinted(ui, &open, call.now).await?
    {
        return Ok(see_other(&call.realm.at(&path)));
    }
    let message = notice(call.request);
    page(ui, call, &open, message, username, false, StatusCode::OK).await
}

async fn page(
    ui: &Ui,
    call: Call<'_>,
    open: &OpenInteraction,
    message: Option<&str>,
    username: &str,
    remember: bool,
    status: StatusCode,
) -> Result<HttpResponse, Failure> {
    let asked = &open.interaction.request.grant;
    let words = words(call.request, asked.ui_locales.as_deref());
    let session = open.session.as_ref();
    let other = session.is_some_and(|(s, _)| !asked.is_for(&open.client, &s.user_id));
    // Only where the session would be enough, were it chosen.
    let enough =
        |session: &Session| may_continue(&open.client, &open.interaction, session, call.now);
    let choosing = session.filter(|(session, _)| enough(session));
    let buttons = buttons(ui, open, words, call.now).await;
    // Passwords go on without them.
    let buttons = buttons.unwrap_or_else(|error| {
        tracing::error!(%error, "the login page shows no other provider");
        Vec::new()
    });
    let (others, more) = buttons.split_at(buttons.len().min(SEEN));
    let page = LoginPage {
        words,
        base: call.realm.issuer.base(),
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
        others,
        more,
    };
    Ok(render(&page, status, true))
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
    let goes_on = form.optional("continue").is_some();
    // Going on takes the token of the form that names the user; a password speaks for itself.
    let plain = (!goes_on).then(|| open.form(ui, PAGE));
    if !is_ours(&form, &[open.form_of_user(ui, PAGE), plain]) {
        return Err(Reason::FormForged.into());
    }
    if goes_on {
        return go_on(ui, call, &open).await;
    }
    sign_in(ui, call, &open, &form).await
}

/// The user chose the account that is signed in already. Where that has ended in between, the way back says so.
async fn go_on(ui: &Ui, call: Call<'_>, open: &OpenInteraction) -> Result<HttpResponse, Failure> {
    if let Some((session, _)) = &open.session {
        let _written = ui
            .store
            .select_account(&open.interaction.digest, &session.id)
            .await?;
    }
    Ok(back(call.realm, open))
}

async fn sign_in(
    ui: &Ui,
    call: Call<'_>,
    open: &OpenInteraction,
    form: &Params,
) -> Result<HttpResponse, Failure> {
    let typed = form.optional("username").unwrap_or_default().trim();
    let remember = form.optional("remember-me").is_some();
    let browser = presented(call.request, call.realm.issuer.is_https(), Cookie::Known)
        .and_then(KnownBrowser::presented);
    let replaces = session_secret(ui, call.request).map(|secret| secret.digest());
    let request_id = request_id(call.request);
    let asked = SignIn {
        typed,
        password: form.optional("password").unwrap_or_default(),
        remember,
        address: call.address,
        device: device(call.request),
        browser: browser.as_ref(),
        replaces: replaces.as_ref(),
        interaction: &open.interaction.digest,
        client_id: &open.client.id,
        request_id: &request_id,
        now: call.now,
    };
    let again = |message, status| page(ui, call, open, Some(message), typed, remember, status);
    let outcome = ui.sign_in.attempt(asked).await?;
    ui.tally.add(match outcome {
        SignInOutcome::SignedIn(_) => Counted::SignIns,
        _ => Counted::FailedSignIns,
    });
    Ok(match outcome {
        SignInOutcome::SignedIn(signed_in) => welcome(ui, call, open, &signed_in).await?,
        SignInOutcome::Refused(refused) => return Err(refused.into()),
        SignInOutcome::Wrong => again("login-wrong", StatusCode::UNAUTHORIZED).await?,
        SignInOutcome::Busy => {
            let mut busy = again("login-busy", StatusCode::SERVICE_UNAVAILABLE).await?;
            busy.headers_mut()
                .insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
            busy
        }
    })
}

/// Gives the browser its cookies, and leads it back.
async fn welcome(
    ui: &Ui,
    call: Call<'_>,
    open: &OpenInteraction,
    signed_in: &SignedIn,
) -> Result<HttpResponse, Failure> {
    let session = &signed_in.session;
    let digest = &open.interaction.digest;
    let mut response = match ui.store.pending_link(digest, call.now).await? {
        // Who came from another provider says first whether the account there is theirs.
        Some(_) => see_other(
            &call
                .realm
                .at(&paths::page(paths::LINK, open.secret.expose())),
        ),
        None => back(call.realm, open),
    };
    let mut set = |name, value: &str, lifetime| {
        add_cookie(
            &mut response,
            &cookie(call.realm.issuer.is_https(), name, value, lifetime),
        );
    };
    let lifetime = session
        .remember
        .then_some(session.ends_at - session.created_at);
    set(Cookie::Session, signed_in.secret.expose(), lifetime);
    let known = signed_in.browser.text();
    set(Cookie::Known, &known, Some(BROWSER_LIFETIME));
    renew_browser(ui, call, &open.browser, &mut response).await;
    Ok(response)
}
