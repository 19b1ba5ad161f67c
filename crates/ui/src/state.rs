//! What the pages and every endpoint that answers a browser share.

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest};
use latchkey_operations::PasswordSignIn;
use latchkey_protocol::{
    Clock, Entropy, Store, Timestamp,
    authorization::Lifetimes,
    error::Refusal,
    observe::{Observation, Refusals},
    secret::Pepper,
};

use crate::call::Call;

/// Everything that the pages share.
pub struct Ui {
    /// The issuer, as it stands in tokens.
    pub issuer: String,
    /// The path of the issuer, without a slash at its end.
    pub base: String,
    /// Whether the issuer is https: cookies are then `__Host-` and `Secure`.
    pub secure: bool,
    /// The database.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for secrets.
    pub entropy: Arc<dyn Entropy>,
    /// Where refusals are kept for `latchkey why`.
    pub refusals: Arc<dyn Refusals>,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// Key of anti-forgery tokens.
    pub form_pepper: Pepper,
    /// Keeps whose begun sign-ins are counted out of the counts' keys.
    pub count_pepper: Pepper,
    /// Signs users in with a password.
    pub sign_in: PasswordSignIn,
}

impl Ui {
    /// Seconds since the epoch.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A call, judged at this moment.
    pub fn call<'a>(&self, request: &'a HttpRequest) -> Call<'a> {
        let now = self.now();
        Call { request, now }
    }

    /// One of our own addresses, with the issuer's origin.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.trim_end_matches('/'))
    }

    /// Keeps a refusal, notes it for the log line, and returns its reference.
    pub fn note(&self, request: &HttpRequest, refused: &Refusal) -> String {
        let mut extensions = request.extensions_mut();
        extensions
            .get_mut::<Observation>()
            .map_or_else(String::new, |o| {
                o.refuse(&*self.refusals, refused, request.path())
            })
    }
}
