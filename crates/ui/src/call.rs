//! One call: its request, the time it is judged at, and what is known of whoever makes it.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use actix_web::{HttpMessage, HttpRequest};
use latchkey_operations::Realm;
use latchkey_protocol::{Timestamp, observe::Observation};

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
    /// Notes the client for the log line.
    pub fn observe_client(&self, client_id: &str) {
        if let Some(observed) = self.request.extensions_mut().get_mut::<Observation>() {
            observed.client_id = Some(client_id.chars().take(LONGEST_NAME).collect());
        }
    }
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
