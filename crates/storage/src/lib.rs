//! Fills [`latchkey_protocol::Store`] on SQLite and PostgreSQL with diesel.
#![warn(missing_docs)]

mod access_tokens;
mod address_keys;
mod attempts;
mod audit;
mod authorizations;
mod bulk_ends;
mod clients;
mod columns;
mod connection;
mod consents;
mod console;
mod crew;
mod custom_claims;
mod deliveries;
mod error;
mod files;
mod group;
mod idempotency;
mod identities;
mod interactions;
mod jobs;
mod keys;
mod lanes;
mod migrate;
mod postgres;
#[cfg(test)]
mod prepared_tests;
mod questions;
mod refusals;
mod schema;
#[cfg(test)]
mod schema_tests;
mod sessions;
mod space;
mod sqlite;
mod statement;
mod status_lists;
mod stored;
mod sweep;
mod tallies;
mod task;
#[cfg(test)]
mod test_database;
mod upstreams;
mod users;

pub use connection::{Database, Options};
pub use migrate::Condition;
