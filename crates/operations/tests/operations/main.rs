//! What each operation promises a front end, on a real SQLite database: the record that comes back is the one that is
//! stored, what is refused changes nothing and leaves no event, what is done leaves one.

#![allow(clippy::unwrap_used)]

mod access;
mod audit;
mod back_channel;
mod between_verbs;
mod clients;
mod consents;
mod keys;
mod linking_stories;
mod overtaken;
mod refusals;
mod sessions;
mod shared_secrets;
mod sign_in;
mod support;
mod upstreams;
mod users;
