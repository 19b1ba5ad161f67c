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

use super::places::Standing;

/// Seconds until what could not be tried, for reasons of our own, is due again.
const SOON: i64 = 1;

/// Makes the attempt, and writes down what came of it. How the client stands afterwards; none: as before.
pub async fn attempt(
    provider: &web::Data<Provider>,
    outbound: &dyn Outbound,
    taken: &TakenDelivery,
) -> Option<Standing> {
    let said = match send(provider, outbound, taken).await {
        Some(attempted) => note(provider, taken, &attempted).await,
        None => give_back(provider, taken).await,
    };
    said.unwrap_or_else(|error| {
        let (client, session) = (&taken.client_id, &taken.end.session_id);
        tracing::warn!(client, %session, %error, "what came of a logout token could not be written: it is sent again");
        None
    })
}

/// None: no attempt was made, for reasons of our own.
async fn send(
    provider: &web::Data<Provider>,
    outbound: &dyn Outbound,
    taken: &TakenDelivery,
) -> Option<Attempted> {
    let client = match provider.store.client(&taken.client_id).await {
        Ok(client) => client,
        Err(error) => {
            tracing::warn!(%error, "a client could not be read");
            return None;
        }
    };
    let recipient = client
        .as_ref()
        .zip(client.as_deref().and_then(Recipient::of));
    let Some((client, recipient)) = recipient else {
        let attempt = Attempt {
            delivery: Delivery::Forbidden,
            status: None,
            reason: Some("the client has no backchannel_logout_uri any more".into()),
        };
        return Some(attempted(attempt, Duration::ZERO, provider.clock.now()));
    };
    let now = provider.clock.now();
    let token = match logout_token(provider, client, &taken.end, now).await {
        Ok(token) => token,
        Err(error) => {
            tracing::warn!(client = client.id, %error, "a logout token could not be signed");
            return None;
        }
    };
    let begun = Instant::now();
    let attempt = tell(outbound, recipient.uri, &token).await?;
    Some(attempted(attempt, begun.elapsed(), provider.clock.now()))
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
    taken: &TakenDelivery,
    attempted: &Attempted,
) -> Result<Option<Standing>, StoreError> {
    let is_delivered = attempted.delivery == Delivery::Delivered;
    let after = if is_delivered {
        AfterAttempt::Delivered
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
    log(taken, attempted, after);
    Ok(Some(if is_delivered {
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
    let (client, session) = (&taken.client_id, &taken.end.session_id);
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
