//! Calls that are carried out once, however often they are sent: the caller gives each a key of its own.

use crate::{
    ClientId, kind,
    secret::{Digest, Pepper},
    time::Timestamp,
};

/// How long a call is known by its key, in seconds.
pub const KNOWN: i64 = 86_400;
/// How long a call that has no answer counts as being carried out, in seconds. Whoever carried it out is gone then.
pub const UNDER_WAY: i64 = 60;
/// Calls of one client that are known; of more, none is begun until some have gone.
pub const BY_CLIENT: i64 = 10_000;
/// Calls of all clients.
pub const BY_ALL: i64 = 50_000;
/// The longest key, in characters.
const LONGEST: usize = 255;

/// A call and its key, as they are stored.
#[derive(Debug, Clone)]
pub struct IdempotentCall {
    /// Of the client and the key that it gave.
    pub key: Digest<kind::IdempotencyKey>,
    /// Of what is asked for: it may hold a password, so its digest is keyed.
    pub request: Digest<kind::IdempotentRequest>,
    /// Who calls.
    pub client_id: ClientId,
    /// When; with the key it names this attempt.
    pub began_at: Timestamp,
}

impl IdempotentCall {
    /// A call that begins now. `request`: all that is asked for.
    pub fn new(
        pepper: &Pepper,
        client_id: &ClientId,
        key: &str,
        request: &[&str],
        now: Timestamp,
    ) -> Self {
        Self {
            key: pepper.digest(&["key", client_id, key]),
            request: pepper.digest(request),
            client_id: client_id.clone(),
            began_at: now,
        }
    }
}

/// Whether a text can be a key: visible ASCII, as in a header.
pub fn is_key(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What is known of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdempotencyOutcome {
    /// Nothing: it is to be carried out.
    Begun,
    /// It is being carried out.
    UnderWay,
    /// It was carried out, with this answer, sealed.
    Answered(String),
    /// The key belongs to another request.
    OtherRequest,
    /// Too many calls are known.
    NoRoom {
        /// In so many seconds the oldest of them is forgotten.
        wait: i64,
    },
}
