//! How a browser is answered: refusals and our own faults as pages, redirects, answers to a client.

use std::fmt::Display;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use latchkey_protocol::{
    Reason, StoreError,
    authorize::answer_error,
    client::{ResponseMode, ReturnTo},
    error::Refusal,
    observe::first_segment,
    uri,
};

use crate::{
    call,
    pages::{error::error_page, form_post::form_post},
    state::Ui,
};

impl Ui {
    /// A refusal as a page, which leads nowhere.
    pub fn refuse(&self, request: &HttpRequest, refused: &Refusal) -> HttpResponse {
        let reference = self.note(request, refused);
        error_page(self, request, refused.reason, &reference)
    }
}

/// Our own breakage, as a page that carries the request's id.
pub fn broken(ui: &Ui, request: &HttpRequest, error: &dyn Display, reason: Reason) -> HttpResponse {
    tracing::error!(%error, "our own fault");
    error_page(ui, request, reason, &call::request_id(request))
}

/// As [`broken`], of the store.
pub fn fault(ui: &Ui, request: &HttpRequest, error: &StoreError) -> HttpResponse {
    broken(ui, request, error, error.reason())
}

/// A refusal that the client hears of (RFC 6749 4.1.2.1).
pub fn back(ui: &Ui, request: &HttpRequest, to: &ReturnTo, refused: &Refusal) -> HttpResponse {
    let reference = ui.note(request, refused);
    let refusal = refused.reason.refusal();
    let description = refusal.described(&reference);
    let pairs = answer_error(to, &ui.issuer, refusal.code, &description);
    send(ui, request, to, &pairs)
}

/// Our own breakage, where a destination is proven: the app can try again (RFC 6749 4.1.2.1).
pub fn broken_back(
    ui: &Ui,
    request: &HttpRequest,
    to: &ReturnTo,
    error: &dyn Display,
    reason: Reason,
) -> HttpResponse {
    tracing::error!(%error, "our own fault");
    back(ui, request, to, &reason.into())
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
