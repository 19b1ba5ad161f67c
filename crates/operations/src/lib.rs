//! What can be done with users, clients, keys and sessions, once, for every front end: no HTTP, no terminal.
//!
//! Passwords are hashed and checked here, users signed in, and attempts at passwords and client secrets limited. An operation
//! takes typed input, asks the rules, calls the storage verbs, records what was done, and returns the record as it is
//! afterwards.
#![warn(missing_docs)]

mod access;
mod attempts;
pub mod audit;
mod audit_chain;
mod audit_place;
pub mod back_channel;
pub mod bulk_ends;
mod caller;
mod client_guard;
mod client_keys;
mod client_secrets;
mod client_state;
mod client_warnings;
mod clients;
mod consents;
mod custom_claims;
mod deliveries;
mod error;
mod failures;
mod hash_memory;
mod hashing;
mod idempotency;
mod identities;
mod key_maker;
pub mod keys;
mod known_browser;
mod line;
mod overview;
mod password;
mod preview;
mod realm;
mod refusals;
pub mod registry;
mod sessions;
mod setup;
mod sign_in;
pub mod token_keys;
mod upstream_secrets;
mod upstream_sign_in;
mod upstreams;
mod user_password;
mod users;
mod whom;

use latchkey_protocol::{Entropy, Store, Timestamp};

pub use access::{AccessPage, UserAccess};
pub use attempts::{Attempt, Throttle};
pub use audit::{AuditEvent, Operation};
pub use audit_chain::AuditVerdict;
pub use audit_place::audit_place;
pub use caller::{Actor, Caller};
pub use client_guard::ClientGuard;
pub use client_keys::{JoseSignatures, client_keys};
pub use client_secrets::ClientSecrets;
pub use client_state::ClientState;
pub use client_warnings::{ClientWarning, TokenTypes};
pub use clients::{ClientChange, RegisteredClient, client_information};
pub use error::OperationError;
pub use failures::FailureRecorder;
pub use hashing::{Busy, Waiter};
pub use idempotency::{Idempotency, Repetition};
pub use identities::UnlinkedIdentity;
pub use key_maker::KeyMaker;
pub use known_browser::KnownBrowser;
pub use latchkey_jose::MasterKey;
pub use password::{Hasher, PasswordCheck, PasswordFault, PasswordKey, Passwords};
pub use preview::{TokenPreview, TokenRules};
pub use realm::Realm;
pub use refusals::ExplainedRefusal;
pub use sessions::SessionTrace;
pub use sign_in::{PasswordSignIn, SignIn, SignInOutcome, SignedIn};
pub use upstream_secrets::{LoginSecrets, UpstreamSecrets};
pub use upstream_sign_in::{Arrival, Arrived, UpstreamSignIn};
pub use upstreams::{NewUpstream, UpstreamChange};
pub use user_password::HashedPassword;
pub use users::{EndedSessions, NewUser};
pub use whom::Whom;

/// What every operation returns.
pub type Result<T> = std::result::Result<T, OperationError>;

/// How often a change is tried that others keep overtaking.
const TRIES: usize = 10;

/// What can be done, by one actor at one time. Made for each call.
pub struct Operations<'a> {
    /// The database.
    pub store: &'a dyn Store,
    /// Randomness for ids and secrets.
    pub entropy: &'a dyn Entropy,
    /// Who does it, from where.
    pub caller: Caller,
    /// The moment that all is judged at, in seconds since the epoch.
    pub now: Timestamp,
}
