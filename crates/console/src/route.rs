//! THE route table: each address, its method, what it needs, and the page that answers it.

use std::pin::Pin;

use actix_web::{HttpRequest, HttpResponse, Route as Served, web};
use latchkey_ui::{Ui, failure::Failure};

use crate::{
    Console, guard,
    pages::{
        audit, bulk_ends, client, client_access, client_actions, client_connect, client_consents,
        client_form, client_preview, client_secret, clients, deliveries, key_rotation, keys,
        overview, refusal, refusals, session, sessions, user, user_actions, user_consents,
        user_form, user_password, users,
    },
    setup, sign_in,
    visit::{Arrival, Visit},
};

/// What a page answers.
pub type Answered<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, Failure>> + 'a>>;

/// Who may come to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nobody has to be signed in.
    Nothing,
    /// The role `auditor` or `admin`.
    Auditor,
    /// The role `admin`.
    Admin,
}

/// The methods that pages answer. A form is posted to the address that shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Shows.
    Get,
    /// Changes.
    Post,
}

/// How an address is answered.
#[derive(Clone, Copy)]
pub enum Run {
    /// Whoever it is that comes.
    Open(for<'a> fn(&'a Arrival<'a>) -> Answered<'a>),
    /// By somebody who may read.
    Read(for<'a> fn(&'a Visit<'a>) -> Answered<'a>),
    /// By somebody who may change.
    Change(for<'a> fn(&'a Visit<'a>) -> Answered<'a>),
}

/// A line of the table.
#[derive(Clone, Copy)]
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub run: Run,
}

macro_rules! route {
    ($method:ident $path:literal $needs:ident $($page:ident)::+) => {
        Route {
            method: Method::$method,
            path: $path,
            run: Run::$needs(|asked| Box::pin($($page)::+(asked))),
        }
    };
}

