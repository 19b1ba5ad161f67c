//! An authorization request that waits for a user: kept at its beginning, opened by each page.

use std::sync::Arc;

use actix_web::HttpResponse;
use latchkey_operations::Realm;
use latchkey_protocol::{
    Params, Reason, Secret, StoreError, Timestamp,
    attempts::Origin,
    authorize::{Step, next_step},
    bounds,
    client::Client,
    consent::Consent,
    error::Refusal,
    interaction::{Interaction, is_visit},
    kind, paths,
    session::Session,
    store::BeginOutcome,
    user::User,
};

use crate::{
    answer::see_other,
    browser::{self, Browser},
    call::{Call, header},
    csrf::csrf,
    failure::Failure,
    state::Ui,
};

/// Keeps what a user has to answer, unless nobody is there to answer it or too much is kept already.
///
/// # Errors
/// When storage fails.
pub async fn begin(
    ui: &Ui,
    call: Call<'_>,
    interaction: &Interaction,
) -> Result<Option<Refusal>, StoreError> {
    let mode = header(call.request, "sec-fetch-mode");
    let dest = header(call.request, "sec-fetch-dest");
    if !is_visit(mode, dest) {
        let received = format!("{} {}", mode.unwrap_or_default(), dest.unwrap_or_default());
        let refused = Reason::NotAVisit.because("a navigation to a document", received);
        return Ok(Some(refused));
    }
    let from = Origin::of(&ui.count_pepper, call.address);
    Ok(refused(
        ui.store.begin_interaction(interaction, &from).await?,
    ))
}

fn refused(outcome: BeginOutcome) -> Option<Refusal> {
    let refused = match outcome {
        BeginOutcome::Begun => return None,
        BeginOutcome::TooLarge => {
            let most = format!("at most {} bytes, as it is stored", bounds::LARGEST_REQUEST);
            Reason::RequestTooLarge.because(most, "more")
        }
        BeginOutcome::NetworkFull | BeginOutcome::NeighbourhoodFull => {
            Reason::TooManySignIns.because("fewer that nobody has finished", "one more")
        }
        BeginOutcome::Full => {
            let most = "fewer that nobody has finished, of all together";
            Reason::Busy.because(most, "one more")
        }
    };
    Some(refused)
}

/// An interaction that this browser began.
pub struct OpenInteraction {
    /// The secret in its address, which names it.
    pub secret: Secret<kind::Interaction>,
    /// The browser that asks, which is the one that began it.
    pub browser: Browser,
    /// The authorization request, and what was answered of it.
    pub interaction: Interaction,
    /// The client that it goes back to.
    pub client: Arc<Client>,
    /// Who is signed in at this browser.
    pub session: Option<(Session, User)>,
}

impl OpenInteraction {
    /// The anti-forgery token of a form that speaks of nobody. Bound to the interaction, and so to its browser: it stays
    /// good when the browser's secret is renewed in another tab.
    pub fn form(&self, ui: &Ui, page: &str) -> String {
        csrf(ui, self.secret.expose(), page, &[])
    }

    /// Who is here, as [`here`] says it.
    ///
    /// # Errors
    /// When storage fails.
    pub(crate) async fn here(&self, ui: &Ui) -> Result<Here, StoreError> {
        with_consent(ui, self.session.clone(), &self.client).await
    }

    /// As [`OpenInteraction::form`], of a form that names who is signed in: it is answered by that session, not by one that
    /// began since, in another tab.
    pub fn form_of_user(&self, ui: &Ui, page: &str) -> Option<String> {
        let (session, user) = self.session.as_ref()?;
        let about = [session.id.as_str(), &user.id];
        Some(csrf(ui, self.secret.expose(), page, &about))
    }
}

