//! What the pages and every endpoint that answers a browser share.

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest};
use latchkey_operations::{PasswordSignIn, Realm};
use latchkey_protocol::{
    ClientId, Clock, Entropy, Store, StoreError, Timestamp,
    client::Client,
    console,
    error::Refusal,
    observe::{Observation, Refusals},
    secret::Pepper,
    tally::Tally,
};

use crate::{
    call::{Call, address},
    upstream::Upstreams,
};

/// Everything that the pages share.
pub struct Ui {
    /// The one issuer there is. A request finds its own by [`Ui::realm`].
    pub only_realm: Arc<Realm>,
    /// The database.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for secrets.
    pub entropy: Arc<dyn Entropy>,
    /// Where refusals are kept for `latchkey why`.
    pub refusals: Arc<dyn Refusals>,
    /// Key of anti-forgery tokens.
    pub form_pepper: Pepper,
    /// Keeps whose begun sign-ins are counted out of the counts' keys.
    pub count_pepper: Pepper,
    /// What is counted for the console.
    pub tally: Arc<Tally>,
    /// Signs users in with a password.
    pub sign_in: PasswordSignIn,
    /// The ways to other providers.
    pub upstreams: Upstreams,
}

impl Ui {
    /// Seconds since the epoch.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A call, judged at this moment.
    pub fn call<'a>(&'a self, request: &'a HttpRequest) -> Call<'a> {
        Call {
            request,
            realm: self.realm(request),
            now: self.now(),
            address: address(request),
        }
    }

    /// The issuer that a request is for: found here, and nowhere else.
    pub fn realm(&self, _request: &HttpRequest) -> &Arc<Realm> {
        &self.only_realm
    }

    /// The client with this id: registered, or the console's, which is built in.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn client(&self, realm: &Realm, id: &str) -> Result<Option<Arc<Client>>, StoreError> {
        if id == console::CLIENT_ID {
            return Ok(Some(realm.console.clone()));
        }
        self.store.client(&ClientId::new(id)).await
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
