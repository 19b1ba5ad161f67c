//! Which browser it is, who is signed in at it, and the sign-out of whoever that is.

use actix_web::{HttpRequest, HttpResponse};
use latchkey_operations::{AuditEvent, Realm, audit};
use latchkey_protocol::{
    Digest, Secret, SessionId, StoreError, Timestamp, UserId,
    audit::{ActorKind, Event},
    client::Client,
    kind,
    session::{Cookie, Session},
    user::User,
};

use crate::{
    call::Call,
    cookies::{BROWSER_LIFETIME, add_cookie, cookie, presented},
    state::Ui,
};

/// A browser, by the secret of its own that its cookie carries.
pub struct Browser {
    secret: Secret<kind::Browser>,
    /// Whether the browser came without the cookie.
    pub is_new: bool,
}

impl Browser {
    /// The browser of a request. One without the cookie gets a secret, which [`Browser::introduce`] hands out.
    pub fn of(ui: &Ui, request: &HttpRequest) -> Self {
        let secure = ui.realm(request).issuer.is_https();
        let known = presented(request, secure, Cookie::Browser)
            .and_then(Secret::<kind::Browser>::presented);
        let is_new = known.is_none();
        let secret = known.unwrap_or_else(|| Secret::<kind::Browser>::generate(&*ui.entropy));
        Self { secret, is_new }
    }

    /// What interactions are bound to.
    pub fn digest(&self) -> Digest<kind::Browser> {
        self.secret.digest()
    }

    /// The secret, for anti-forgery tokens.
    pub(crate) fn expose(&self) -> &str {
        self.secret.expose()
    }

    /// Sets the cookie where the browser came without it.
    pub fn introduce(&self, realm: &Realm, response: &mut HttpResponse) {
        if self.is_new {
            set_browser(realm, response, &self.secret);
        }
    }
}

fn set_browser(realm: &Realm, response: &mut HttpResponse, secret: &Secret<kind::Browser>) {
    let lifetime = Some(BROWSER_LIFETIME);
    let cookie = cookie(
        realm.issuer.is_https(),
        Cookie::Browser,
        secret.expose(),
        lifetime,
    );
    add_cookie(response, &cookie);
}

/// Gives the browser a new secret when a user signs in: what somebody planted or copied before counts for nothing
/// afterwards. Other tabs go on, because their interactions are bound to the new one in the same step.
pub(crate) async fn renew_browser(
    ui: &Ui,
    call: Call<'_>,
    old: &Browser,
    response: &mut HttpResponse,
) {
    let new = Secret::<kind::Browser>::generate(&*ui.entropy);
    // Otherwise another tab was faster, and its answer brings the new secret; or nothing hangs on the old one.
    if bind_again(ui, old, &new, call.now).await == Some(true) {
        set_browser(call.realm, response, &new);
    }
}

/// Binds what hangs on the old secret to the new one. Whether there was any; nothing when storage failed.
async fn bind_again(
    ui: &Ui,
    old: &Browser,
    new: &Secret<kind::Browser>,
    now: Timestamp,
) -> Option<bool> {
    let bound = ui
        .store
        .renew_browser(&old.digest(), &new.digest(), now)
        .await;
    bound
        .inspect_err(|error| tracing::warn!(%error, "the browser's secret was not renewed"))
        .ok()
}

/// The secret of the session cookie.
pub fn session_secret(ui: &Ui, request: &HttpRequest) -> Option<Secret<kind::Session>> {
    let secure = ui.realm(request).issuer.is_https();
    Secret::<kind::Session>::presented(presented(request, secure, Cookie::Session)?)
}

/// Who is signed in at this browser, and uses it.
///
/// # Errors
/// When storage fails.
pub async fn session(ui: &Ui, call: Call<'_>) -> Result<Option<(Session, User)>, StoreError> {
    match session_secret(ui, call.request) {
        Some(secret) => {
            ui.store
                .session_in_use(&secret.digest(), &call.realm.lifetimes, call.now)
                .await
        }
        None => Ok(None),
    }
}

/// Who is signed in at this browser, without using it.
///
/// # Errors
/// When storage fails.
pub async fn session_unused(
    ui: &Ui,
    call: Call<'_>,
) -> Result<Option<(Session, User)>, StoreError> {
    match session_secret(ui, call.request) {
        Some(secret) => ui.store.session(&secret.digest(), call.now).await,
        None => Ok(None),
    }
}

/// Ends a session of a user, by its name.
///
/// # Errors
/// When storage fails.
pub async fn end_session(
    ui: &Ui,
    call: Call<'_>,
    client: Option<&Client>,
    (id, user_id): (&SessionId, &UserId),
) -> Result<(), StoreError> {
    let entry = call.entry(Event::SessionEnded, (ActorKind::User, user_id));
    let ended = ui
        .store
        .recording(entry)
        .end_session_of(id, Some(user_id), false, call.now)
        .await?;
    if let Some(session) = ended {
        audit::log(&AuditEvent::SignedOut {
            user: &session.user_id,
            session: &session.id,
            client: client.map(|client| &client.id),
            address: call.address,
        });
    }
    Ok(())
}

/// Makes the browser a stranger after whoever was signed in at it signed out: its next user starts with a secret that nobody before them knows.
/// What was not presented is not touched.
pub async fn forget(ui: &Ui, call: Call<'_>, browser: &Browser, response: &mut HttpResponse) {
    if !browser.is_new {
        let new = Secret::<kind::Browser>::generate(&*ui.entropy);
        if bind_again(ui, browser, &new, call.now).await.is_some() {
            set_browser(call.realm, response, &new);
        }
    }
    forget_session(ui, call.request, response);
}

/// Takes the session cookie back, where it was presented.
pub fn forget_session(ui: &Ui, request: &HttpRequest, response: &mut HttpResponse) {
    let secure = ui.realm(request).issuer.is_https();
    if presented(request, secure, Cookie::Session).is_some() {
        add_cookie(response, &cookie(secure, Cookie::Session, "", Some(0)));
    }
}
