//! The console's cookie: a secret that sign-ins are begun with, and the proof that one was finished.

use actix_web::HttpResponse;
use latchkey_protocol::{
    Secret, kind,
    secret::same,
    session::{Cookie, Session},
};
use latchkey_ui::{
    Ui,
    cookies::{add_cookie, cookie, presented},
};

use crate::visit::Arrival;

/// What a browser shows of its visits to the console.
#[derive(Clone)]
pub struct Mark {
    pub secret: Secret<kind::Console>,
    /// That a session was signed in to the console with; see [`Mark::is_of`].
    proof: Option<String>,
}

impl Mark {
    /// What the browser shows, if it has been here.
    pub fn of(arrival: &Arrival<'_>) -> Option<Self> {
        let secure = arrival.call.realm.issuer.is_https();
        let cookie = presented(arrival.call.request, secure, Cookie::Console)?;
        let (secret, proof) = match cookie.split_once('.') {
            Some((secret, proof)) => (secret, Some(proof.to_owned())),
            None => (cookie, None),
        };
        let secret = Secret::presented(secret)?;
        Some(Self { secret, proof })
    }

    /// Of a browser that comes for the first time.
    pub fn new(ui: &Ui) -> Self {
        let secret = Secret::generate(&*ui.entropy);
        Self {
            secret,
            proof: None,
        }
    }

    /// Whether the browser went through the sign-in of the console in this session.
    pub fn is_of(&self, ui: &Ui, session: &Session) -> bool {
        let proof = self.proof.as_deref().unwrap_or_default();
        same(proof, &self.proof_of(ui, session))
    }

    /// This mark once the sign-in is done.
    pub fn signed_in(&self, ui: &Ui, session: &Session) -> Self {
        let proof = Some(self.proof_of(ui, session));
        Self {
            proof,
            ..self.clone()
        }
    }

    fn proof_of(&self, ui: &Ui, session: &Session) -> String {
        let parts = ["console signed in", self.secret.expose(), &session.id];
        ui.form_pepper.text(&parts)
    }

    /// Hands it to the browser, until that is closed.
    pub fn set(&self, arrival: &Arrival<'_>, response: &mut HttpResponse) {
        let secret = self.secret.expose();
        let value = match &self.proof {
            Some(proof) => format!("{secret}.{proof}"),
            None => secret.to_owned(),
        };
        let secure = arrival.call.realm.issuer.is_https();
        add_cookie(response, &cookie(secure, Cookie::Console, &value, None));
    }

    /// Takes it back.
    pub fn forget(arrival: &Arrival<'_>, response: &mut HttpResponse) {
        let secure = arrival.call.realm.issuer.is_https();
        add_cookie(response, &cookie(secure, Cookie::Console, "", Some(0)));
    }
}
