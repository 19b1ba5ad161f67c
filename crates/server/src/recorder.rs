//! Keeps refusals for `latchkey why`.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};

use latchkey_protocol::{
    Clock, Entropy, Reason, Store, Timestamp,
    attempts::Origin,
    bounds::REFUSAL_TEXT,
    error::Refusal,
    observe::KeptRefusal,
    observe::{Observation, Refusals},
    secret::{Pepper, new_reference},
};
use moka::sync::Cache;

/// How long a count lasts, in seconds.
const PERIOD: i64 = 10;
/// Refusals that are kept in that time: of all,
const KEPT: u32 = 500;
/// of those that belong to no registered client,
const KEPT_OF_STRANGERS: u32 = 250;
/// of one client,
const KEPT_OF_CLIENT: u32 = 100;
/// of one neighbourhood: a few of them do not use up what all have,
const KEPT_OF_NEIGHBOURHOOD: u32 = 50;
/// and of these for one client: one of them does not use up what the client has.
const KEPT_OF_BOTH: u32 = 20;

/// Keeps refusals, so many at a time of each client and neighbourhood, so that whoever is noisy leaves room for others.
/// How many there are in all is the sweep's business.
pub struct Recorder {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    pepper: Pepper,
    all: Count,
    strangers: Count,
    /// Of clients by id, of neighbourhoods by digest, of both by both. The least used go first.
    shares: Cache<Vec<u8>, Arc<Count>>,
}

#[derive(Default)]
struct Count(Mutex<(Timestamp, u32)>);

impl Count {
    fn has_room(&self, most: u32, now: Timestamp) -> bool {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if (now - counted.0).abs() >= PERIOD {
            *counted = (now, 0);
        }
        counted.1 += 1;
        counted.1 <= most
    }
}

impl Recorder {
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        pepper: Pepper,
    ) -> Self {
        let (all, strangers) = Default::default();
        Self {
            store,
            clock,
            entropy,
            pepper,
            all,
            strangers,
            shares: Cache::new(20_000),
        }
    }

    /// The narrow shares come first, so that what has none left takes none of the wide ones.
    fn may_keep(&self, share: &str, from: &Origin, now: Timestamp) -> bool {
        let of = |key: &[u8]| self.shares.get_with(key.to_vec(), Arc::default);
        let neighbourhood = from.neighbourhood.as_bytes().as_slice();
        // No id holds the byte 0xff, which is no UTF-8.
        let both = [neighbourhood, &[0xff], share.as_bytes()].concat();
        of(&both).has_room(KEPT_OF_BOTH, now)
            && of(neighbourhood).has_room(KEPT_OF_NEIGHBOURHOOD, now)
            && match share {
                "" => self.strangers.has_room(KEPT_OF_STRANGERS, now),
                client => of(client.as_bytes()).has_room(KEPT_OF_CLIENT, now),
            }
            && self.all.has_room(KEPT, now)
    }
}

/// Whose share a refusal takes. Anybody can name a client that does not exist.
fn share<'a>(refused: &Refusal, observed: &'a Observation) -> &'a str {
    match refused.reason {
        Reason::ClientUnknown | Reason::ClientAuthUnknownClient => "",
        _ => observed.client_id.as_deref().unwrap_or_default(),
    }
}

/// As much of a text as is kept.
fn short(text: &str) -> String {
    let mut kept: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(REFUSAL_TEXT)
        .collect();
    while kept.len() > REFUSAL_TEXT {
        kept.pop();
    }
    kept
}

impl Refusals for Recorder {
    fn record(&self, refused: &Refusal, endpoint: &str, observed: &Observation) -> String {
        let reference = new_reference(&*self.entropy);
        let now = self.clock.now();
        let share = share(refused, observed);
        let from = Origin::of(
            &self.pepper,
            observed.peer.unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
        );
        if self.may_keep(share, &from, now) {
            let kept = KeptRefusal {
                reference: reference.clone(),
                at: now,
                reason: refused.reason.name().to_owned(),
                endpoint: short(endpoint),
                client_id: observed.client_id.as_deref().map(short),
                request_id: observed.request_id.clone(),
                expected: short(&refused.detail.expected),
                received: short(&refused.detail.received),
                share: short(share),
                neighbourhood: Some(from.neighbourhood),
            };
            let store = self.store.clone();
            actix_web::rt::spawn(async move {
                if let Err(error) = store.keep_refusal(&kept).await {
                    tracing::warn!(%error, "a refusal could not be kept");
                }
            });
        }
        reference
    }
}
