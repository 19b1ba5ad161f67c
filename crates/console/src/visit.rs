//! Who came: anybody, or somebody who may be here.

use actix_web::{HttpRequest, HttpResponse, http::header};
use latchkey_operations::{Actor, Caller, Hasher, Operations, Waiter};
use latchkey_protocol::{
    Params, StoreError, Timestamp, audit::FrontEnd, console::Access, session::Session, user::User,
};
use latchkey_ui::{
    Ui, Words,
    answer::see_other,
    call::{Call, request_id},
    csrf::csrf,
    render::words,
};

use crate::{Console, mark::Mark};

/// The parameter with which a browser comes back to a form that waits for it.
pub const DRAFT: &str = "draft";

/// A call of a page, of whom nothing is known yet.
#[derive(Clone, Copy)]
pub struct Arrival<'a> {
    pub ui: &'a Ui,
    pub console: &'a Console,
    pub call: Call<'a>,
    pub body: &'a [u8],
}

impl<'a> Arrival<'a> {
    /// The address under the issuer's path, without the query.
    pub fn path(&self) -> &'a str {
        let request: &'a HttpRequest = self.call.request;
        let path = request.uri().path();
        path.strip_prefix(self.base()).unwrap_or(path)
    }

    /// [`Arrival::path`] with the query: where the browser comes back to.
    pub fn address(&self) -> String {
        match self.call.request.uri().query() {
            Some(query) => format!("{}?{query}", self.path()),
            None => self.path().to_owned(),
        }
    }

    /// The path of the issuer.
    pub fn base(&self) -> &'a str {
        self.call.realm.issuer.base()
    }

    /// What stands in the query.
    pub fn query(&self) -> Params {
        Params::parse(self.call.request.query_string().as_bytes())
    }

    /// The language of the page.
    pub fn words(&self) -> Words {
        words(self.call.request, None)
    }

    /// What can be done, by whoever that is.
    pub fn operations(&self, actor: Actor) -> Operations<'a> {
        let request_id = request_id(self.call.request);
        Operations {
            store: &*self.ui.store,
            entropy: &*self.ui.entropy,
            caller: Caller {
                actor,
                front_end: FrontEnd::Console,
                address: Some(self.call.address),
                request_id: Some(request_id).filter(|id| !id.is_empty()),
            },
            now: self.call.now,
        }
    }

    /// Where new passwords are hashed: on the threads that sign-ins wait for, and in the same line. `known`: somebody who has
    /// signed in here, and does not wait behind strangers.
    pub fn hasher(&self, known: bool) -> Hasher<'a> {
        let waiter = Waiter {
            address: self.call.address,
            known,
        };
        Hasher::Threads {
            passwords: &self.ui.sign_in.passwords,
            waiter,
        }
    }

    /// Sends the browser to a page of the console.
    pub fn go(&self, path: &str) -> HttpResponse {
        see_other(&format!("{}{path}", self.base()))
    }
}

/// A call of a page by somebody who may make it, at this moment.
pub struct Visit<'a> {
    pub arrival: Arrival<'a>,
    pub mark: Mark,
    pub session: Session,
    pub user: User,
    pub access: Access,
    /// What was posted; sound, and from a form of ours.
    pub form: Params,
}

impl<'a> Visit<'a> {
    pub fn call(&self) -> Call<'a> {
        self.arrival.call
    }

    pub fn ui(&self) -> &'a Ui {
        self.arrival.ui
    }

    pub fn now(&self) -> Timestamp {
        self.arrival.call.now
    }

    /// What can be done, by this user from this address.
    pub fn operations(&self) -> Operations<'a> {
        let actor = Actor::User {
            id: self.user.id.clone(),
            name: self.user.username.clone(),
        };
        self.arrival.operations(actor)
    }

    /// Whether the visitor may change anything.
    pub fn may_change(&self) -> bool {
        self.access == Access::Full
    }

    /// A part of the address, as the route names it.
    pub fn part(&self, name: &str) -> &'a str {
        let request: &'a HttpRequest = self.arrival.call.request;
        request.match_info().get(name).unwrap_or_default()
    }

    /// The id in the address under this name, if anything could have it.
    pub fn id(&self, name: &str) -> Option<String> {
        crate::address::id(self.part(name))
    }

    /// The anti-forgery token of the form at `path`.
    pub fn token(&self, path: &str) -> String {
        let whose = self.mark.secret.expose();
        csrf(self.ui(), whose, path, &[&self.session.id, &self.user.id])
    }

    /// What was typed here before the user had to sign in again, where the browser comes back from that. It stays until the
    /// form is sent, so that the page can be loaded again.
    pub async fn draft(&self) -> Result<Option<Params>, StoreError> {
        if !self.is_back() {
            return Ok(None);
        }
        let (store, page) = (&self.ui().store, self.arrival.path());
        let kept = store.draft(&self.session.id, page, self.now()).await?;
        Ok(kept.map(|form| Params::parse(form.as_bytes())))
    }

    /// Forgets it once the form is sent.
    pub async fn forget_draft(&self) -> Result<(), StoreError> {
        if !self.is_back() {
            return Ok(());
        }
        let (store, page) = (&self.ui().store, self.arrival.path());
        store.forget_draft(&self.session.id, page).await
    }

    /// Whether the browser comes back from a sign-in that a form waited for.
    fn is_back(&self) -> bool {
        self.arrival.query().optional(DRAFT).is_some()
    }
}

/// Has the browser ask for a page of ours by itself after so many seconds, without a script.
pub fn look_again(visit: &Visit<'_>, response: &mut HttpResponse, seconds: i64, path: &str) {
    let at = format!("{seconds}; url={}{path}", visit.arrival.base());
    if let Ok(at) = header::HeaderValue::from_str(&at) {
        let name = header::HeaderName::from_static("refresh");
        response.headers_mut().insert(name, at);
    }
}

/// Forms of the console lead to the console alone.
pub fn confine(response: &mut HttpResponse) {
    const OWN_FORMS: &str = "; form-action 'self'";
    let headers = response.headers_mut();
    let policy = headers
        .get(header::CONTENT_SECURITY_POLICY)
        .and_then(|policy| policy.to_str().ok())
        .map(|policy| format!("{policy}{OWN_FORMS}"));
    let policy = policy.and_then(|policy| header::HeaderValue::from_str(&policy).ok());
    if let Some(policy) = policy {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}
