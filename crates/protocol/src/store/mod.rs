//! What the rules need kept. Every verb is atomic; no transaction is visible outside. A verb whose comment names
//! a condition checks it and writes in one step, so that of any number of racing callers one wins.

mod access_tokens;
mod attempts;
mod audit;
mod authorizations;
mod bulk_ends;
mod clients;
mod consents;
mod console;
mod custom_claims;
mod deliveries;
mod housekeeping;
mod idempotency;
mod identities;
mod interactions;
mod jobs;
mod keys;
mod refusals;
mod sessions;
mod status_lists;
mod tallies;
mod upstreams;
mod users;

pub use self::{
    access_tokens::AccessTokens,
    attempts::Attempts,
    audit::Audit,
    authorizations::Authorizations,
    bulk_ends::BulkEnds,
    clients::Clients,
    consents::{ConsentEnd, Consents, ConsentsOf},
    console::{Console, SetupOutcome},
    custom_claims::{ClaimMappings, ClaimOutcome},
    deliveries::Deliveries,
    housekeeping::Housekeeping,
    idempotency::IdempotentCalls,
    identities::{
        Identities, IdentitySignIn, IdentitySignInOutcome, LinkOutcome, UnlinkOutcome,
        UpstreamSessionEnd,
    },
    interactions::{BeginOutcome, Interactions},
    jobs::Jobs,
    keys::SigningKeys,
    refusals::KeptRefusals,
    sessions::Sessions,
    status_lists::{
        EndedCursor, EndedTokens, EntryLease, KnownList, LeaseRequest, StatusChanges, StatusLists,
    },
    tallies::Tallies,
    upstreams::{UpstreamEnd, UpstreamWrite, Upstreams},
    users::{LastAdministrator, UserEnd, Users, WriteOutcome},
};
use crate::Reason;

/// Why the store could not answer. Never a refusal: it is ours, and is `server_error` outside.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection, with what the driver says.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// More waits than can be answered in time.
    #[error("the database is busy: too much is waiting")]
    Busy,
    /// A row holds what no rule would have written.
    #[error("a row cannot be read: {table} {row}: {column}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row's key.
        row: String,
        /// The column.
        column: &'static str,
    },
    /// Any other failure, with what the database says.
    #[error("the database refused: {0}")]
    Failed(String),
}

impl StoreError {
    /// What the outside hears of it.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Busy => Reason::Busy,
            Self::Unavailable(_) => Reason::DatabaseAway,
            Self::Corrupt { .. } | Self::Failed(_) => Reason::ServerFault,
        }
    }
}

/// What a verb answers.
pub type Result<T> = std::result::Result<T, StoreError>;

macro_rules! subjects {
    ($($subject:ident),+ $(,)?) => {
        /// All subjects together. Whoever needs only one asks for that: `&dyn Users`, not `&dyn Store`.
        pub trait Store: $($subject +)+ {}
        impl<T: $($subject +)+ ?Sized> Store for T {}
    };
}
subjects![
    Clients,
    Users,
    Sessions,
    Upstreams,
    Identities,
    BulkEnds,
    Interactions,
    Consents,
    Authorizations,
    AccessTokens,
    StatusLists,
    ClaimMappings,
    SigningKeys,
    Audit,
    Attempts,
    KeptRefusals,
    Jobs,
    Deliveries,
    Console,
    IdempotentCalls,
    Tallies,
    Housekeeping,
];
