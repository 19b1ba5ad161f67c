//! The vocabulary, the parsing, the rules and the records of OAuth 2.0 and OpenID Connect, and the
//! ports ([`Store`], [`Clock`], [`Entropy`], [`Outbound`]) that it expects others to fill.
//!
//! Nothing in here touches the world: no I/O, no async runtime, no clock, no randomness. Every rule
//! takes what it needs, with a plain `now`, and returns what has been decided.
#![warn(missing_docs)]

pub mod access;
pub mod algorithm;
pub mod api;
pub mod attempts;
pub mod audit;
pub mod audit_chain;
pub mod audit_place;
pub mod audit_row;
pub mod audit_walk;
pub mod authentication;
pub mod authorization;
pub mod authorize;
pub mod bearer;
pub mod bounds;
pub mod bulk_end;
pub mod claims;
pub mod client;
pub mod client_auth;
pub mod client_keys;
pub mod client_list;
pub mod client_reference;
pub mod consent;
pub mod console;
pub mod deliveries;
pub mod device;
pub mod discovery;
pub mod entry_change;
pub mod error;
pub mod field_error;
pub mod front_channel;
pub mod idempotency;
pub mod ids;
pub mod interaction;
pub mod introspection;
mod issuer;
pub mod jobs;
pub mod json;
pub mod kind;
pub mod lifetimes;
pub mod logout;
pub mod logout_token;
pub mod logout_uri;
pub mod metadata;
pub mod names;
pub mod observe;
pub mod outbound;
pub mod overview;
pub mod page;
pub mod params;
pub mod passwords;
pub mod paths;
pub mod pkce;
pub mod profile;
pub mod reason;
pub mod redirect_uri;
pub mod registration;
pub mod revocation;
pub mod rotation;
pub mod scope;
pub mod secret;
pub mod session;
pub mod status;
pub mod store;
pub mod subject;
pub mod tally;
pub mod time;
pub mod token;
pub mod uri;
pub mod user;
pub mod user_list;

pub use algorithm::{IdTokenAlgorithm, SigningAlgorithm};
pub use ids::{AuthorizationId, ClientId, SessionId, UserId};
pub use issuer::Issuer;
pub use outbound::Outbound;
pub use params::Params;
pub use reason::{Detail, ErrorCode, Reason, RefusalText};
pub use scope::ScopeSet;
pub use secret::{Digest, Entropy, Secret};
pub use store::{Store, StoreError};
pub use subject::Subject;
pub use time::{Clock, Timestamp};
