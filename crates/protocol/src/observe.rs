//! What a request leaves for its log line and for `latchkey why`.

use crate::{error::Refused, reason::Reason};

/// Names a request in the log and in answers to our own faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub String);

/// Who is at the other end, past the trusted proxies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub std::net::IpAddr);

/// What an endpoint found out about a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    pub client_id: Option<String>,
    pub refused: Option<(Reason, String)>,
}

/// The first segment of a path: below it stand secrets of interactions, which are neither logged nor kept.
pub fn first_segment(path: &str) -> &str {
    let rest = path.strip_prefix('/').unwrap_or(path);
    let end = rest.find('/').map_or(path.len(), |at| at + path.len() - rest.len());
    &path[..end]
}

/// Where refusals go. Bounded: under a flood some are only logged.
pub trait Refusals: Send + Sync {
    /// Keeps a refusal and returns its reference.
    fn record(&self, refused: &Refused, endpoint: &str, client_id: Option<&str>, request_id: &str) -> String;
}
