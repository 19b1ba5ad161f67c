//! Deliveries of logout tokens: a row for each session that has ended and each client that is told, written in the
//! transaction that ended the session. It is the queue, and afterwards the receipt.

use crate::{
    ClientId, SessionId, UserId,
    logout_token::{Delivery, SessionEnd},
    time::Timestamp,
};

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is to be sent, or sent again.
    Waiting,
    /// The client has taken it.
    Delivered,
    /// It was tried for a day. It is sent again when an administrator says so.
    Dead,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::Dead];

    /// As it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// The inverse of [`DeliveryState::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// An attempt that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// When it was over.
    pub at: Timestamp,
    /// What it amounts to.
    pub delivery: Delivery,
    /// The status that was answered.
    pub status: Option<u16>,
    /// How long it took.
    pub milliseconds: i64,
    /// Why it was not delivered.
    pub reason: Option<String>,
}

/// A client keeps failing when an attempt to tell it has failed so many seconds ago or longer, and nothing was delivered to it
/// within them, though to others something was not long ago.
pub const FAILING_FOR: i64 = 600;

/// Deliveries that were given up, because too many wait and their client keeps failing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    /// The client that is not told.
    pub client_id: ClientId,
    /// How many.
    pub count: usize,
}

/// What is known of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Its number; later ones are higher.
    pub id: i64,
    /// The session that ended.
    pub end: SessionEnd,
    /// Why it ended, as the audit log says it.
    pub cause: String,
    /// When it ended.
    pub ended_at: Timestamp,
    /// The client that is told.
    pub client_id: ClientId,
    /// Where it stands.
    pub state: DeliveryState,
    /// How many attempts were begun.
    pub attempts: i64,
    /// When the next one is due; while one is made, when it is given up.
    pub next_at: Option<Timestamp>,
    /// The last attempt that was made.
    pub last: Option<Attempted>,
}

/// The right to say what came of an attempt, until somebody else makes the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryLease {
    /// The delivery's number.
    pub delivery: i64,
    /// Who took it.
    pub owner: String,
    /// The first is 1.
    pub attempt: i64,
}

/// A delivery that was taken, to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenDelivery {
    /// The session that ended.
    pub end: SessionEnd,
    /// The client that is told.
    pub client_id: ClientId,
    /// When it ended.
    pub ended_at: Timestamp,
    /// It is tried for a day from here.
    pub since: Timestamp,
    /// How many attempts were begun since then, this one included.
    pub attempts: i64,
    /// The right to say what came of it.
    pub lease: DeliveryLease,
}

/// Who wants to send, to whom and for how long.
#[derive(Debug, Clone)]
pub struct TakeDeliveries<'a> {
    /// A name that no other sender has, on any node.
    pub owner: &'a str,
    /// The moment of asking.
    pub now: Timestamp,
    /// Seconds until others may send them: longer than an attempt can last.
    pub lease: i64,
    /// To which clients, and how many to each at most.
    pub clients: &'a [(ClientId, i64)],
}

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterAttempt {
    /// Nothing: the client has taken it.
    Delivered,
    /// Another one, at this moment.
    Again(Timestamp),
    /// None, unless an administrator says so.
    Dead,
}

/// Which receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptsOf<'a> {
    /// All there are.
    All,
    /// Those of deliveries that nobody tries any more.
    Dead,
    /// Those of one session.
    Session(&'a SessionId),
    /// Those that a filter applies to.
    Filtered(&'a ReceiptFilter),
}

/// Receipts that are looked for. What is not named may be anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceiptFilter {
    /// Where they stand.
    pub state: Option<DeliveryState>,
    /// The client that is told.
    pub client: Option<ClientId>,
    /// Whose session ended.
    pub user: Option<UserId>,
    /// By descending numbers: a page goes on below one.
    pub newest_first: bool,
}

/// What is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// One delivery, whatever was answered; one that waits for its next attempt is sent at once.
    One(i64),
    /// All that are dead.
    Dead,
}
