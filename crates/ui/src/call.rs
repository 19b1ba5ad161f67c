//! One call: its request, the time it is judged at, and what is known of whoever makes it.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use actix_web::{HttpMessage, HttpRequest, http::header};
use latchkey_operations::Realm;
use latchkey_protocol::{
    Timestamp,
    audit::{ActorKind, AuditActor, AuditEntry, AuditOutcome, Event, FrontEnd},
    device::Device,
    observe::Observation,
};

/// Characters of a client's id that reach the log line.
const LONGEST_NAME: usize = 100;

/// What goes down through everything that a call asks for. The clock is read once, at its start, so that all rules
/// judge by the same moment.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The HTTP request.
    pub request: &'a HttpRequest,
    /// The issuer that is called.
    pub realm: &'a Arc<Realm>,
    /// The moment that it is judged at, in seconds since the epoch.
    pub now: Timestamp,
    /// Who is at the other end, past the trusted proxies.
    pub address: IpAddr,
}

impl Call<'_> {
    /// The client that was noted.
    pub fn observed_client(&self) -> Option<String> {
        let extensions = self.request.extensions();
        extensions.get::<Observation>()?.client_id.clone()
    }

    /// An entry for the audit table about what this call does, by whom.
    pub fn entry(&self, event: Event, (kind, id): (ActorKind, &str)) -> AuditEntry {
        AuditEntry {
            at: self.now,
            event: event.name().to_owned(),
            actor: AuditActor {
                kind,
                id: Some(id.to_owned()),
                name: None,
            },
            front_end: match kind {
                ActorKind::Client => FrontEnd::Endpoint,
                _ => FrontEnd::Page,
            },
            target: None,
            outcome: AuditOutcome::Done,
            address: Some(self.address),
            request_id: Some(request_id(self.request)).filter(|id| !id.is_empty()),
            details: Default::default(),
            is_logged: true,
        }
    }

    /// Notes the client for the log line.
    pub fn observe_client(&self, client_id: &str) {
        if let Some(observed) = self.request.extensions_mut().get_mut::<Observation>() {
            observed.client_id = Some(client_id.chars().take(LONGEST_NAME).collect());
        }
    }
}

/// The browser as it names itself.
pub(crate) fn device(request: &HttpRequest) -> Device {
    let agent = request.headers().get(header::USER_AGENT);
    Device::of(
        agent
            .and_then(|agent| agent.to_str().ok())
            .unwrap_or_default(),
    )
}

/// Who is at the other end, past the trusted proxies.
pub fn address(request: &HttpRequest) -> IpAddr {
    request
        .extensions()
        .get::<Observation>()
        .and_then(|o| o.peer)
        .unwrap_or(Ipv4Addr::UNSPECIFIED.into())
}

/// The name of the call in the log, which answers to our own faults carry as well.
pub fn request_id(request: &HttpRequest) -> String {
    request
        .extensions()
        .get::<Observation>()
        .map(|o| o.request_id.clone())
        .unwrap_or_default()
}

/// A header as text; empty where it is none. Nothing where it was not sent.
pub fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap_or_default())
}