/// The live interaction whose secret an address has.
///
/// # Errors
/// [`Reason::InteractionUnknown`]; our own when storage fails.
pub async fn find(
    ui: &Ui,
    call: Call<'_>,
    secret: &str,
) -> Result<(Secret<kind::Interaction>, Interaction), Failure> {
    let unknown = || Reason::InteractionUnknown.because("a live interaction", "none");
    let secret = Secret::<kind::Interaction>::presented(secret).ok_or_else(unknown)?;
    let found = ui.store.interaction(&secret.digest()).await?;
    let live = found.filter(|i| i.expires_at > call.now);
    Ok((secret, live.ok_or_else(unknown)?))
}

/// The client of an interaction, which may have been deleted or disabled since.
///
/// # Errors
/// [`Reason::ClientUnknown`], [`Reason::ClientDisabled`]; our own when storage fails.
pub async fn client_of(
    ui: &Ui,
    realm: &Realm,
    interaction: &Interaction,
) -> Result<Arc<Client>, Failure> {
    let id = &interaction.request.client_id;
    let client = ui.client(realm, id).await?;
    let client = client.ok_or_else(|| Reason::ClientUnknown.because(id.as_str(), "deleted"))?;
    client.enabled()?;
    Ok(client)
}

/// The browser that sends the request, if it is the one that began the interaction.
///
/// # Errors
/// [`Reason::BrowserDiffers`].
pub fn browser_of(ui: &Ui, call: Call<'_>, interaction: &Interaction) -> Result<Browser, Refusal> {
    let browser = Browser::of(ui, call.request);
    if !interaction.is_of(&browser.digest(), call.now) {
        return Err(Reason::BrowserDiffers.into());
    }
    Ok(browser)
}

/// Who is signed in at this browser, and what that user allowed the client before: what [`next_step`] decides by.
pub struct Here {
    session: Option<(Session, User)>,
    consent: Option<Consent>,
}

/// Loads who is here, for this client.
///
/// # Errors
/// When storage fails.
pub async fn here(ui: &Ui, call: Call<'_>, client: &Client) -> Result<Here, StoreError> {
    with_consent(ui, browser::session(ui, call).await?, client).await
}

async fn with_consent(
    ui: &Ui,
    session: Option<(Session, User)>,
    client: &Client,
) -> Result<Here, StoreError> {
    let consent = match &session {
        Some((session, _)) => ui.store.consent(&session.user_id, &client.id).await?,
        None => None,
    };
    Ok(Here { session, consent })
}

impl Here {
    /// What the interaction needs next from whoever is here.
    pub fn next_step<'a>(
        &'a self,
        client: &'a Client,
        interaction: &'a Interaction,
        now: Timestamp,
    ) -> Step<'a> {
        let (session, user) = self.session.as_ref().map(|(s, u)| (s, u)).unzip();
        let consent = self.consent.as_ref();
        next_step(client, interaction, session, user, consent, now)
    }
}

/// Loads what a page of an interaction needs.
///
/// # Errors
/// Those of [`find`], [`browser_of`] and [`client_of`]; our own when storage fails.
pub async fn open(ui: &Ui, call: Call<'_>, interaction: &str) -> Result<OpenInteraction, Failure> {
    let (secret, interaction) = find(ui, call, interaction).await?;
    let browser = browser_of(ui, call, &interaction)?;
    let client = client_of(ui, call.realm, &interaction).await?;
    let session = browser::session(ui, call).await?;
    Ok(OpenInteraction {
        secret,
        browser,
        interaction,
        client,
        session,
    })
}

/// As [`open`], with the form that was sent.
///
/// # Errors
/// Those of [`open`], and what makes the form unreadable.
pub async fn open_form(
    ui: &Ui,
    call: Call<'_>,
    interaction: &str,
    body: &[u8],
) -> Result<(OpenInteraction, Params), Failure> {
    let open = open(ui, call, interaction).await?;
    let form = Params::parse(body);
    form.sound()?;
    Ok((open, form))
}

/// Back to the address that says what is next.
pub fn back(realm: &Realm, open: &OpenInteraction) -> HttpResponse {
    let path = paths::resume(open.secret.expose());
    see_other(&format!("{}{path}", realm.issuer.base()))
}
