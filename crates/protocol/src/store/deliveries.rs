//! Who hears of the end of a session, and who has.

use async_trait::async_trait;

use super::Result;
use crate::{
    ClientId, SessionId,
    deliveries::{
        AfterAttempt, Again, Attempted, DeliveryLease, GivenUp, Receipt, ReceiptsOf,
        TakeDeliveries, TakenDelivery,
    },
    page::Page,
    time::Timestamp,
};

/// Who hears of the end of a session, and who has. Whatever ends a session writes a delivery for each client that is noted
/// in it and has a `backchannel_logout_uri`, in its own transaction, and forgets who was noted.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// The clients that are noted in a live session ([`super::Authorizations::exchange_code_in_session`]), by their ids.
    async fn session_clients(&self, session: &SessionId) -> Result<Vec<ClientId>>;
    /// The clients that something is to be sent to at `now`.
    async fn clients_to_tell(&self, now: Timestamp) -> Result<Vec<ClientId>>;
    /// Takes what is due, of each client what waited longest. Each of racing callers gets others.
    async fn take_deliveries(&self, take: &TakeDeliveries<'_>) -> Result<Vec<TakenDelivery>>;
    /// Writes down an attempt and what follows it. `false`, and nothing written, when the lease is not the last.
    async fn note_attempt(
        &self,
        lease: &DeliveryLease,
        attempted: &Attempted,
        after: AfterAttempt,
    ) -> Result<bool>;
    /// No attempt was made: it is due again at `at`, and nothing is counted. `false` as [`Deliveries::note_attempt`].
    async fn give_back_delivery(&self, lease: &DeliveryLease, at: Timestamp) -> Result<bool>;
    /// Receipts, by their numbers; a page goes on after one. Those of a session are few and come at once.
    async fn receipts(&self, of: ReceiptsOf<'_>, page: &Page<i64>) -> Result<Vec<Receipt>>;
    /// One receipt.
    async fn receipt(&self, id: i64) -> Result<Option<Receipt>>;
    /// What is named is due now, and tried for a day from now. What is being sent at this moment is left to whoever sends
    /// it. How many deliveries.
    async fn send_again(&self, what: Again, now: Timestamp) -> Result<usize>;
    /// How many deliveries wait, counted up to `most`.
    async fn waiting_deliveries(&self, most: i64) -> Result<i64>;
    /// Makes dead letters, `times` times in a row, of the `most` oldest deliveries that wait for a client that keeps failing ([`crate::deliveries::FAILING_FOR`]) and
    /// for which at least `share` wait, with an entry in the audit table; of several such clients, of the one that has the most.
    /// What is being sent at this moment is left to whoever sends it. None where there is no such client.
    async fn give_up_failing(
        &self,
        share: i64,
        most: i64,
        times: usize,
        now: Timestamp,
    ) -> Result<Option<GivenUp>>;
    /// Comes back when this process has written deliveries, and perhaps without reason.
    async fn delivery_added(&self);
}
