//! How a browser is answered: refusals and our own faults as pages, redirects, answers to a client.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use latchkey_protocol::{
    Reason,
    authorize::answer_error,
    client::{ResponseMode, ReturnTo},
    error::Refusal,
    observe::first_segment,
    paths, uri,
};

use crate::{
    call,
    failure::Failure,
    pages::{
        error::{error_page, error_page_before},
        form_post::form_post,
    },
    state::Ui,
};

impl Ui {
    /// A refusal as a page, which leads nowhere.
    pub fn refuse(&self, request: &HttpRequest, refused: &Refusal) -> HttpResponse {
        let reference = self.note(request, refused);
        error_page(self, request, refused.reason, &reference)
    }
}

/// The door to a user: a failure becomes a page, the only way out before a destination is proven. Of our own breakage it
/// carries the request's id.
pub fn or_page(
    ui: &Ui,
    request: &HttpRequest,
    answered: Result<HttpResponse, Failure>,
) -> HttpResponse {
    answered.unwrap_or_else(|failure| match failure {
        Failure::Refused { refusal, .. } => ui.refuse(request, &refusal),
        Failure::Fault(fault) => {
            tracing::error!(error = %fault, "our own fault");
            error_page(ui, request, fault.reason(), &call::request_id(request))
        }
    })
}

/// As [`or_page`], of somebody on the way to or from another provider: from the page they can go back to the login page of
/// their interaction, where it is theirs and still there.
pub fn or_login(
    ui: &Ui,
    request: &HttpRequest,
    interaction: Option<&str>,
    answered: Result<HttpResponse, Failure>,
) -> HttpResponse {
    let Err(Failure::Refused { refusal, .. }) = &answered else {
        return or_page(ui, request, answered);
    };
    let is_over = matches!(
        refusal.reason,
        Reason::BrowserDiffers
            | Reason::InteractionUnknown
            | Reason::ClientUnknown
            | Reason::ClientDisabled
    );
    let Some(interaction) = interaction.filter(|_| !is_over) else {
        return or_page(ui, request, answered);
    };
    let reference = ui.note(request, refusal);
    let path = paths::page(paths::LOGIN, interaction);
    // With a word, as whoever cancelled: it does not lead back to the provider by itself.
    let login = format!("{}?notice=failed", ui.realm(request).at(&path));
    error_page_before(ui, request, refusal.reason, &reference, Some(&login))
}

/// The door by the browser to the client, once its address is proven (RFC 6749 4.1.2.1): also our own breakage goes
/// there, so that the app can try again.
pub fn or_back(
    ui: &Ui,
    request: &HttpRequest,
    to: &ReturnTo,
    answered: Result<HttpResponse, Failure>,
) -> HttpResponse {
    answered.unwrap_or_else(|failure| match failure {
        Failure::Refused { refusal, .. } => back(ui, request, to, &refusal),
        Failure::Fault(fault) => {
            tracing::error!(error = %fault, "our own fault");
            back(ui, request, to, &fault.reason().into())
        }
    })
}

/// A refusal that the client hears of (RFC 6749 4.1.2.1).
fn back(ui: &Ui, request: &HttpRequest, to: &ReturnTo, refused: &Refusal) -> HttpResponse {
    let reference = ui.note(request, refused);
    let refusal = refused.reason.refusal();
    let description = refusal.described(&reference);
    let pairs = answer_error(to, &ui.realm(request).issuer, refusal.code, &description);
    send(ui, request, to, &pairs)
}

/// Sends the browser to the client with an answer.
pub fn send(ui: &Ui, request: &HttpRequest, to: &ReturnTo, pairs: &[(&str, &str)]) -> HttpResponse {
    match to.mode() {
        ResponseMode::Query => see_other(&uri::with_query(to.redirect_uri(), pairs)),
        ResponseMode::FormPost => form_post(ui, request, to, pairs),
    }
}

/// A redirect that is always followed by GET (RFC 9700 4.12).
pub fn see_other(location: &str) -> HttpResponse {
    HttpResponse::build(StatusCode::SEE_OTHER)
        .insert_header((header::LOCATION, location))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .finish()
}

/// What is answered where there is nothing.
pub async fn not_found(ui: web::Data<Ui>, request: HttpRequest) -> HttpResponse {
    let received = first_segment(request.path()).to_owned();
    let refused = Reason::PageUnknown.because("an address of discovery", received);
    ui.refuse(&request, &refused)
}
