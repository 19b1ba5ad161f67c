//! What a request leaves for its log line and for `latchkey why`.

use crate::{error::Refusal, kind, reason::Reason, secret::Digest, time::Timestamp};

/// What is known of a request, gathered on its way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observation {
    /// Names it in the log and in answers to our own faults.
    pub request_id: String,
    /// Who is at the other end, past the trusted proxies.
    pub peer: Option<std::net::IpAddr>,
    /// The client that asks, as far as it said so.
    pub client_id: Option<String>,
    /// Why it was refused, and the reference of that.
    pub refused: Option<(Reason, String)>,
}

impl Observation {
    /// Keeps a refusal at `path`, notes it for the log line, and returns its reference.
    pub fn refuse(&mut self, refusals: &dyn Refusals, refused: &Refusal, path: &str) -> String {
        let reference = refusals.record(refused, first_segment(path), self);
        self.refused = Some((refused.reason, reference.clone()));
        reference
    }
}

/// The first segment of a path: below it stand secrets of interactions, which are neither logged nor kept.
pub fn first_segment(path: &str) -> &str {
    let rest = path.strip_prefix('/').unwrap_or(path);
    let end = rest
        .find('/')
        .map_or(path.len(), |at| at + path.len() - rest.len());
    &path[..end]
}

/// Which refusals a list is about: those to which all of it applies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefusalFilter {
    /// Of this client, as far as it said so.
    pub client_id: Option<String>,
    /// With this reason, by its name.
    pub reason: Option<String>,
    /// At this moment or later.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}

/// Where refusals go. Bounded: under a flood some are only logged.
pub trait Refusals: Send + Sync {
    /// Keeps a refusal and returns its reference.
    fn record(&self, refused: &Refusal, endpoint: &str, observed: &Observation) -> String;
}

/// A refusal, kept for `latchkey why`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRefusal {
    /// What the answer carried.
    pub reference: String,
    /// When.
    pub at: Timestamp,
    /// The name of a [`Reason`], perhaps of another version.
    pub reason: String,
    /// The first segment of the path.
    pub endpoint: String,
    /// The client that asked, as far as it said so.
    pub client_id: Option<String>,
    /// The request's name in the log.
    pub request_id: String,
    /// What would have been right.
    pub expected: String,
    /// What came instead.
    pub received: String,
    /// Whose share of what is kept it takes: a registered client's, or the one that all others have.
    pub share: String,
    /// From where it came.
    pub neighbourhood: Option<Digest<kind::Neighbourhood>>,
}
