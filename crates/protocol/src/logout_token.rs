//! OpenID Connect Back-Channel Logout 1.0: which clients hear that a session has ended, what they are told, what their
//! answers mean, and when they are told again.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    ClientId, IdTokenAlgorithm, Issuer, SessionId, Subject, UserId, authorization::Authorization,
    claims::TokenClaims, client::Client, deliveries::AfterAttempt, jobs::retry_after,
    outbound::OutboundError, time::Timestamp,
};

/// Header `typ` of logout tokens (2.4).
pub const LOGOUT_TOKEN_TYPE: &str = "logout+jwt";
/// The member of `events` that makes a token a logout token (2.4).
pub const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How long a logout token is good, in seconds: no longer than an attempt needs (2.4, 4).
pub const LOGOUT_TOKEN_LIFETIME: i64 = 120;

/// How long a client is told again, in seconds.
const TOLD_FOR: i64 = 86_400;

/// The claims of a logout token (2.4). It never has a `nonce`, so that it is no ID token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutToken {
    /// The issuer.
    pub iss: Issuer,
    /// The user, as the client knows them.
    pub sub: Subject,
    /// The client.
    pub aud: ClientId,
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
    pub user_id: UserId,
}

impl LogoutToken {
    /// For one attempt to tell `client_id`. It has both `sub` and `sid`, so that it serves clients with and without
    /// `backchannel_logout_session_required`. `subject` is [`Subject::of_user`] for that client and the user of `end`; `id`
    /// is a finished random value.
    pub fn new(
        issuer: &Issuer,
        client_id: &ClientId,
        subject: Subject,
        end: &SessionEnd,
        id: String,
        now: Timestamp,
    ) -> Self {
        Self {
            iss: issuer.to_owned(),
            sub: subject,
            aud: client_id.clone(),
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
    pub client_id: &'a ClientId,
    /// Its `backchannel_logout_uri` (2.2).
    pub uri: &'a str,
    /// The algorithm of its ID tokens signs its logout tokens too (2.4).
    pub algorithm: IdTokenAlgorithm,
}

impl<'a> Recipient<'a> {
    /// How `client` is told, if it registered an address for that. It is told whether or not it asked for the sign-out
    /// itself: it may have other servers, or the user's browser may never return to it.
    pub fn of(client: &'a Client) -> Option<Self> {
        Some(Self {
            client_id: &client.id,
            uri: client.metadata.backchannel_logout_uri.as_deref()?,
            algorithm: client.metadata.id_token_algorithm(),
        })
    }
}

/// Whether a client that exchanges the code of this authorization is noted in the session: it gets an ID token, and so may
/// have a session of its own that hangs on ours, and it registered where it hears of the end.
pub fn is_noted(authorization: &Authorization, client: &Client) -> bool {
    let metadata = &client.metadata;
    authorization.scope.contains("openid")
        && (metadata.backchannel_logout_uri.is_some() || metadata.frontchannel_logout_uri.is_some())
}

/// What became of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The client has ended its session, or had none (2.8).
    Delivered,
    /// The client was reached, and says that the request was wrong or that its sign-out failed (2.8).
    Refused,
    /// Whatever answered is not what the client has there: another status, a redirect, which is not followed.
    Misanswered,
    /// There was no answer, or no connection.
    Unreached,
    /// We did not call: the address is one that may not be called, or the client has none any more.
    Forbidden,
    /// We did not call, for reasons of our own.
    Unsent,
}

impl Delivery {
    const ALL: [Self; 6] = [
        Self::Delivered,
        Self::Refused,
        Self::Misanswered,
        Self::Unreached,
        Self::Forbidden,
        Self::Unsent,
    ];

    /// As it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Misanswered => "misanswered",
            Self::Unreached => "unreached",
            Self::Forbidden => "forbidden",
            Self::Unsent => "unsent",
        }
    }

    /// The inverse of [`Delivery::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|delivery| delivery.name() == name)
    }
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

/// When a client is told again, with a fresh token: as every job ([`retry_after`]), the last time a day after `since`: the
/// end of the session, or when an administrator had it sent again. Every failure is tried again, a refusal too: the cause may be a clock, a key set or a release that somebody is
/// fixing. `attempts`: those made, this one included. `random` spreads what failed together.
pub fn retry(attempts: i64, since: Timestamp, random: u32, now: Timestamp) -> AfterAttempt {
    let last = since + TOLD_FOR;
    if now >= last {
        return AfterAttempt::Dead;
    }
    AfterAttempt::Again((now + retry_after(attempts, random)).min(last))
}