/// Every address under `/admin`.
pub const ROUTES: &[Route] = &[
    route!(Get "/admin" Read overview::show),
    route!(Get "/admin/sign-in" Open sign_in::anew),
    route!(Get "/admin/callback" Open sign_in::callback),
    route!(Get "/admin/sign-out" Read sign_in::ask_sign_out),
    route!(Post "/admin/sign-out" Read sign_in::sign_out),
    route!(Get "/admin/setup" Open setup::show),
    route!(Post "/admin/setup" Open setup::create),
    route!(Get "/admin/users" Read users::list),
    route!(Get "/admin/users/new" Change user_form::new),
    route!(Post "/admin/users/new" Change user_form::create),
    route!(Get "/admin/users/{id}" Read user::show),
    route!(Get "/admin/users/{id}/consents" Read user_consents::list),
    route!(Get "/admin/users/{id}/edit" Change user_form::edit),
    route!(Post "/admin/users/{id}/edit" Change user_form::update),
    route!(Get "/admin/users/{id}/password" Change user_password::show),
    route!(Post "/admin/users/{id}/password" Change user_password::set),
    route!(Get "/admin/users/{id}/disable" Change user_actions::ask_disable),
    route!(Post "/admin/users/{id}/disable" Change user_actions::disable),
    route!(Get "/admin/users/{id}/enable" Change user_actions::ask_enable),
    route!(Post "/admin/users/{id}/enable" Change user_actions::enable),
    route!(Get "/admin/users/{id}/end-sessions" Change user_actions::ask_end_sessions),
    route!(Post "/admin/users/{id}/end-sessions" Change user_actions::end_sessions),
    route!(Get "/admin/users/{id}/delete" Change user_actions::ask_delete),
    route!(Post "/admin/users/{id}/delete" Change user_actions::delete),
    route!(Get "/admin/clients" Read clients::list),
    route!(Get "/admin/new-client" Change client_form::new),
    route!(Post "/admin/new-client" Change client_form::create),
    route!(Get "/admin/clients/{id}" Read client::show),
    route!(Get "/admin/clients/{id}/users" Read client_access::list),
    route!(Get "/admin/clients/{id}/consents" Read client_consents::list),
    route!(Get "/admin/clients/{id}/connect" Read client_connect::show),
    route!(Get "/admin/clients/{id}/preview" Read client_preview::show),
    route!(Get "/admin/clients/{id}/edit" Change client_form::edit),
    route!(Post "/admin/clients/{id}/edit" Change client_form::update),
    route!(Get "/admin/clients/{id}/access" Change client_access::edit),
    route!(Post "/admin/clients/{id}/access" Change client_access::update),
    route!(Get "/admin/clients/{id}/secret" Change client_secret::ask),
    route!(Post "/admin/clients/{id}/secret" Change client_secret::rotate),
    route!(Get "/admin/clients/{id}/disable" Change client_actions::ask_disable),
    route!(Post "/admin/clients/{id}/disable" Change client_actions::disable),
    route!(Get "/admin/clients/{id}/enable" Change client_actions::ask_enable),
    route!(Post "/admin/clients/{id}/enable" Change client_actions::enable),
    route!(Get "/admin/clients/{id}/delete" Change client_actions::ask_delete),
    route!(Post "/admin/clients/{id}/delete" Change client_actions::delete),
    route!(Get "/admin/clients/{id}/consents/{user}/revoke" Change client_consents::ask_revoke),
    route!(Post "/admin/clients/{id}/consents/{user}/revoke" Change client_consents::revoke),
    route!(Get "/admin/sessions" Read sessions::list),
    route!(Get "/admin/sessions/end-all" Change bulk_ends::ask_all),
    route!(Post "/admin/sessions/end-all" Change bulk_ends::all),
    route!(Get "/admin/clients/{id}/end-sessions" Change bulk_ends::ask_client),
    route!(Post "/admin/clients/{id}/end-sessions" Change bulk_ends::client),
    route!(Get "/admin/sessions/{id}" Read session::show),
    route!(Get "/admin/sessions/{id}/end" Change sessions::ask_end),
    route!(Post "/admin/sessions/{id}/end" Change sessions::end),
    route!(Get "/admin/deliveries" Read deliveries::list),
    route!(Get "/admin/deliveries/{id}/retry" Change deliveries::ask_retry),
    route!(Post "/admin/deliveries/{id}/retry" Change deliveries::retry),
    route!(Get "/admin/refusals" Read refusals::list),
    route!(Get "/admin/refusals/{id}" Read refusal::show),
    route!(Get "/admin/keys" Read keys::list),
    route!(Get "/admin/keys/rotate" Change key_rotation::ask),
    route!(Post "/admin/keys/rotate" Change key_rotation::rotate),
    route!(Get "/admin/keys/{id}/retire" Change keys::ask_retire),
    route!(Post "/admin/keys/{id}/retire" Change keys::retire),
    route!(Get "/admin/audit" Read audit::list),
];

/// The table as it is seen from outside: method, address, need.
pub fn table() -> impl Iterator<Item = (Method, &'static str, Needs)> {
    ROUTES
        .iter()
        .map(|route| (route.method, route.path, route.needs()))
}

/// Each address once.
pub fn paths() -> impl Iterator<Item = &'static str> {
    let first = |at: usize| !ROUTES[..at].iter().any(|r| r.path == ROUTES[at].path);
    (0..ROUTES.len())
        .filter(move |at| first(*at))
        .map(|at| ROUTES[at].path)
}

impl Route {
    /// Who may come.
    pub fn needs(&self) -> Needs {
        match self.run {
            Run::Open(_) => Needs::Nothing,
            Run::Read(_) => Needs::Auditor,
            Run::Change(_) => Needs::Admin,
        }
    }

    /// As actix serves it: nothing is answered but by the guard.
    pub fn served(&'static self) -> Served {
        let method = match self.method {
            Method::Get => web::get(),
            Method::Post => web::post(),
        };
        method.to(
            move |ui: web::Data<Ui>,
                  console: web::Data<Console>,
                  request: HttpRequest,
                  body: web::Bytes| async move {
                guard::answer(self, &ui, &console, &request, &body).await
            },
        )
    }
}
