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
    error::Refusal,
    interaction::Interaction,
    observe::Observation,
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
    let id = request
        .extensions()
        .get::<Observation>()
        .map(|o| o.request_id.clone())
        .unwrap_or_default();
    crate::error_page(ui, request, error.reason(), &id)
}

/// An interaction that this browser began.
pub struct OpenInteraction {
    pub secret: Secret,
    /// The browser's own secret, as it came.
    pub browser: String,
    pub interaction: Interaction,
    pub client: std::sync::Arc<Client>,
    pub session: Option<(Session, User)>,
}

impl OpenInteraction {
    /// The anti-forgery token of a form that speaks of nobody. Bound to the interaction, and so to its browser: it stays
    /// good when the browser's secret is renewed in another tab.
    pub fn form(&self, ui: &Ui, page: &str) -> String {
        csrf(ui, self.secret.expose(), page, &[])
    }

    /// As [`OpenInteraction::form`], of a form that names who is signed in: it is answered by that session, not by one that
    /// began since, in another tab.
    pub fn form_of_user(&self, ui: &Ui, page: &str) -> Option<String> {
        let (session, user) = self.session.as_ref()?;
        Some(csrf(
            ui,
            self.secret.expose(),
            page,
            &[&session.id, &user.id],
        ))
    }
}

/// Loads what a page of an interaction needs, or says which page to show instead.
pub async fn open(
    ui: &Ui,
    request: &HttpRequest,
    interaction: &str,
) -> Result<OpenInteraction, HttpResponse> {
    let fail = |error: StoreError| fault(ui, request, &error);
    let unknown = || Reason::InteractionUnknown.because("a live interaction", "none");
    let refuse = |refused: Refusal| ui.refuse(request, &refused);
    let now = ui.clock.now();
    let secret =
        Secret::presented(SecretKind::Interaction, interaction).ok_or_else(|| refuse(unknown()))?;
    let found = ui.store.interaction(&secret.digest()).await.map_err(fail)?;
    let interaction = found
        .filter(|i| i.expires_at > now)
        .ok_or_else(|| refuse(unknown()))?;
    let (browser, _) = cookies::browser(request, ui.secure, &*ui.entropy);
    if !interaction.is_of(&Digest::of(&browser), now) {
        return Err(refuse(Reason::BrowserDiffers.into()));
    }
    let id = &interaction.request.client_id;
    let client = ui.store.client(id).await.map_err(fail)?;
    let client = client.ok_or_else(|| refuse(Reason::ClientUnknown.because(id, "deleted")))?;
    let session = session(ui, request).await.map_err(fail)?;
    Ok(OpenInteraction {
        secret,
        browser,
        interaction,
        client,
        session,
    })
}

/// As [`open`], with the form that was sent.
pub async fn open_form(
    ui: &Ui,
    request: &HttpRequest,
    interaction: &str,
    body: &[u8],
) -> Result<(OpenInteraction, Params), HttpResponse> {
    let open = open(ui, request, interaction).await?;
    let form = Params::parse(body);
    form.sound()
        .map_err(|refused| ui.refuse(request, &refused))?;
    Ok((open, form))
}

/// Whether the anti-forgery token of a form is one of these.
pub fn is_ours(form: &Params, tokens: &[Option<String>]) -> bool {
    let sent = form.optional("csrf").unwrap_or_default();
    tokens.iter().flatten().any(|token| same(sent, token))
}

/// Back to the address that says what is next.
pub fn back(ui: &Ui, open: &OpenInteraction) -> HttpResponse {
    see_other(&format!(
        "{}{}",
        ui.base,
        paths::resume(open.secret.expose())
    ))
}

/// Who is signed in at this browser, and uses it.
pub async fn session(
    ui: &Ui,
    request: &HttpRequest,
) -> Result<Option<(Session, User)>, StoreError> {
    let Some(secret) = session_secret(ui, request) else {
        return Ok(None);
    };
    ui.store
        .session_in_use(&secret.digest(), &ui.lifetimes, ui.clock.now())
        .await
}

pub fn session_secret(ui: &Ui, request: &HttpRequest) -> Option<Secret> {
    let cookie = request.cookie(cookie_name(ui.secure, Cookie::Session))?;
    Secret::presented(SecretKind::Session, cookie.value())
}

/// An anti-forgery token: bound to whose form it is, to the page and to what that is about.
pub fn csrf(ui: &Ui, whose: &str, page: &str, about: &[&str]) -> String {
    ui.form_pepper
        .text(&[&["csrf", whose, page], about].concat())
}

pub fn add_cookie(response: &mut HttpResponse, cookie: &str) {
    if let Ok(value) = header::HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// Gives the browser another secret of its own.
pub fn set_browser(ui: &Ui, response: &mut HttpResponse, secret: &Secret) {
    add_cookie(response, &cookies::browser_cookie(ui.secure, secret));
}

/// Gives the browser a new secret when who is signed in changes: what somebody planted or copied before counts for
/// nothing afterwards. Other tabs go on, because their interactions are bound to the new one in the same step.
pub async fn renew_browser(ui: &Ui, old: &str, response: &mut HttpResponse) {
    let new = Secret::generate(SecretKind::Browser, &*ui.entropy);
    match ui
        .store
        .renew_browser(&Digest::of(old), &new.digest(), ui.clock.now())
        .await
    {
        Ok(true) => set_browser(ui, response, &new),
        // Another tab was faster, and its answer brings the new secret; or there is nothing that hangs on the old one.
        Ok(false) => {}
        Err(error) => tracing::warn!(%error, "the browser's secret was not renewed"),
    }
}

/// How a user is called on a page.
pub fn display_name(user: &User) -> &str {
    user.name.as_deref().unwrap_or(&user.username)
}
