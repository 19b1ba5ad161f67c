//! The program: reads settings, opens the store, joins the routes, runs commands.
//!
//! A library so that the tests can start it inside their own process; what is public is what they and `main` need.
#![warn(missing_docs)]

mod cli;
mod commands;
pub mod config;
mod connections;
pub mod deliveries;
mod dev;
mod edge;
mod host;
pub mod key_watch;
mod log;
mod observe;
mod recorder;
#[cfg(test)]
mod registry_tests;
mod runtime;
pub mod serve;
mod status_watch;
pub mod supervised;
pub mod tally;
mod tls;
pub mod wiring;
pub mod workers;

pub use commands::run;
pub use host::keep_to_ourselves;
