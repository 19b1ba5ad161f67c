//! OpenID Connect Back-Channel Logout 1.0: which clients hear that a session has ended, what they are told, what their
//! answers mean, and when they are told again.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    IdTokenAlgorithm, SessionId, Subject, authorization::Authorization, claims::TokenClaims,
    client::Client, jobs::retry_after, outbound::OutboundError, time::Timestamp,
};

/// Header `typ` of logout tokens (2.4).
pub const LOGOUT_TOKEN_TYPE: &str = "logout+jwt";
/// The member of `events` that makes a token a logout token (2.4).
pub const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How long a logout token is good, in seconds: no longer than an attempt needs (2.4, 4).
pub const LOGOUT_TOKEN_LIFETIME: i64 = 120;

/// How long a client is told again after the session ended, in seconds.
const TOLD_FOR: i64 = 86_400;

/// The claims of a logout token (2.4). It never has a `nonce`, so that it is no ID token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutToken {
    /// The issuer.
    pub iss: String,
    /// The user, as the client knows them.
    pub sub: Subject,
    /// The client.
    pub aud: String,
    /// When it was issued.
    pub iat: Timestamp,
    /// When it ends.
    pub exp: Timestamp,
    /// Another one for each attempt.
    pub jti: String,
    /// The session that has ended.
    pub sid: SessionId,
    /// [`LOGOUT_EVENT`], with nothing in it.
    pub events: Map<String, Value>,
}

impl TokenClaims for LogoutToken {
    const TYPES: &'static [&'static str] = &[LOGOUT_TOKEN_TYPE];

    fn issuer(&self) -> &str {
        &self.iss
    }
}

/// A session that has ended, for whatever cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEnd {
    /// `sid` of the ID tokens that were issued in it.
    pub session_id: SessionId,
    /// Whose it was.
    pub user_id: String,
}

impl SessionEnd {
    /// Whether the authorization was given in this session.
    pub fn is_of(&self, authorization: &Authorization) -> bool {
        authorization.delivery.session_id() == Some(&self.session_id)
            && authorization.user_id == self.user_id
    }
}

impl LogoutToken {
    /// For one attempt to tell `client_id`. It has both `sub` and `sid`, so that it serves clients with and without
    /// `backchannel_logout_session_required`. `subject` is [`Subject::of_user`] for that client and the user of `end`; `id`
    /// is a finished random value.
    pub fn new(
        issuer: &str,
        client_id: &str,
        subject: Subject,
        end: &SessionEnd,
        id: String,
        now: Timestamp,
    ) -> Self {
        Self {
            iss: issuer.to_owned(),
            sub: subject,
            aud: client_id.to_owned(),
            iat: now,
            exp: now + LOGOUT_TOKEN_LIFETIME,
            jti: id,
            sid: end.session_id.clone(),
            events: Map::from_iter([(LOGOUT_EVENT.to_owned(), Value::Object(Map::new()))]),
        }
    }
}

/// A client that is told, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipient<'a> {
    /// The client.
    pub client_id: &'a str,
    /// Its `backchannel_logout_uri` (2.2).
    pub uri: &'a str,
    /// The algorithm of its ID tokens signs its logout tokens too (2.4).
    pub algorithm: IdTokenAlgorithm,
}

/// Whether a client got an ID token through this authorization, and so may have a session of its own that hangs on ours.
/// Revoked or expired since makes no difference: that ended our tokens, not the client's session.
pub fn signed_in(authorization: &Authorization) -> bool {
    authorization.delivery.is_done() && authorization.scope.contains("openid")
}

/// Which clients are told that `end` has come: those that signed the user in within this session and registered a
/// `backchannel_logout_uri`, each once. The client that asked for the sign-out is told like the others: it may have
/// other servers, or the user's browser may never return to it.
pub fn recipients<'a>(
    end: &SessionEnd,
    visits: impl IntoIterator<Item = (&'a Authorization, &'a Client)>,
) -> Vec<Recipient<'a>> {
    let mut all: Vec<Recipient<'a>> = Vec::new();
    for (authorization, client) in visits {
        let of_session = end.is_of(authorization) && authorization.client_id == client.id;
        let Some(uri) = &client.metadata.backchannel_logout_uri else {
            continue;
        };
        let known = all.iter().any(|r| r.client_id == client.id);
        if of_session && signed_in(authorization) && !known {
            all.push(Recipient {
                client_id: &client.id,
                uri,
                algorithm: client.metadata.id_token_algorithm(),
            });
        }
    }
    all
}

/// What became of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// The client has ended its session, or had none (2.8).
    Delivered,
    /// The client was reached, and says that the request was wrong or that its sign-out failed (2.8).
    Refused,
    /// Whatever answered is not what the client has there: another status, a redirect, which is not followed.
    Misanswered,
    /// There was no answer, or no connection.
    Unreached,
    /// We did not call: the address is one that may not be called.
    Forbidden,
}

/// What the status of an answer, or the lack of one, means. The body decides nothing: an answer whose body is late or
/// too long counts by its status.
pub fn delivery(answer: Result<u16, &OutboundError>) -> Option<Delivery> {
    match answer {
        // Frameworks answer 204 where they have nothing to say (2.8).
        Ok(200 | 204) => Some(Delivery::Delivered),
        Ok(400) => Some(Delivery::Refused),
        Ok(_) | Err(OutboundError::Garbled | OutboundError::TooLong) => Some(Delivery::Misanswered),
        Err(OutboundError::Address | OutboundError::Forbidden(_)) => Some(Delivery::Forbidden),
        Err(
            OutboundError::Unresolved
            | OutboundError::Unreachable
            | OutboundError::Tls(_)
            | OutboundError::Late,
        ) => Some(Delivery::Unreached),
        // No attempt was made.
        Err(OutboundError::Busy) => None,
    }
}

/// What follows an attempt that was not [`Delivery::Delivered`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Again, at this moment.
    At(Timestamp),
    /// A day has passed: it is kept as a dead letter, which an administrator can send again.
    Dead,
}

/// When a client is told again, with a fresh token: as every job ([`retry_after`]), the last time a day after the session
/// ended. Every failure is tried again, a refusal too: the cause may be a clock, a key set or a release that somebody is
/// fixing. `attempts`: those made, this one included. `random` spreads what failed together.
pub fn retry(attempts: i64, ended_at: Timestamp, random: u32, now: Timestamp) -> Retry {
    let last = ended_at + TOLD_FOR;
    if now >= last {
        return Retry::Dead;
    }
    Retry::At((now + retry_after(attempts, random)).min(last))
}
