//! The verifier against an issuer of the test's own: what it takes, every attack that it refuses, and what it does while the
//! issuer is away.
#![allow(clippy::unwrap_used)]

mod algorithms;
mod answers;
mod audiences;
mod axum_routes;
mod guards;
mod headers;
mod http_client;
mod introspection;
mod keyless;
mod keys;
mod kinds;
mod list_attacks;
mod list_outages;
mod list_pushes;
mod list_tasks;
mod lists;
mod logs;
mod outages;
mod remembered;
mod routes;
mod support;
mod times;
mod tonic;
mod tower;
