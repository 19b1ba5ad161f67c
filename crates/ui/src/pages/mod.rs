//! One file for each page.

pub mod assets;
pub mod consent;
pub mod error;
pub mod form_post;
pub mod login;
pub mod logout;
pub mod start;

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::{StatusCode, header},
};
use askama::Template;
use latchkey_protocol::{
    Digest, Params, Reason, Secret, SecretKind, StoreError,
    client::Client,
    error::Refused,
    interaction::Interaction,
    observe::Observed,
    paths,
    secret::same,
    session::{Cookie, Session, cookie_name},
    user::User,
};

use crate::{Ui, cookies, headers::page_headers};

pub fn render(page: &impl Template, status: StatusCode, script: bool) -> HttpResponse {
    match page.render() {
        Ok(html) => {
            let mut builder = HttpResponse::build(status);
            page_headers(&mut builder, script);
            builder.body(html)
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            HttpResponse::InternalServerError().finish()
        }
    }
}

pub fn see_other(location: &str) -> HttpResponse {
    HttpResponse::build(StatusCode::SEE_OTHER)
        .insert_header((header::LOCATION, location))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .finish()
}

/// Our own breakage, as a page.
pub fn fault(ui: &Ui, request: &HttpRequest, error: &StoreError) -> HttpResponse {
    tracing::error!(%error, "storage failed");
    let id = request.extensions().get::<Observed>().map(|o| o.request_id.clone()).unwrap_or_default();
    crate::error_page(ui, request, error.reason(), &id)
}

/// The consent page's name in its anti-forgery token.
pub const CONSENT: &str = "consent";

/// An interaction that this browser began.
pub struct Open {
    pub secret: Secret,
    pub interaction: Interaction,
    pub client: std::sync::Arc<Client>,
    pub session: Option<(Session, User)>,
    pub csrf: String,
}

/// Loads what a page of an interaction needs, or says which page to show instead.
pub async fn open(ui: &Ui, request: &HttpRequest, interaction: &str, page: &str) -> Result<Open, HttpResponse> {
    let fail = |error: StoreError| fault(ui, request, &error);
    let unknown = || Reason::InteractionUnknown.because("a live interaction", "none");
    let refuse = |refused: Refused| ui.refuse(request, &refused);
    let secret = Secret::presented(SecretKind::Interaction, interaction).ok_or_else(|| refuse(unknown()))?;
    let found = ui.store.interaction(&secret.digest()).await.map_err(fail)?;
    let interaction = found.filter(|i| i.expires_at > ui.clock.now()).ok_or_else(|| refuse(unknown()))?;
    let (browser, _) = cookies::browser(request, ui.secure, &*ui.entropy);
    if Digest::of(&browser) != interaction.browser {
        return Err(refuse(Reason::BrowserDiffers.into()));
    }
    let id = &interaction.request.client_id;
    let client = ui.store.client(id).await.map_err(fail)?;
    let client = client.ok_or_else(|| refuse(Reason::ClientUnknown.because(id, "deleted")))?;
    let session = session(ui, request).await.map_err(fail)?;
    // A page that names a person is answered by that person, not by one who signed in since, in another tab.
    let shown_to = session.as_ref().filter(|_| page == CONSENT).map_or("", |(session, _)| session.id.as_str());
    let csrf = csrf(ui, &browser, page, &[secret.expose(), shown_to]);
    Ok(Open { secret, interaction, client, session, csrf })
}

/// As [`open`], for a form that was sent: its anti-forgery token is the page's.
pub async fn open_form(
    ui: &Ui,
    request: &HttpRequest,
    interaction: &str,
    page: &str,
    body: &[u8],
) -> Result<(Open, Params), HttpResponse> {
    let open = open(ui, request, interaction, page).await?;
    let form = Params::parse(body);
    form.sound().map_err(|refused| ui.refuse(request, &refused))?;
    if !same(form.optional("csrf").unwrap_or_default(), &open.csrf) {
        return Err(ui.refuse(request, &Reason::FormForged.into()));
    }
    Ok((open, form))
}

/// Back to the address that says what is next.
pub fn back(ui: &Ui, open: &Open) -> HttpResponse {
    see_other(&format!("{}{}", ui.base, paths::resume(open.secret.expose())))
}

/// Who is signed in at this browser.
pub async fn session(ui: &Ui, request: &HttpRequest) -> Result<Option<(Session, User)>, StoreError> {
    let Some(secret) = session_secret(ui, request) else { return Ok(None) };
    ui.store.session(&secret.digest(), ui.clock.now()).await
}

pub fn session_secret(ui: &Ui, request: &HttpRequest) -> Option<Secret> {
    let cookie = request.cookie(cookie_name(ui.secure, Cookie::Session))?;
    Secret::presented(SecretKind::Session, cookie.value())
}

/// An anti-forgery token: bound to the browser, the page and what it is about.
pub fn csrf(ui: &Ui, browser: &str, page: &str, about: &[&str]) -> String {
    ui.form_pepper.text(&[&["csrf", browser, page], about].concat())
}

/// How a person is called on a page.
pub fn display_name(user: &User) -> &str {
    user.name.as_deref().unwrap_or(&user.username)
}
