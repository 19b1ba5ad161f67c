//! One attempt to tell a client that a session has ended, and what follows it.

use std::time::{Duration, Instant};

use actix_web::web;
use latchkey_operations::back_channel::{Attempt, tell};
use latchkey_protocol::{
    Outbound, StoreError, Timestamp,
    deliveries::{AfterAttempt, Attempted, TakenDelivery},
    logout_token::{Delivery, Recipient, retry},
};
use latchkey_provider::{Provider, logout_token};

use super::{places::Standing, said::Said};

/// Seconds until what could not be tried, because too much is under way, is due again.
const SOON: i64 = 1;
/// As much of a reason of our own as is kept, in characters.
const LONGEST_REASON: usize = 200;
/// A client that took longer, in milliseconds, has as few places as one that failed.
const SLOW: i64 = 1000;

/// What an attempt came to.
pub enum Sent {
    /// It was made.
    Attempted(Attempted),
    /// Too many calls are under way: it is none.
    Busy,
    /// It could not be made, for this reason of our own.
    Not(String),
    /// It must not be made, for this reason, now or later.
    Never(&'static str),
}

/// Makes the attempt.
pub async fn send(
    provider: &web::Data<Provider>,
    outbound: &dyn Outbound,
    taken: &TakenDelivery,
) -> Sent {
    let client = match provider.store.client(&taken.client_id).await {
        Ok(client) => client,
        Err(error) => return Sent::Not(format!("the client could not be read: {error}")),
    };
    let Some(client) = client.filter(|client| client.created_at <= taken.ended_at) else {
        return Sent::Never("the client was deleted");
    };
    let Some(recipient) = Recipient::of(&client) else {
        let attempt = Attempt {
            delivery: Delivery::Forbidden,
            status: None,
            reason: Some("the client has no backchannel_logout_uri any more".into()),
        };
        return Sent::Attempted(attempted(attempt, Duration::ZERO, provider.clock.now()));
    };
    let now = provider.clock.now();
    let token = match logout_token(provider, &client, &taken.end, now).await {
        Ok(token) => token,
        Err(error) => return Sent::Not(format!("the logout token could not be signed: {error}")),
    };
    let begun = Instant::now();
    match tell(outbound, recipient.uri, &token).await {
        Some(attempt) => Sent::Attempted(attempted(attempt, begun.elapsed(), provider.clock.now())),
        None => Sent::Busy,
    }
}

/// Writes down what came of an attempt. How the client stands afterwards; none: as before.
pub async fn settle(
    provider: &Provider,
    said: &Said,
    taken: &TakenDelivery,
    sent: Sent,
) -> Option<Standing> {
    let unsent = |reason: &str| {
        let reason = reason.chars().take(LONGEST_REASON).collect();
        let attempt = Attempt {
            delivery: Delivery::Unsent,
            status: None,
            reason: Some(reason),
        };
        attempted(attempt, Duration::ZERO, provider.clock.now())
    };
    let written = match sent {
        Sent::Attempted(attempted) => note(provider, said, taken, &attempted, false).await,
        Sent::Not(reason) => note(provider, said, taken, &unsent(&reason), false).await,
        Sent::Never(reason) => note(provider, said, taken, &unsent(reason), true).await,
        Sent::Busy => give_back(provider, taken).await,
    };
    written.unwrap_or_else(|error| {
        let (client, session) = (taken.client_id.as_str(), &taken.end.session_id);
        tracing::warn!(client, %session, %error, "what came of a logout token could not be written: it is sent again");
        None
    })
}

fn attempted(attempt: Attempt, took: Duration, at: Timestamp) -> Attempted {
    Attempted {
        at,
        delivery: attempt.delivery,
        status: attempt.status,
        milliseconds: i64::try_from(took.as_millis()).unwrap_or(i64::MAX),
        reason: attempt.reason,
    }
}

async fn note(
    provider: &Provider,
    said: &Said,
    taken: &TakenDelivery,
    attempted: &Attempted,
    is_last: bool,
) -> Result<Option<Standing>, StoreError> {
    let is_delivered = attempted.delivery == Delivery::Delivered;
    let after = if is_delivered {
        AfterAttempt::Delivered
    } else if is_last {
        AfterAttempt::Dead
    } else {
        let random = random(provider);
        retry(taken.attempts, taken.since, random, attempted.at)
    };
    let store = &provider.store;
    if !store.note_attempt(&taken.lease, attempted, after).await? {
        tracing::warn!(
            delivery = taken.lease.delivery,
            "an attempt took longer than its lease: another node makes the next"
        );
        return Ok(None);
    }
    // One line for all that we could not send: there may be many.
    let is_ours = attempted.delivery == Delivery::Unsent;
    if !is_ours || said.is_new(&taken.client_id, tokio::time::Instant::now()) {
        log(taken, attempted, after);
    }
    Ok(Some(if is_delivered && attempted.milliseconds < SLOW {
        Standing::Answers
    } else {
        Standing::Fails
    }))
}

async fn give_back(
    provider: &Provider,
    taken: &TakenDelivery,
) -> Result<Option<Standing>, StoreError> {
    let at = provider.clock.now() + SOON + i64::from(random(provider) % 2);
    let store = &provider.store;
    store.give_back_delivery(&taken.lease, at).await?;
    Ok(None)
}

fn random(provider: &Provider) -> u32 {
    let mut random = [0; 4];
    provider.ui.entropy.fill(&mut random);
    u32::from_le_bytes(random)
}

fn log(taken: &TakenDelivery, attempted: &Attempted, after: AfterAttempt) {
    let (delivery, attempts) = (taken.lease.delivery, taken.attempts);
    let (client, session) = (taken.client_id.as_str(), &taken.end.session_id);
    let (outcome, milliseconds) = (attempted.delivery.name(), attempted.milliseconds);
    let reason = attempted.reason.as_deref().unwrap_or_default();
    match after {
        AfterAttempt::Delivered => {
            tracing::debug!(delivery, client, %session, attempts, milliseconds, "a logout token was delivered");
        }
        AfterAttempt::Again(at) => {
            tracing::warn!(delivery, client, %session, attempts, outcome, status = attempted.status, reason,
                next_at = at.as_seconds(), "a logout token was not delivered; it is sent again");
        }
        AfterAttempt::Dead => {
            tracing::error!(delivery, client, %session, attempts, outcome, status = attempted.status, reason,
                "a logout token is given up; see latchkey delivery list --dead");
        }
    }
}
