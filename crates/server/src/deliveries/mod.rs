//! Sends logout tokens to the clients of sessions that have ended. Every node does; each delivery is sent by one of them,
//! which holds a lease on it, and where that node dies another one sends it when the lease is over.
//!
//! It is worked off client by client: one that is slow or does not answer takes a few places, and the others have theirs.

mod attempt;
mod places;
mod said;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use actix_web::web;
use futures_util::FutureExt;
use latchkey_protocol::{
    ClientId, Outbound, StoreError, deliveries::TakeDeliveries, logout_token::Recipient,
    secret::new_id, uri,
};
use latchkey_provider::Provider;
use tokio::{
    task::{JoinError, JoinSet},
    time::Instant,
};

use self::{
    attempt::{Sent, send, settle},
    places::{Place, Places, Standing},
    said::Said,
};
use crate::supervised::{RESTS, Stopped, Supervised, told};

/// How often is looked for what other nodes and commands have added.
const LOOKED_EVERY: Duration = Duration::from_millis(200);
/// Seconds that a delivery is held for: an attempt takes ten at most.
/// The rest is for nodes whose clocks differ.
const LEASE: i64 = 30;
/// An attempt that has not ended so long after it was taken is given up, and says nothing any more.
const GIVEN_UP: Duration = Duration::from_secs(13);

/// How long it rests at most when the database fails: ends of sessions are told as soon as it is back.
const LONGEST_REST: Duration = Duration::from_secs(2);
/// How often at most it is looked for what is due.
const APART: Duration = Duration::from_millis(20);

/// What sending takes.
struct Sender {
    provider: web::Data<Provider>,
    outbound: Arc<dyn Outbound>,
    /// Who takes the deliveries: this process, as long as it lives.
    owner: String,
    /// Whose failures are in the log already.
    said: Said,
}

/// Starts sending, as one node.
pub fn start(provider: web::Data<Provider>, outbound: Arc<dyn Outbound>) -> Supervised {
    let owner = new_id(provider.clock.now(), &*provider.ui.entropy);
    let sender = Arc::new(Sender {
        provider,
        outbound,
        owner,
        said: Said::default(),
    });
    Supervised::start(move |stopped| work(sender.clone(), stopped))
}

/// Takes what is due and sends it, until it is told to stop; then waits for what has begun.
async fn work(sender: Arc<Sender>, mut stopped: Stopped) {
    let (mut sending, mut places) = (JoinSet::new(), Places::default());
    let mut rest = RESTS.0;
    while !*stopped.borrow() {
        let begun = sender.begin(&mut sending, &mut places).await;
        places.unreserve();
        match begun {
            Ok(()) => rest = RESTS.0,
            Err(error) => {
                tracing::warn!(%error, "logout tokens cannot be sent");
                rest = (rest * 2).min(LONGEST_REST);
            }
        }
        let looked_at = Instant::now();
        let failed = rest != RESTS.0;
        let pause = if failed { rest } else { LOOKED_EVERY };
        tokio::select! {
            () = told(&mut stopped) => {}
            Some(ended) = sending.join_next(), if !failed => {
                leave(&mut places, ended);
            }
            () = sender.provider.store.delivery_added(), if !failed => {}
            () = tokio::time::sleep(pause) => {}
        }
        // What ends within that time is looked for at once.
        tokio::time::sleep_until(looked_at + APART).await;
        while let Some(ended) = sending.try_join_next() {
            leave(&mut places, ended);
        }
    }
    while sending.join_next().await.is_some() {}
}

/// A task that has ended gives its place back.
fn leave(places: &mut Places, ended: Result<(Place, Option<Standing>), JoinError>) {
    if let Ok((place, standing)) = ended {
        places.leave(place, standing);
    }
}

impl Sender {
    async fn begin(
        self: &Arc<Self>,
        sending: &mut JoinSet<(Place, Option<Standing>)>,
        places: &mut Places,
    ) -> Result<(), StoreError> {
        let store = &self.provider.store;
        let mut clients = Vec::new();
        for id in store.clients_to_tell(self.provider.clock.now()).await? {
            let host = self.host(&id).await?;
            clients.push((id, host));
        }
        let rooms = places.share(&clients);
        let clients: Vec<_> = clients
            .into_iter()
            .zip(rooms)
            .filter(|(_, room)| *room > 0)
            .collect();
        if clients.is_empty() {
            return Ok(());
        }
        // The lease counts from here, whatever was waited for before.
        let taken_at = Instant::now();
        let asked: Vec<_> = clients
            .iter()
            .map(|((id, _), room)| (id.clone(), i64::try_from(*room).unwrap_or(i64::MAX)))
            .collect();
        let take = TakeDeliveries {
            owner: &self.owner,
            now: self.provider.clock.now(),
            lease: LEASE,
            clients: &asked,
        };
        let taken = store.take_deliveries(&take).await;
        places.unreserve();
        for delivery in taken? {
            let host = clients
                .iter()
                .find(|((id, _), _)| *id == delivery.client_id);
            let host = host.map(|((_, host), _)| host.as_str()).unwrap_or_default();
            let place = places.take(&delivery.client_id, host);
            let sender = self.clone();
            sending.spawn(async move {
                let sent = send(&sender.provider, &*sender.outbound, &delivery);
                let sent = tokio::time::timeout_at(taken_at + GIVEN_UP, sent);
                let sent = match AssertUnwindSafe(sent).catch_unwind().await {
                    Ok(Ok(sent)) => sent,
                    Ok(Err(_)) => Sent::Not("it took too long".into()),
                    Err(_) => Sent::Not("the attempt panicked".into()),
                };
                let standing = settle(&sender.provider, &sender.said, &delivery, sent).await;
                (place, standing)
            });
        }
        Ok(())
    }

    /// The host that a client is told at; empty where it is not told any more, or cannot be read.
    async fn host(&self, client_id: &str) -> Result<String, StoreError> {
        let client = match self.provider.store.client(&ClientId::new(client_id)).await {
            // Whoever sends it says so: nobody else waits for a client that cannot be read.
            Err(StoreError::Corrupt { .. }) => None,
            client => client?,
        };
        let host = client
            .as_deref()
            .and_then(Recipient::of)
            .and_then(|recipient| uri::host(recipient.uri));
        Ok(host.unwrap_or_default())
    }
}
